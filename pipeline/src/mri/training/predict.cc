#include "mri/training/predict.h"

#include <algorithm>

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <nlohmann/json.hpp>

#include "mri/grid_tensor.h"
#include "mri/labelling.h"
#include "mri/network_step.h"
#include "mri/slice_normalisation.h"

namespace fovea::pipeline::mri::training {
namespace {

constexpr std::int64_t kSlices = 8;
constexpr double kThreshold = 0.5;

Grid slice_of(const Grid& grid, std::int64_t z) {
  return cut(grid, {{0, 0, z}, {grid.size[0], grid.size[1], z + 1}});
}

/// Size of the plane that the network is given: the recipe's, larger where the case is.
Index3 canvas_of(const Prepared& prepared, const Recipe& recipe) {
  const std::int64_t divisor = recipe.network.divisor();
  Index3 canvas = window_of(recipe);
  for (std::size_t a = 0; a < 2; ++a)
    canvas[a] = std::max(canvas[a], (prepared.size[a] + divisor - 1) / divisor * divisor);
  canvas[2] = prepared.size[2];
  return canvas;
}

/// [B, classes, X, Y] of slices -> into grids at slice `begin`.
void take_slices(const at::Tensor& output, std::int64_t begin, std::vector<Grid>& classes) {
  const at::Tensor planes = output.transpose(2, 3).contiguous();  // [B, classes, Y, X]: x fastest
  const std::int64_t pixels = planes.size(2) * planes.size(3);
  for (std::int64_t b = 0; b < planes.size(0); ++b)
    for (std::size_t c = 0; c < classes.size(); ++c)
      std::copy_n(planes[b][static_cast<std::int64_t>(c)].const_data_ptr<float>(), pixels,
                  classes[c].values.data() + (begin + b) * pixels);
}

std::vector<Grid> slice_by_slice(const models::SegNetwork& network, const std::vector<Grid>& channels,
                                 const Recipe& recipe) {
  const Index3 size = channels.front().size;
  std::vector<Grid> classes(static_cast<std::size_t>(network.config().classes), Grid(size));
  for (std::int64_t begin = 0; begin < size[2]; begin += kSlices) {
    std::vector<at::Tensor> images;
    for (std::int64_t z = begin; z < std::min(size[2], begin + kSlices); ++z) {
      std::vector<Grid> slice;
      for (const Grid& channel : channels) {
        slice.push_back(slice_of(channel, z));
        if (recipe.form == Form::kSlices) normalise_slice(slice.back().values, recipe.foreground_fraction);
      }
      images.push_back(image_tensor(slice, false));
    }
    take_slices(network.infer(at::stack(images)), begin, classes);
  }
  return classes;
}

std::vector<Grid> stack_at_once(const models::SegNetwork& network, const std::vector<Grid>& channels,
                                const std::vector<bool>& present) {
  at::Tensor mask = at::zeros({1, static_cast<std::int64_t>(present.size())}, at::kBool);
  for (std::size_t m = 0; m < present.size(); ++m) mask[0][static_cast<std::int64_t>(m)] = bool{present[m]};
  const at::Tensor output = network.infer({image_tensor(channels, true).unsqueeze(0), mask});
  std::vector<Grid> classes;
  for (std::int64_t c = 0; c < output.size(1); ++c) classes.push_back(grid_of(output[0][c]));
  return classes;
}

std::vector<Grid> probabilities_of(const models::SegNetwork& network, const Prepared& prepared, const Recipe& recipe,
                                   const std::vector<bool>& present) {
  const bool planar = recipe.form == Form::kSlices || recipe.form == Form::kStacks;
  const Index3 canvas = planar ? canvas_of(prepared, recipe) : prepared.size;
  std::vector<Grid> channels;
  for (std::size_t m = 0; m < present.size(); ++m)
    channels.push_back(present[m] ? centred(prepared.channels[m], canvas) : Grid(canvas));
  if (!planar)
    return run_network(network, std::move(channels),
                       preprocessing_from_json(preprocessing_json(recipe).dump(), network.config(), "recipe"),
                       [](double) {});
  std::vector<Grid> classes =
      recurrent(recipe) ? stack_at_once(network, channels, present) : slice_by_slice(network, channels, recipe);
  for (Grid& grid : classes) grid = centred(grid, prepared.size);
  return classes;
}

}  // namespace

std::vector<Pattern> patterns_of(const Recipe& recipe) {
  const std::size_t count = recipe.modalities.size();
  std::vector<Pattern> patterns{{"all", std::vector<bool>(count, true)}};
  if (count == 1) return patterns;
  for (std::size_t m = 0; m < count; ++m) {
    patterns.push_back({"without " + recipe.modalities[m], std::vector<bool>(count, true)});
    patterns.back().shown[m] = false;
  }
  if (count == 2) return patterns;  // one missing is the other alone
  std::vector<std::vector<std::string>> alone{{"swan"}, {"dwi", "adc"}};
  for (const auto& names : alone) {
    Pattern pattern{"", std::vector<bool>(count, false)};
    for (std::size_t m = 0; m < count; ++m)
      if (std::find(names.begin(), names.end(), recipe.modalities[m]) != names.end()) {
        pattern.shown[m] = true;
        pattern.name += (pattern.name.empty() ? "" : "+") + recipe.modalities[m];
      }
    pattern.name += " only";
    const bool known = std::any_of(patterns.begin(), patterns.end(),
                                   [&](const Pattern& other) { return other.shown == pattern.shown; });
    if (!known && std::count(pattern.shown.begin(), pattern.shown.end(), true) > 0)
      patterns.push_back(std::move(pattern));
  }
  return patterns;
}

std::optional<std::vector<std::uint8_t>> predicted_label(const models::SegNetwork& network, const Prepared& prepared,
                                                         const Recipe& recipe, const Pattern& pattern) {
  const at::NoGradGuard no_grad;
  std::vector<bool> present = prepared.available();
  for (std::size_t m = 0; m < present.size(); ++m) present[m] = present[m] && pattern.shown[m];
  if (std::none_of(present.begin(), present.end(), [](bool each) { return each; })) return {};
  std::vector<Grid> classes = probabilities_of(network, prepared, recipe, present);
  classes.erase(classes.begin());  // background
  return labelled(classes, std::vector<double>(classes.size(), kThreshold));
}

std::vector<std::uint8_t> mask_of(const std::vector<std::uint8_t>& labels, std::uint8_t label) {
  std::vector<std::uint8_t> mask(labels.size());
  std::transform(labels.begin(), labels.end(), mask.begin(),
                 [&](std::uint8_t v) { return static_cast<std::uint8_t>(v == label); });
  return mask;
}

at::Tensor image_tensor(const std::vector<Grid>& channels, bool with_depth) {
  std::vector<at::Tensor> images;
  for (const Grid& channel : channels) images.push_back(view_of(channel));
  const at::Tensor image = at::stack(images).contiguous();
  return with_depth ? image : image.squeeze(3);
}

at::Tensor label_tensor(const std::vector<std::uint8_t>& label, const Index3& size, bool with_depth) {
  const at::Tensor tensor = at::from_blob(const_cast<std::uint8_t*>(label.data()), {size[0], size[1], size[2]},
                                          {1, size[0], size[0] * size[1]}, at::kByte)
                                .to(at::kLong)
                                .contiguous();
  return with_depth ? tensor : tensor.squeeze(2);
}

}  // namespace fovea::pipeline::mri::training
