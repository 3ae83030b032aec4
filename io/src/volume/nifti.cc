// NIfTI: ITK reads the voxels; what it decides silently is checked here from the header itself (mri-io.md 2.2).
#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <memory>

#include <itkNiftiImageIO.h>
#include <zlib.h>

#include <fovea/base/error.h>

#include "volume/itk_bridge.h"
#include "volume/volume_readers.h"

namespace fovea::io {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kHeaderSize = 348;
constexpr double kMaxDisagreementMm = 0.1, kMostExcess = 1 << 20;  // bytes after the voxels

struct CloseGz {
  void operator()(gzFile_s* file) const { gzclose(file); }
};
using GzFile = std::unique_ptr<gzFile_s, CloseGz>;  // zlib reads plain files as they are

using Header = std::array<unsigned char, kHeaderSize>;
using Matrix = std::array<double, 12>;  // rows of index -> mm

bool ends_with(const std::string& text, std::string_view end) {
  return text.size() >= end.size() && text.compare(text.size() - end.size(), end.size(), end) == 0;
}

template <class T>
T field(const Header& header, std::size_t offset, bool swap) {
  std::array<unsigned char, sizeof(T)> raw;
  std::copy_n(header.begin() + static_cast<std::ptrdiff_t>(offset), sizeof(T), raw.begin());
  if (swap) std::reverse(raw.begin(), raw.end());
  T value;
  std::memcpy(&value, raw.data(), sizeof(T));
  return value;
}

Matrix qform_of(const Header& h, bool swap) {
  const double b = field<float>(h, 256, swap), c = field<float>(h, 260, swap), d = field<float>(h, 264, swap);
  const double a = std::sqrt(std::max(0.0, 1 - b * b - c * c - d * d));
  const double dx = field<float>(h, 80, swap), dy = field<float>(h, 84, swap),
               dz = field<float>(h, 88, swap) * (field<float>(h, 76, swap) < 0 ? -1.0 : 1.0);
  return {(a * a + b * b - c * c - d * d) * dx,
          2 * (b * c - a * d) * dy,
          2 * (b * d + a * c) * dz,
          field<float>(h, 268, swap),
          2 * (b * c + a * d) * dx,
          (a * a + c * c - b * b - d * d) * dy,
          2 * (c * d - a * b) * dz,
          field<float>(h, 272, swap),
          2 * (b * d - a * c) * dx,
          2 * (c * d + a * b) * dy,
          (a * a + d * d - b * b - c * c) * dz,
          field<float>(h, 276, swap)};
}

Matrix sform_of(const Header& h, bool swap) {
  Matrix matrix{};
  for (std::size_t i = 0; i < 12; ++i) matrix[i] = field<float>(h, 280 + 4 * i, swap);
  return matrix;
}

double largest_corner_distance(const Matrix& a, const Matrix& b, const std::array<double, 3>& last) {
  double largest = 0;
  for (int corner = 0; corner < 8; ++corner) {
    double squared = 0;
    for (std::size_t row = 0; row < 3; ++row) {
      double difference = a[4 * row + 3] - b[4 * row + 3];
      for (std::size_t axis = 0; axis < 3; ++axis)
        if (corner >> axis & 1) difference += (a[4 * row + axis] - b[4 * row + axis]) * last[axis];
      squared += difference * difference;
    }
    largest = std::max(largest, std::sqrt(squared));
  }
  return largest;
}

/// The data file of a header: itself, or the .img beside a .hdr.
std::optional<Header> read_header(const fs::path& path, bool& swap) {
  GzFile file(gzopen(path.c_str(), "rb"));
  Header header{};
  if (!file || gzread(file.get(), header.data(), kHeaderSize) != static_cast<int>(kHeaderSize)) return {};
  const auto size = field<std::int32_t>(header, 0, false);
  swap = size != 348 && size != 540;
  if (field<std::int32_t>(header, 0, swap) != 348) return {};  // NIfTI-2 is left to ITK
  if (std::memcmp(header.data() + 344, "n+1", 3) != 0 && std::memcmp(header.data() + 344, "ni1", 3) != 0) return {};
  return header;
}

/// ITK's NIfTI library turns voxels that are no numbers into 0 without a word: they are counted in the raw bytes.
class NotNumbers {
 public:
  /// Over the voxels of the 3-D volume `index`.
  NotNumbers(const Header& header, bool swap, int index) : swap_(swap) {
    const int type = field<std::int16_t>(header, 70, swap);
    width_ = type == 16 ? 4 : type == 64 ? 8 : 0;
    std::uint64_t voxels = 1;
    for (std::size_t axis = 1; axis <= 3; ++axis)
      voxels *= static_cast<std::uint64_t>(std::max<int>(1, field<std::int16_t>(header, 40 + 2 * axis, swap)));
    begin_ = static_cast<std::uint64_t>(field<float>(header, 108, swap)) +
             static_cast<std::uint64_t>(index) * voxels * width_;
    end_ = begin_ + voxels * width_;
  }
  void scan(const char* bytes, std::size_t size) {
    for (std::size_t i = 0; width_ > 0 && i < size; ++i, ++at_) {
      if (at_ < begin_ || at_ >= end_) continue;
      voxel_[filled_++] = static_cast<unsigned char>(bytes[i]);
      if (filled_ == width_) filled_ = 0, count_ += !is_number();
    }
  }
  std::uint64_t count() const { return count_; }
  bool all() const { return width_ > 0 && count_ * width_ == end_ - begin_; }

