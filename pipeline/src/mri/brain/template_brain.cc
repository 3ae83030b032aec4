#include "mri/brain/template_brain.h"

#include <cstdlib>

#include <fovea/base/error.h>

#include "mri/brain/otsu_brain.h"
#include "mri/registration.h"
#include "mri/same_grid.h"

namespace fovea::pipeline::mri {
namespace {

namespace fs = std::filesystem;

constexpr double kFinestMm = 3;  // of the registration: the mask is then looked for within 5 mm
constexpr double kMarginMm = 5, kShrinkMm = 3, kGrowMm = 4, kCloseMm = 5;

/// ch2bet holds the brain's grey values: black voxels inside are brain too.
Mask known_brain(const BrainTemplate& known, const io::Geometry& head) {
  const io::Volume brain = io::read_volume(known.brain);
  if (!same_grid(head, brain.geometry))
    throw Error(ErrorCode::kShape, known.brain.filename().string(),
                "it does not lie on the grid of " + known.head.filename().string(),
                "Give a head and its brain on one grid.");
  Mask mask{brain.geometry.size, std::vector<std::uint8_t>(brain.values.size())};
  for (std::size_t i = 0; i < mask.values.size(); ++i) mask.values[i] = brain.values[i] > 0;
  return filled(mask);
}

Mask on_grid(const Mask& mask, const io::Geometry& from, const Affine& from_to, const io::Geometry& to) {
  io::Volume moving;
  moving.geometry = from;
  moving.values.assign(mask.values.begin(), mask.values.end());
  const Grid there = on_fixed_grid(moving, from_to, to);
  Mask result{to.size, std::vector<std::uint8_t>(there.values.size())};
  for (std::size_t i = 0; i < there.values.size(); ++i) result.values[i] = there.values[i] > 0.5F;
  return result;
}

}  // namespace

std::optional<BrainTemplate> find_brain_template() {
  const char* given = std::getenv("FOVEA_BRAIN_TEMPLATE");
  const fs::path folder = given && *given ? given : "/usr/share/mricron/templates";
  BrainTemplate found{folder / "ch2.nii.gz", folder / "ch2bet.nii.gz"};
  std::error_code ignored;
  if (!fs::is_regular_file(found.head, ignored) || !fs::is_regular_file(found.brain, ignored)) return std::nullopt;
  return found;
}

std::optional<Mask> template_brain(const io::Volume& volume, const BrainTemplate& known,
                                   const std::function<void(double)>& advance) {
  const io::Volume head = io::read_volume(known.head);
  const Mask brain = known_brain(known, head.geometry);
  const auto template_from_scan = register_template(volume, head, kFinestMm, advance);
  if (!template_from_scan) return std::nullopt;
  const io::Geometry& g = volume.geometry;
  const Mask room = grown(on_grid(brain, head.geometry, *template_from_scan, g), g.spacing_mm, kMarginMm);
  Mask within = otsu_foreground(volume);
  for (std::size_t i = 0; i < within.values.size(); ++i) within.values[i] &= room.values[i];
  const Mask core = largest_piece(shrunk(within, g.spacing_mm, kShrinkMm));
  Mask found = grown(core, g.spacing_mm, kGrowMm);
  for (std::size_t i = 0; i < found.values.size(); ++i) found.values[i] &= room.values[i];
  return filled(shrunk(grown(found, g.spacing_mm, kCloseMm), g.spacing_mm, kCloseMm));
}

}  // namespace fovea::pipeline::mri
