#include "mri/training/prepared.h"

#include <algorithm>
#include <cmath>

#include <ATen/core/Tensor.h>

#include <fovea/base/error.h>
#include <fovea/io/volume.h>

#include "mri/crop.h"
#include "mri/grid_tensor.h"
#include "mri/intensity.h"
#include "mri/resample.h"
#include "mri/resize.h"
#include "mri/same_grid.h"
#include "mri/slices.h"
#include "mri/outlined_slice.h"
#include "mri/recurrent_stack.h"

namespace fovea::pipeline::mri::training {
namespace {

constexpr std::size_t kMarked = 4096;

std::vector<std::uint8_t> labels_of(const Grid& grid) {
  std::vector<std::uint8_t> labels(grid.values.size());
  std::transform(grid.values.begin(), grid.values.end(), labels.begin(),
                 [](float v) { return static_cast<std::uint8_t>(std::lround(v)); });
  return labels;
}

void mark(Prepared& prepared) {
  std::vector<std::int64_t> all;
  for (std::size_t i = 0; i < prepared.label.size(); ++i)
    if (prepared.label[i]) all.push_back(static_cast<std::int64_t>(i));
  const std::size_t step = std::max<std::size_t>(1, all.size() / kMarked);
  for (std::size_t i = 0; i < all.size(); i += step) prepared.marked.push_back(all[i]);
}

// --- pictures ---

Prepared picture(const Case& each, const Recipe& recipe) {
  const auto found = std::find(recipe.classes.begin(), recipe.classes.end(), each.class_name);
  const auto label = static_cast<std::uint8_t>(1 + (found - recipe.classes.begin()));
  OutlinedSlice slice = read_outlined_slice(each.images.front(), each.label, label, recipe.size[0]);
  Prepared prepared;
  prepared.size = {recipe.size[0], recipe.size[0], 1};
  const double pixel = recipe.spacing_mm > 0 ? recipe.spacing_mm : 1;
  prepared.spacing_mm = {pixel, pixel, 1};
  if (recipe.augmentation.healthy > 0) prepared.healthy = find_fold(slice, recipe.size[0]);
  Grid grid;
  grid.size = prepared.size, grid.values = std::move(slice.image);
  prepared.channels.push_back(std::move(grid));
  prepared.label = std::move(slice.mask);
  return prepared;
}

// --- volumes ---

struct Loaded {
  std::vector<std::optional<io::Volume>> volumes;
  io::Volume label;
  const io::Geometry& geometry() const { return label.geometry; }
};

Loaded read(const Case& each, const Recipe& recipe) {
  Loaded loaded;
  loaded.label = io::read_volume(each.label);
  for (std::size_t m = 0; m < each.images.size(); ++m) {
    if (each.images[m].empty()) {
      loaded.volumes.emplace_back();
      continue;
    }
    io::Volume volume = io::read_volume(each.images[m]);
    if (!same_grid(volume.geometry, loaded.geometry()))
      throw Error(ErrorCode::kShape, each.label.filename().string(),
                  "the label (" + size_text(loaded.geometry().size) + ") does not lie on the grid of the " +
                      recipe.modalities[m] + " (" + size_text(volume.geometry.size) + ")",
                  "Resample all images of a case onto one grid, that of its label.");
    loaded.volumes.push_back(std::move(volume));
  }
  for (const float v : loaded.label.values)
    if (v < 0 || v > static_cast<float>(recipe.classes.size()) || v != std::floor(v))
      throw Error(ErrorCode::kCorrupt, each.label.filename().string(),
                  "the label holds values other than 0 to " + std::to_string(recipe.classes.size()),
                  "The recipe's data.classes names one class for each of 1, 2, ...");
  return loaded;
}

Grid taken(io::Volume& volume) {
  Grid grid;
  grid.size = volume.geometry.size, grid.values = std::move(volume.values);
  return grid;
}

Preprocessing normalising(const Recipe& recipe) {
  Preprocessing p;
  p.normalisation = recipe.normalisation;
  p.clipping_percentiles = {recipe.lowest_percentile, recipe.highest_percentile};
  return p;
}

/// Whole heads and patches: as Run::on_network_lattice of segmentation.cc.
Prepared volume(Loaded& loaded, const Recipe& recipe, const std::string& subject) {
  const Affine ras = ras_from_index(loaded.geometry());
  std::vector<Grid> channels;
  for (auto& each : loaded.volumes) channels.push_back(each ? taken(*each) : Grid());
  const auto first = std::find_if(channels.begin(), channels.end(), [](const Grid& g) { return !g.values.empty(); });
  Box crop = whole(first->size);
  if (recipe.cropping == Cropping::kMinimum) crop = foreground_box(*first, Compat::kFovea, subject);
  Affine crop_ras = ras;
  crop_ras.offset =
      ras({static_cast<double>(crop.begin[0]), static_cast<double>(crop.begin[1]), static_cast<double>(crop.begin[2])});
  const auto& s = loaded.geometry().spacing_mm;
  const double spacing = recipe.spacing_mm > 0 ? recipe.spacing_mm : std::min({s[0], s[1], s[2]});
  const Lattice lattice = axis_aligned_lattice(crop.size(), crop_ras, {spacing, spacing, spacing});
  const Affine source = compose(inverse(crop_ras), lattice.ras_from_index);
  const Index3 size = recipe.form == Form::kWhole ? window_of(recipe) : lattice.size;
  const auto on_lattice = [&](const Grid& grid, Interpolation interpolation) {
    Grid result = resample(cut(grid, crop), source, lattice.size, interpolation, Outside::kHalfVoxel);
    if (size == lattice.size) return result;
    return interpolation == Interpolation::kLinear ? resize_antialiased(result, size, interpolation)
                                                   : resize(result, size, Alignment::kHalfPixel, interpolation);
  };
  Prepared prepared;
  prepared.size = size;
  for (std::size_t a = 0; a < 3; ++a)
    prepared.spacing_mm[a] = spacing * static_cast<double>(lattice.size[a]) / static_cast<double>(size[a]);
  const Preprocessing p = normalising(recipe);
  for (Grid& channel : channels) {
    if (!channel.values.empty()) {
      channel = on_lattice(channel, Interpolation::kLinear);
      normalise(channel, p);
    }
    prepared.channels.push_back(std::move(channel));
  }
  prepared.label = labels_of(on_lattice(taken(loaded.label), Interpolation::kNearest));
  return prepared;
}

/// Slices of volumes in one plane: in-plane axes first, resized there to the recipe's spacing. Not yet normalised.
Prepared slices(Loaded& loaded, const Recipe& recipe) {
  const Canonical canonical = canonical_axes(ras_from_index(loaded.geometry()));
  const std::array<int, 3> order = plane_order(plane_of(recipe.planes.front()));
  Prepared prepared;
  for (std::size_t a = 0; a < 3; ++a) {
    const int native = canonical.axis[static_cast<std::size_t>(order[a])];
    prepared.spacing_mm[a] = loaded.geometry().spacing_mm[static_cast<std::size_t>(native)];
    prepared.size[a] = loaded.geometry().size[static_cast<std::size_t>(native)];
    if (recipe.spacing_mm <= 0 || a == 2) continue;
    prepared.size[a] = std::max<std::int64_t>(
        1, std::llround(static_cast<double>(prepared.size[a]) * prepared.spacing_mm[a] / recipe.spacing_mm));
    prepared.spacing_mm[a] = recipe.spacing_mm;
  }
  Index3 upright;
  for (std::size_t a = 0; a < 3; ++a) upright[static_cast<std::size_t>(order[a])] = prepared.size[a];
  for (auto& each : loaded.volumes)
    prepared.channels.push_back(each ? permuted(upright_at(taken(*each), canonical, upright), order) : Grid());
  prepared.label = labels_of(resize(permuted(to_canonical(taken(loaded.label), canonical), order), prepared.size,
                                    Alignment::kHalfPixel, Interpolation::kNearest));
  return prepared;
}

/// The whole image in the network's pixels, without a canvas: windows are drawn from it.
Prepared stack(Loaded& loaded, const Recipe& recipe) {
  Preprocessing p = normalising(recipe);
  p.slice_spacing_mm = recipe.spacing_mm;
  const StackPlacement placement = place_stack(loaded.geometry(), p, 1, StackCanvas::kWhole);
  std::vector<Grid> grids;
  for (auto& each : loaded.volumes) grids.push_back(each ? taken(*each) : Grid());
  std::vector<const Grid*> modalities;
  for (const Grid& grid : grids) modalities.push_back(grid.values.empty() ? nullptr : &grid);
  const RecurrentStack made = make_stack(modalities, placement, p);
  Prepared prepared;
  prepared.size = placement.size, prepared.spacing_mm = placement.spacing_mm;
  for (std::size_t m = 0; m < modalities.size(); ++m)
    prepared.channels.push_back(modalities[m] ? grid_of(made.x[static_cast<std::int64_t>(m)]) : Grid());
  prepared.label = labels_of(grid_of(stack_labels(taken(loaded.label), placement)));
  return prepared;
}

}  // namespace

std::vector<bool> Prepared::available() const {
  std::vector<bool> result;
  for (const Grid& channel : channels) result.push_back(!channel.values.empty());
  return result;
}

std::int64_t Prepared::bytes() const {
  std::size_t total = label.size() + 8 * marked.size();
  for (const Grid& channel : channels) total += 4 * channel.values.size();
  return static_cast<std::int64_t>(total);
}

Prepared prepare(const Case& each, const Recipe& recipe) {
  Prepared prepared;
  if (is_picture(each.label)) {
    if (recipe.form != Form::kSlices)
      throw Error(ErrorCode::kUsage, each.label.filename().string(), "a picture is a single slice",
                  "Take a recipe with data.form slices.");
    prepared = picture(each, recipe);
  } else {
    Loaded loaded = read(each, recipe);
    prepared = recipe.form == Form::kStacks   ? stack(loaded, recipe)
               : recipe.form == Form::kSlices ? slices(loaded, recipe)
                                              : volume(loaded, recipe, each.label.filename().string());
  }
  mark(prepared);
  return prepared;
}

std::shared_ptr<const Prepared> CaseStore::load(std::size_t index) {
  {
    const std::lock_guard lock(mutex_);
    if (const auto found = kept_.find(index); found != kept_.end()) return found->second;
  }
  const auto prepared = std::make_shared<const Prepared>(prepare(cases_[index], recipe_));
  const std::lock_guard lock(mutex_);
  if (prepared->bytes() <= room_ && kept_.emplace(index, prepared).second) room_ -= prepared->bytes();
  return prepared;
}

}  // namespace fovea::pipeline::mri::training
