#include "mri/training/predict.h"

#include <algorithm>

#include <ATen/core/Tensor.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <nlohmann/json.hpp>

#include "mri/network_step.h"
#include "mri/slice_normalisation.h"

namespace fovea::pipeline::mri::training {
namespace {

constexpr std::int64_t kSlices = 8;
constexpr float kThreshold = 0.5F;

/// Centred in `size`, zero around it, or cut to its middle.
Grid fitted(const Grid& grid, const Index3& size) {
  if (grid.size == size) return grid;
  Grid result(size);
  Index3 shift;
  for (std::size_t a = 0; a < 3; ++a) {
    const std::int64_t spare = size[a] - grid.size[a];
    shift[a] = spare >= 0 ? spare / 2 : -((-spare) / 2);
  }
  for (std::int64_t z = 0; z < grid.size[2]; ++z)
    for (std::int64_t y = 0; y < grid.size[1]; ++y)
      for (std::int64_t x = 0; x < grid.size[0]; ++x) {
        const Index3 at{x + shift[0], y + shift[1], z + shift[2]};
        if (at[0] < 0 || at[1] < 0 || at[2] < 0 || at[0] >= size[0] || at[1] >= size[1] || at[2] >= size[2]) continue;
        result.values[result.at(at[0], at[1], at[2])] = grid.values[grid.at(x, y, z)];
      }
  return result;
}

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
  for (std::int64_t c = 0; c < output.size(1); ++c) {
    const at::Tensor lying = output[0][c].permute({2, 1, 0}).contiguous();
    Grid grid;
    grid.size = channels.front().size;
    grid.values.assign(lying.const_data_ptr<float>(), lying.const_data_ptr<float>() + lying.numel());
    classes.push_back(std::move(grid));
  }
  return classes;
}

std::vector<Grid> probabilities_of(const models::SegNetwork& network, const Prepared& prepared, const Recipe& recipe,
                                   const std::vector<bool>& present) {
  const bool planar = recipe.form == Form::kSlices || recipe.form == Form::kStacks;
  const Index3 canvas = planar ? canvas_of(prepared, recipe) : prepared.size;
  std::vector<Grid> channels;
  for (std::size_t m = 0; m < present.size(); ++m)
    channels.push_back(present[m] ? fitted(prepared.channels[m], canvas) : Grid(canvas));
  if (!planar)
    return run_network(network, std::move(channels),
                       preprocessing_from_json(preprocessing_json(recipe).dump(), network.config(), "recipe"),
                       [](double) {});
  std::vector<Grid> classes =
      recurrent(recipe) ? stack_at_once(network, channels, present) : slice_by_slice(network, channels, recipe);
  for (Grid& grid : classes) grid = fitted(grid, prepared.size);
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
  const std::vector<Grid> classes = probabilities_of(network, prepared, recipe, present);
  std::vector<std::uint8_t> label(prepared.label.size(), 0);
  for (std::size_t i = 0; i < label.size(); ++i) {
    float best = 0;
    for (std::size_t c = 1; c < classes.size(); ++c)
      if (const float p = classes[c].values[i]; p >= kThreshold && p > best)
        best = p, label[i] = static_cast<std::uint8_t>(c);
  }
  return label;
}

std::vector<std::uint8_t> mask_of(const std::vector<std::uint8_t>& labels, std::uint8_t label) {
  std::vector<std::uint8_t> mask(labels.size());
  std::transform(labels.begin(), labels.end(), mask.begin(),
                 [&](std::uint8_t v) { return static_cast<std::uint8_t>(v == label); });
  return mask;
}

at::Tensor image_tensor(const std::vector<Grid>& channels, bool with_depth) {
  const Index3& size = channels.front().size;
  std::vector<at::Tensor> images;
  for (const Grid& channel : channels)
    images.push_back(at::from_blob(const_cast<float*>(channel.values.data()), {size[0], size[1], size[2]},
                                   {1, size[0], size[0] * size[1]}, at::kFloat));
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
