// Rigid registration: known moves of a drawn head and of real scans are found again; what cannot be registered is said.
#include "mri/registration.h"

#include <gtest/gtest.h>

#include "mri_head_support.h"
#include "shared.h"

namespace fovea::pipeline::mri {
namespace {

/// A drawn head is nearly round, and its voxels are of 3 to 5 mm: within one of them. Real scans below, to the
/// reference's millimetre.
constexpr double kVoxelMm = 4.5;

TEST(Registration, FindsAKnownMoveOfAnotherContrast) {
  const io::Volume fixed = drawn_head(centred_grid({60, 72, 36}, {3, 3, 4.5}), kT2);
  const io::Volume there = drawn_head(centred_grid({56, 60, 42}, {3.2, 3.4, 4}), kT1);
  const Affine move = rigid_move({4, -6, 8}, {11, -9, 7});
  const Registration found = register_rigid(fixed, moved(there, move));
  EXPECT_TRUE(found.accepted) << found.problem;
  EXPECT_LE(mean_distance_mm(found.moving_from_fixed_lps, move, fixed.geometry), kVoxelMm);
  EXPECT_LT(found.metric_after, found.metric_before);
  EXPECT_NEAR(found.rotation_degrees, 10.6, 4);
}

TEST(Registration, IsTheSameWithAnyNumberOfThreads) {
  const io::Volume fixed = drawn_head(centred_grid({40, 48, 20}, {4.5, 4.5, 7}), kT2),
                   moving = moved(drawn_head(centred_grid({40, 44, 24}, {4.6, 4.6, 6}), kT1),
                                  rigid_move({0, 5, -3}, {4, 2, -6}));
  const Registration one = register_rigid(fixed, moving, 1), two = register_rigid(fixed, moving, 3);
  EXPECT_EQ(one.moving_from_fixed_lps.linear, two.moving_from_fixed_lps.linear);
  EXPECT_EQ(one.moving_from_fixed_lps.offset, two.moving_from_fixed_lps.offset);
  EXPECT_EQ(one.restart_mm, two.restart_mm);
}

TEST(Registration, ASlabIsComparedWhereItLies) {
  const io::Volume fixed = drawn_head(centred_grid({60, 72, 36}, {3, 3, 4.5}), kT2);
  io::Geometry slab = centred_grid({60, 72, 15}, {3, 3, 4});
  slab.origin_mm[2] += 12;
  const Affine move = rigid_move({2, 3, -4}, {5, -4, 3});
  const Registration found = register_rigid(fixed, moved(drawn_head(slab, kT1), move));
  EXPECT_TRUE(found.accepted) << found.problem;
  EXPECT_LE(mean_distance_mm(found.moving_from_fixed_lps, move, fixed.geometry), kVoxelMm);
}

TEST(Registration, AMoveBeyondBeliefKeepsTheHeaders) {
  const io::Volume fixed = drawn_head(centred_grid({60, 72, 30}, {3, 3, 5}), kT2);
  const io::Volume moving = moved(drawn_head(centred_grid({60, 72, 30}, {3, 3, 5}), kT1), rigid_move({}, {60, 0, 0}));
  const Registration found = register_rigid(fixed, moving);
  EXPECT_FALSE(found.accepted);
  EXPECT_NE(found.problem.find("more than is believable"), std::string::npos) << found.problem;
  EXPECT_EQ(found.moving_from_fixed_lps.offset, (Vec3{0, 0, 0}));
}

TEST(Registration, ScansWithoutContentAreNotAccepted) {
  const io::Volume fixed = drawn_head(centred_grid({40, 48, 20}, {4, 4, 8}), kT2);
  io::Volume flat = fixed;
  std::fill(flat.values.begin(), flat.values.end(), 7.0F);
  EXPECT_FALSE(register_rigid(fixed, flat).accepted);
}

TEST(Registration, HeadersThatAreRightStay) {
  const io::Volume fixed = drawn_head(centred_grid({60, 72, 30}, {3, 3, 5}), kT2),
                   moving = drawn_head(centred_grid({60, 72, 30}, {3, 3, 5}), kT1);
  const Registration found = register_rigid(fixed, moving);
  EXPECT_TRUE(found.accepted);
  EXPECT_LE(mean_distance_mm(found.moving_from_fixed_lps, Affine{}, fixed.geometry), 0.5);
}

TEST(Registration, StopsWhenAsked) {
  const io::Volume fixed = drawn_head(centred_grid({40, 48, 20}, {4, 4, 8}), kT2);
  struct Stopped {};
  const io::Volume apart = moved(fixed, rigid_move({0, 0, 0}, {3, 0, 0}));  // two starts
  EXPECT_THROW(register_rigid(fixed, apart, 2, [](double) { throw Stopped(); }), Stopped);
  EXPECT_THROW(register_rigid(fixed, fixed, 1, [](double) { throw Stopped(); }), Stopped);
}

/// Every second voxel of every third slice: thick slices as in the clinic, a twelfth of the time.
io::Volume thinned(const io::Volume& volume) {
  constexpr Index3 kEvery{2, 2, 3};
  io::Volume result;
  result.geometry = volume.geometry;
  const Index3& size = volume.geometry.size;
  for (std::size_t a = 0; a < 3; ++a) {
    result.geometry.size[a] = (size[a] + kEvery[a] - 1) / kEvery[a];
    result.geometry.spacing_mm[a] *= static_cast<double>(kEvery[a]);
  }
  for (std::int64_t k = 0; k < size[2]; k += kEvery[2])
    for (std::int64_t j = 0; j < size[1]; j += kEvery[1])
      for (std::int64_t i = 0; i < size[0]; i += kEvery[0])
        result.values.push_back(volume.values[static_cast<std::size_t>((k * size[1] + j) * size[0] + i)]);
  return result;
}

/// The acceptance of reference/mri-io.md 5 on real scans: the modalities lie on one grid.
TEST(Registration, KnownMovesOfRealScans) {
  FOVEA_NEEDS_SHARED("data/mri/ms-patient07/flair.nii.gz");
  const auto folder = test::shared_dir() / "data/mri/ms-patient07";
  const io::Volume fixed = thinned(io::read_volume(folder / "t1.nii.gz")),
                   moving = thinned(io::read_volume(folder / "flair.nii.gz"));
  const Affine move = rigid_move({5, -8, 10}, {12, -10, 8});
  const Registration found = register_rigid(fixed, moved(moving, move));
  EXPECT_TRUE(found.accepted) << found.problem;
  EXPECT_LE(mean_distance_mm(found.moving_from_fixed_lps, move, fixed.geometry), 1.0);
  EXPECT_LE(found.restart_mm, 0.2);
}

TEST(Registration, MovingVoxelsOntoTheFixedGrid) {
  const io::Geometry grid = centred_grid({40, 48, 20}, {4, 4, 8});
  const io::Volume head = drawn_head(grid, kT1);
  const Affine move = rigid_move({0, 0, 20}, {8, 0, 0});
  const Grid back = on_fixed_grid(moved(head, move), move, grid);
  double worst = 0;
  for (std::size_t i = 0; i < back.values.size(); ++i)
    worst = std::max(worst, static_cast<double>(std::abs(back.values[i] - head.values[i])));
  EXPECT_LT(worst, 1e-2);
}

}  // namespace
}  // namespace fovea::pipeline::mri
