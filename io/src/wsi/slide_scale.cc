// Micrometres per pixel: which properties say it, and which are not to be believed (wsi.md 1.3).
#include <algorithm>
#include <charconv>
#include <cmath>
#include <fstream>
#include <vector>

#include <fovea/base/error.h>
#include <fovea/io/hash.h>

#include "wsi/slide_readers.h"

namespace fovea::io {
namespace {

constexpr double kMinMpp = 0.05, kMaxMpp = 20;  // a PNG turned TIFF at 72 dpi would give 352.8
constexpr double kMaxContradiction = 0.1;       // of a scale given and one told; nominal powers are 7 % off
constexpr double kMaxAnisotropy = 0.02;
constexpr std::size_t kIdentityBlock = 1 << 20;

std::optional<double> number(const std::map<std::string, std::string>& properties, const std::string& name) {
  const auto found = properties.find(name);
  if (found == properties.end()) return {};
  double value = 0;
  const auto [end, error] = std::from_chars(found->second.data(), found->second.data() + found->second.size(), value);
  if (error != std::errc{} || !std::isfinite(value) || value <= 0) return {};
  return value;
}

PixelScale scale_of(double x, double y, std::string source, bool estimated = false) {
  return {(x + y) / 2, x, y, std::move(source), estimated};
}

bool plausible(double mpp) {
  return mpp >= kMinMpp && mpp <= kMaxMpp;
}

std::optional<PixelScale> from_tiff(const std::map<std::string, std::string>& properties) {
  const auto unit = properties.find("tiff.ResolutionUnit");
  const auto x = number(properties, "tiff.XResolution"), y = number(properties, "tiff.YResolution");
  if (unit == properties.end() || !x) return {};
  const double um = unit->second == "centimeter" ? 10000 : unit->second == "inch" ? 25400 : 0;
  if (um == 0 || !plausible(um / *x)) return {};
  return scale_of(um / *x, um / y.value_or(*x), "tiff resolution");
}

/// What the slide tells of itself.
std::optional<PixelScale> told_scale(const std::map<std::string, std::string>& properties,
                                     const std::optional<double>& objective_power) {
  const auto x = number(properties, "openslide.mpp-x"), y = number(properties, "openslide.mpp-y");
  if (x && plausible(*x)) return scale_of(*x, y.value_or(*x), "openslide.mpp-x");
  if (const auto aperio = number(properties, "aperio.MPP"); aperio && plausible(*aperio))
    return scale_of(*aperio, *aperio, "aperio.MPP");
  if (auto tiff = from_tiff(properties)) return tiff;
  if (!objective_power) return {};
  return scale_of(10 / *objective_power, 10 / *objective_power, "objective-power (estimated)", true);
}

}  // namespace

void find_scale(const std::map<std::string, std::string>& properties, const SlideOptions& options, SlideInfo& info) {
  info.objective_power = number(properties, "openslide.objective-power");
  info.scale_tried = {"openslide.mpp-x", "aperio.MPP", "tiff.XResolution", "openslide.objective-power"};
  const auto told = told_scale(properties, info.objective_power);
  if (options.mpp) {
    if (!(*options.mpp > 0))
      throw Error(ErrorCode::kUsage, "--mpp", "the scale must be above 0",
                  "Give micrometres per pixel, for instance 0.25.");
    info.scale = scale_of(*options.mpp, *options.mpp, "user");
    // Easily meant for the tiles' scale, and then every tile is of the wrong size.
    if (told && std::abs(told->mpp - *options.mpp) > kMaxContradiction * told->mpp)
      info.notices.push_back("the slide tells " + std::to_string(told->mpp) + " um per pixel (" + told->source +
                             "), but " + std::to_string(*options.mpp) + " was given for it and is used");
    return;
  }
  info.scale = told;
  if (told && told->estimated)
    info.notices.push_back("the scale is estimated from the objective's nominal power; pass --mpp if you know it");
  if (info.scale && std::abs(info.scale->mpp_x - info.scale->mpp_y) > kMaxAnisotropy * info.scale->mpp)
    info.notices.push_back("the slide's pixels are not square (" + std::to_string(info.scale->mpp_x) + " x " +
                           std::to_string(info.scale->mpp_y) + " um); their mean is used");
}

std::string identity_of(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::vector<char> block(2 * kIdentityBlock + sizeof(std::uint64_t), 0);
  std::error_code ignored;
  const std::uint64_t size = std::filesystem::file_size(path, ignored);
  std::copy_n(reinterpret_cast<const char*>(&size), sizeof size, block.data());
  stream.read(block.data() + sizeof size, kIdentityBlock);
  if (size > 2 * kIdentityBlock) {
    stream.clear();
    stream.seekg(-static_cast<std::streamoff>(kIdentityBlock), std::ios::end);
    stream.read(block.data() + sizeof size + kIdentityBlock, kIdentityBlock);
  }
  return sha256(std::as_bytes(std::span<const char>(block)));
}

}  // namespace fovea::io
