#include "mri/training/view.h"

#include <algorithm>
#include <cmath>

#include "mri/slice_normalisation.h"

namespace fovea::pipeline::mri::training {
namespace {

using slide::RandomSource;

bool flat(const Recipe& recipe) {
  return recipe.form == Form::kSlices || recipe.form == Form::kStacks;
}

Vec3 position_of(std::int64_t voxel, const Index3& size) {
  return {static_cast<double>(voxel % size[0]), static_cast<double>(voxel / size[0] % size[1]),
          static_cast<double>(voxel / (size[0] * size[1]))};
}

/// Where the window's centre lies: in the middle of an axis that the window covers whole, else so that the window stays
/// inside and, if it was drawn for a labelled voxel, holds it.
Vec3 centre_of(const Prepared& prepared, const Index3& window, const Recipe& recipe, RandomSource& random) {
  const bool marked = random.uniform() < recipe.foreground_share && !prepared.marked.empty();
  const auto last = static_cast<std::int64_t>(prepared.marked.size()) - 1;
  const Vec3 wanted =
      marked ? position_of(prepared.marked[static_cast<std::size_t>(random.whole(0, last))], prepared.size) : Vec3{};
  Vec3 centre;
  for (std::size_t a = 0; a < 3; ++a) {
    const auto n = static_cast<double>(prepared.size[a]), w = static_cast<double>(window[a]);
    double begin = std::floor((n - w) / 2);
    if (n > w) {
      const double low = marked ? std::max(0.0, wanted[a] - w + 1) : 0,
                   high = marked ? std::min(n - w, wanted[a]) : n - w;
      begin = static_cast<double>(random.whole(static_cast<std::int64_t>(low), static_cast<std::int64_t>(high)));
    } else if (n < w) {
      begin = -std::floor((w - n) / 2);  // as inference pads
    }
    centre[a] = begin + (w - 1) / 2;
  }
  return centre;
}

Prepared healthy_side(const Prepared& prepared) {
  Prepared healthy = prepared;
  OutlinedSlice slice{prepared.channels.front().values, prepared.label};
  slice = mirrored_healthy_half(slice, prepared.size[0], *prepared.healthy);
  healthy.channels.front().values = std::move(slice.image);
  healthy.label = std::move(slice.mask);
  healthy.marked.clear();
  return healthy;
}

/// A scanner's day: bias, gamma, noise, blur, and a shift as of a registration that failed by a little (thrombus.md 3).
void degrade(Grid& channel, RandomSource& random, double ramp, bool in_plane) {
  change_values(channel, random,
                {.gamma = 0.4 * ramp, .bias_field = 0.4 * ramp, .noise = 0.3 * ramp, .blur = 1.5 * ramp}, in_plane);
  Vec3 centre;
  for (std::size_t a = 0; a < 3; ++a) centre[a] = static_cast<double>(channel.size[a] - 1) / 2;
  for (std::size_t a = 0; a < 2; ++a) centre[a] += random.uniform(-3, 3) * ramp;
  channel = warped(channel, plain_warp(centre), channel.size, in_plane, Beyond::kZero);
}

}  // namespace

View draw_view(const Prepared& original, const Recipe& recipe, double ramp, const ViewSeed& seed) {
  const std::uint64_t mixed =
      mixed_seed(mixed_seed(seed.seed, static_cast<std::uint64_t>(seed.epoch)), static_cast<std::uint64_t>(seed.index));
  RandomSource random(mixed);
  const Augmentation& a = recipe.augmentation;
  const bool healthy = original.healthy && random.uniform() < a.healthy;
  const Prepared other = healthy ? healthy_side(original) : Prepared{};
  const Prepared& prepared = healthy ? other : original;
  const Index3 window = window_of(recipe);
  const bool in_plane = flat(recipe);
  const Warp warp = random_warp(random, a, window, in_plane, centre_of(prepared, window, recipe, random));
  const Beyond beyond = recipe.form == Form::kPatches ? Beyond::kEdge : Beyond::kZero;
  const std::vector<Fate> fates =
      draw_dropout(recipe.dropout, recipe.modalities, prepared.available(), ramp, mixed_seed(mixed, 1));
  View view;
  for (std::size_t m = 0; m < fates.size(); ++m) {
    const bool present = fates[m] == Fate::kKept || fates[m] == Fate::kDegraded;
    view.present.push_back(present);
    view.channels.emplace_back(window);
    if (!present) continue;
    Grid& channel = view.channels.back() = warped(prepared.channels[m], warp, window, in_plane, beyond);
    change_values(channel, random,
                  {.gamma = a.gamma,
                   .bias_field = a.bias_field,
                   .noise = a.noise,
                   .blur = a.blur,
                   .probability = a.intensity_probability},
                  in_plane);
    if (fates[m] == Fate::kDegraded) degrade(channel, random, ramp, in_plane);
    if (recipe.form == Form::kSlices) normalise_slice(channel.values, recipe.foreground_fraction);
  }
  view.label = warped_label(prepared.label, prepared.size, warp, window);
  return view;
}

}  // namespace fovea::pipeline::mri::training