 private:
  bool is_number() {
    if (swap_) std::reverse(voxel_.begin(), voxel_.begin() + static_cast<std::ptrdiff_t>(width_));
    float single = 0;
    double wide = 0;
    if (width_ == 4) return std::memcpy(&single, voxel_.data(), 4), std::isfinite(single);
    return std::memcpy(&wide, voxel_.data(), 8), std::isfinite(wide);
  }
  bool swap_;
  std::size_t width_ = 0,
              filled_ = 0;  ///< bytes of a voxel (0: whole numbers are always numbers), bytes of the current one
  std::uint64_t begin_ = 0, end_ = 0, at_ = 0, count_ = 0;
  std::array<unsigned char, 8> voxel_{};
};

/// Inflates once without keeping anything: a truncated file is refused before anything is allocated for it.
void check_complete(const fs::path& path, const Header& header, bool swap, NotNumbers& not_numbers) {
  if (std::memcmp(header.data() + 344, "n+1", 3) != 0) return;
  double expected = field<float>(header, 108, swap);
  double size = field<std::int16_t>(header, 72, swap) / 8.0;
  for (int axis = 1; axis <= field<std::int16_t>(header, 40, swap) && axis < 8; ++axis)
    size *= std::max<double>(1, field<std::int16_t>(header, 40 + 2 * axis, swap));
  expected += size;
  GzFile file(gzopen(path.c_str(), "rb"));
  std::vector<char> block(1 << 20);
  double found = 0;
  // To the very end: only there does zlib compare the checksum, and notice that the last bytes are missing.
  for (int count; (count = gzread(file.get(), block.data(), static_cast<unsigned>(block.size()))) > 0; found += count) {
    if (found + count > expected + kMostExcess)
      throw Error(ErrorCode::kCorrupt, path.string(), "the file goes on far beyond what its header promises",
                  "Export the volume again.");
    not_numbers.scan(block.data(), static_cast<std::size_t>(count));
  }
  int state = Z_OK;
  gzerror(file.get(), &state);
  if (found >= expected && state != Z_OK && state != Z_STREAM_END)
    throw Error(ErrorCode::kCorrupt, path.string(), "the compressed data are damaged or cut off at the end",
                "Copy or export it again.");
  if (found < expected)
    throw Error(ErrorCode::kCorrupt, path.string(),
                "the file is truncated: its header promises " + std::to_string(static_cast<long long>(expected)) +
                    " bytes, " + std::to_string(static_cast<long long>(found)) + " are there",
                "Copy or export it again.");
}

void note_orientation(const Header& header, bool swap, Volume& volume) {
  const bool qform = field<std::int16_t>(header, 252, swap) > 0, sform = field<std::int16_t>(header, 254, swap) > 0;
  if (!qform && !sform)
    volume.notices.push_back(
        "the header gives no orientation (qform and sform codes are 0): left and right cannot be told; check the "
        "overlay");
  if (!qform || !sform) return;
  const std::array<double, 3> last{static_cast<double>(volume.geometry.size[0] - 1),
                                   static_cast<double>(volume.geometry.size[1] - 1),
                                   static_cast<double>(volume.geometry.size[2] - 1)};
  const double distance = largest_corner_distance(qform_of(header, swap), sform_of(header, swap), last);
  if (distance > kMaxDisagreementMm)
    volume.notices.push_back("the header's two orientations (qform, sform) differ by up to " +
                             std::to_string(distance).substr(0, 5) + " mm; check the overlay");
}

/// Sizes are known before anything is inflated or allocated.
void check_header(const fs::path& path, const Header& header, bool swap, const VolumeReadOptions& options) {
  const int rank = field<std::int16_t>(header, 40, swap);
  double voxels = 1;
  for (int axis = 1; axis <= std::min(rank, 7); ++axis) {
    const int extent = field<std::int16_t>(header, static_cast<std::size_t>(40 + 2 * axis), swap);
    if (extent < 1 && axis <= 3)
      throw Error(ErrorCode::kCorrupt, path.string(), "the header gives an impossible size",
                  "Export the volume again.");
    voxels *= std::max(1, extent);
  }
  if (rank < 1 || rank > 7)
    throw Error(ErrorCode::kCorrupt, path.string(), "the header gives an impossible number of dimensions",
                "Export the volume again.");
  check_memory(path.string(), voxels, options);
}

}  // namespace

bool is_nifti(const fs::path& path) {
  const std::string name = path.filename().string();
  return ends_with(name, ".nii") || ends_with(name, ".nii.gz") || ends_with(name, ".hdr") || ends_with(name, ".img") ||
         ends_with(name, ".img.gz");
}

Volume read_nifti(const fs::path& path, const VolumeReadOptions& options) {
  bool swap = false;
  std::uint64_t not_numbers = 0;
  const auto header = read_header(path, swap);
  if (header) {
    check_header(path, *header, swap, options);
    NotNumbers counted(*header, swap, options.volume_index.value_or(0));
    check_complete(path, *header, swap, counted);
    if (counted.all())
      throw Error(ErrorCode::kCorrupt, path.string(), "no voxel holds a number", "Export the volume again.");
    not_numbers = counted.count();
  } else if (auto probe = itk::NiftiImageIO::New(); silence_itk(), !probe->CanReadFile(path.c_str())) {
    throw Error(ErrorCode::kCorrupt, path.string(), "this is not a NIfTI file, whatever its name says",
                "Copy or export it again.");
  }
  auto image_io = itk::NiftiImageIO::New();
  Volume volume = read_with(image_io, path, options);
  if (header) note_orientation(*header, swap, volume);
  if (not_numbers > 0)
    volume.notices.push_back(std::to_string(not_numbers) +
                             " voxels were not numbers (NaN or infinite) and were set to 0");
  return volume;
}

}  // namespace fovea::io
