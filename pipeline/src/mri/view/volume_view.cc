#include <fovea/pipeline/volume_view.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include <fovea/base/error.h>

#include "mri/view/view_grid.h"
#include "slide/words.h"

namespace fovea::pipeline {
namespace {

constexpr std::size_t kSampledVoxels = 1'000'000, kQuantiles = 1001;
constexpr double kForegroundShare = 0.01;
constexpr std::int64_t kPlausibleSlices = 8;

using Shorts = std::numeric_limits<std::int16_t>;

/// Order statistics of a sample: exact ones would cost a copy of a volume that may be 400 MB.
std::vector<double> quantiles_of(const std::vector<float>& values) {
  const std::size_t stride = values.size() / kSampledVoxels | 1;  // odd: an even one may meet every second column only
  std::vector<float> positive, all;
  for (std::size_t i = 0; i < values.size(); i += stride) {
    all.push_back(values[i]);
    if (values[i] > 0) positive.push_back(values[i]);
  }
  std::vector<float>& sample =
      static_cast<double>(positive.size()) >= kForegroundShare * static_cast<double>(all.size()) && !positive.empty()
          ? positive
          : all;
  std::sort(sample.begin(), sample.end());
  std::vector<double> quantiles(kQuantiles);
  for (std::size_t q = 0; q < kQuantiles; ++q) quantiles[q] = sample[(sample.size() - 1) * q / (kQuantiles - 1)];
  return quantiles;
}

bool whole_numbers(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float v) {
    return v >= static_cast<float>(Shorts::min()) && v <= static_cast<float>(Shorts::max()) && v == std::trunc(v);
  });
}

void refuse_stopped(const std::stop_token& stop) {
  if (stop.stop_requested()) throw Error(ErrorCode::kCancelled, "", "the volume was not opened");
}

void fill(ViewVolume& view, const io::Volume& volume, bool compact) {
  const std::vector<float>& values = volume.values;
  const bool exact = whole_numbers(values);
  if (!exact && !compact) {
    view.floats.resize(values.size());
    mri::for_each_voxel(view.grid, volume.geometry,
                        [&](std::size_t to, std::size_t from) { view.floats[to] = values[from]; });
    return;
  }
  if (!exact) {
    const double range = view.greatest - view.least;
    view.scale = range > 0 ? range / (Shorts::max() - Shorts::min()) : 1;
    view.offset = view.least - view.scale * Shorts::min();
  }
  view.shorts.resize(values.size());
  const double offset = view.offset, inverse = 1 / view.scale;
  mri::for_each_voxel(view.grid, volume.geometry, [&](std::size_t to, std::size_t from) {
    const double stored = std::round((values[from] - offset) * inverse);
    view.shorts[to] = static_cast<std::int16_t>(
        std::clamp(stored, static_cast<double>(Shorts::min()), static_cast<double>(Shorts::max())));
  });
}

}  // namespace

double ViewVolume::quantile(double per_cent) const {
  if (quantiles.empty()) return 0;
  const double place = std::clamp(per_cent, 0.0, 100.0) / 100 * static_cast<double>(quantiles.size() - 1);
  return quantiles[static_cast<std::size_t>(std::lround(place))];
}

ViewVolume load_view_volume(const std::filesystem::path& path, const ViewReadOptions& options,
                            const std::stop_token& stop) {
  io::Volume volume = io::read_volume(path, options.reading);
  refuse_stopped(stop);
  ViewVolume view;
  view.grid = mri::view_grid(volume.geometry);
  view.modality = volume.modality, view.notices = std::move(volume.notices);
  const auto [least, greatest] = std::minmax_element(volume.values.begin(), volume.values.end());
  view.least = *least, view.greatest = *greatest;
  view.quantiles = quantiles_of(volume.values);
  fill(view, volume, options.compact);
  refuse_stopped(stop);
  return view;
}

std::vector<ViewSeries> view_series(const std::filesystem::path& folder) {
  std::vector<ViewSeries> list;
  if (!std::filesystem::is_directory(folder)) return list;
  const std::vector<io::SeriesInfo> all = io::list_series(folder);
  for (std::size_t i = 0; i < all.size(); ++i) {
    const io::Geometry& g = all[i].geometry;
    if (all[i].modality != "MR" || g.size[2] < kPlausibleSlices) continue;
    list.push_back({(all[i].description.empty() ? "no description" : all[i].description) + ", " +
                        std::to_string(g.size[0]) + " x " + std::to_string(g.size[1]) + " x " +
                        std::to_string(g.size[2]) + ", " + slide::fixed_text(g.spacing_mm[0], 2) + " x " +
                        slide::fixed_text(g.spacing_mm[1], 2) + " mm in plane",
                    std::to_string(i + 1)});
  }
  return list;
}

}  // namespace fovea::pipeline
