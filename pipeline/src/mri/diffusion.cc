#include "mri/diffusion.h"

#include <cmath>

#include <fovea/base/error.h>

#include "mri/grid.h"
#include "mri/intensity.h"
#include "slide/words.h"

namespace fovea::pipeline::mri {
namespace {

constexpr double kLeastMedian = 400, kMostMedian = 1600, kMostHigh = 6000;  // 1e-6 mm2/s
constexpr double kScales[] = {1, 1e3, 1e6};

}  // namespace

DiffusionValues diffusion_values(const io::Volume& volume) {
  const Index3& size = volume.geometry.size;
  // The middle half of each axis: the head, with hardly any air or skin.
  const auto from = [&](std::size_t a) { return size[a] / 4; };
  const auto to = [&](std::size_t a) { return size[a] - size[a] / 4; };
  std::vector<float> inside;
  for (std::int64_t k = from(2); k < to(2); ++k)
    for (std::int64_t j = from(1); j < to(1); ++j)
      for (std::int64_t i = from(0); i < to(0); ++i)
        if (const float v = volume.values[static_cast<std::size_t>((k * size[1] + j) * size[0] + i)]; v > 0)
          inside.push_back(v);
  DiffusionValues values;
  if (inside.empty()) return values;
  values.median = percentile(inside, 50), values.high = percentile(std::move(inside), 99);
  for (const double scale : kScales)
    if (scale * values.median >= kLeastMedian && scale * values.median <= kMostMedian &&
        scale * values.high <= kMostHigh)
      values.scale = scale;
  return values;
}

void scale_adc(io::Volume& adc, std::string& notice) {
  const DiffusionValues values = diffusion_values(adc);
  if (values.scale == 0) {
    notice = "its values (median " + slide::number_text(values.median) +
             ") are no usual diffusion coefficients in any unit: check that it is an ADC map";
    return;
  }
  if (values.scale == 1) return;
  for (float& v : adc.values) v = static_cast<float>(v * values.scale);
  notice = "its values were taken for " + std::string(values.scale == 1e6 ? "mm2/s" : "1e-3 mm2/s") +
           " and brought to 1e-6 mm2/s";
}

void refuse_swapped(const io::Volume& dwi, const io::Volume& adc) {
  const DiffusionValues as_dwi = diffusion_values(dwi), as_adc = diffusion_values(adc);
  if (as_adc.scale != 0 || as_dwi.scale == 0) return;
  throw Error(ErrorCode::kUsage, "--modality",
              "dwi holds diffusion coefficients (median " + slide::number_text(as_dwi.median) +
                  ") and adc does not (median " + slide::number_text(as_adc.median) + "): the two seem to be swapped",
              "Give the ADC map as adc= and the diffusion-weighted image as dwi=.");
}

}  // namespace fovea::pipeline::mri
