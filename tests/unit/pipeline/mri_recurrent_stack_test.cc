// The stack of a recurrent network: its axes, its pixels, its canvas, its grey values, and the way back.
#include "mri/recurrent_stack.h"

#include <gtest/gtest.h>

#include "mri_head_support.h"

namespace fovea::pipeline::mri {
namespace {

Preprocessing recipe(double pixel_mm = 0.7, std::int64_t size = 32) {
  Preprocessing p;
  p.normalisation = Normalisation::kZeroMeanNonzero;
  p.clipping_percentiles = {0.5, 99.5};
  p.slice_spacing_mm = pixel_mm, p.slice_size = size;
  return p;
}

/// Axes of the file: i towards Superior in thick slices, j to the Left, k to the Back.
io::Geometry sideways() {
  io::Geometry g;
  g.size = {6, 30, 40}, g.spacing_mm = {5, 1.4, 0.7};
  g.direction = {0, 1, 0, 0, 0, 1, 1, 0, 0};
  return g;
}

Grid numbered(const Index3& size) {
  Grid grid(size);
  for (std::size_t i = 0; i < grid.values.size(); ++i) grid.values[i] = static_cast<float>(i % 97 + 1);
  return grid;
}

TEST(RecurrentStack, RunsAlongTheThickSlicesWhateverTheFilesAxes) {
  const StackPlacement p = place_stack(sideways(), recipe(), 16, StackCanvas::kWhole);
  EXPECT_EQ(p.content, (Index3{60, 40, 6}));
  EXPECT_EQ(p.size, (Index3{64, 48, 6}));
  EXPECT_NEAR(p.spacing_mm[0], 0.7, 1e-12);
  EXPECT_EQ(p.spacing_mm[2], 5);
  // A voxel at the patient's Right, Front and Bottom comes first on every axis of the stack.
  Grid grid(sideways().size);
  for (std::int64_t j = 20; j < 30; ++j) grid.values[grid.at(0, j, 39)] = 1;  // Left, Back, Bottom
  const at::Tensor labels = stack_labels(grid, p);
  const at::Tensor found = labels.nonzero();
  ASSERT_GT(found.size(0), 0);
  // X rises to the Right, Y to the Front: Left and Back come first.
  EXPECT_LT(std::get<0>(found.select(1, 0).max(0)).item<std::int64_t>(), 2 + 20);
  EXPECT_EQ(std::get<0>(found.select(1, 1).max(0)).item<std::int64_t>(), 4);
  EXPECT_EQ(std::get<0>(found.select(1, 2).max(0)).item<std::int64_t>(), 0);
}

TEST(RecurrentStack, TheSameHeadGivesTheSameStackInAnyAxisOrder) {
  const io::Geometry upright = centred_grid({60, 80, 9}, {2, 2, 6});
  const io::Volume head = drawn_head(upright, kT1);
  // The same voxels, stored backwards along every axis.
  io::Volume mirrored = head;
  std::reverse(mirrored.values.begin(), mirrored.values.end());
  for (double& d : mirrored.geometry.direction) d = -d;
  mirrored.geometry.origin_mm = upright.point_lps({59, 79, 8});
  const auto stack = [&](const io::Volume& volume) {
    Grid grid;
    grid.size = volume.geometry.size, grid.values = volume.values;
    return make_stack({&grid}, place_stack(volume.geometry, recipe(), 16, StackCanvas::kFixed), recipe()).x;
  };
  EXPECT_TRUE(stack(head).equal(stack(mirrored)));
}

TEST(RecurrentStack, ComesBackToWhereItWas) {
  for (const StackCanvas canvas : {StackCanvas::kWhole, StackCanvas::kFixed}) {
    const io::Geometry g = sideways();
    const StackPlacement p = place_stack(g, recipe(0, 64), 16, canvas);  // pixels as they are
    const Grid grid = numbered(g.size);
    const Grid back = from_stack(stack_labels(grid, p), p, Interpolation::kLinear);
    EXPECT_EQ(back.size, g.size);
    EXPECT_EQ(back.values, grid.values);
  }
}

TEST(RecurrentStack, AFixedCanvasCutsAndTheWayBackIsZeroThere) {
  const io::Geometry g = centred_grid({50, 20, 4}, {1, 1, 3});
  const StackPlacement p = place_stack(g, recipe(0, 32), 16, StackCanvas::kFixed);
  EXPECT_EQ(p.size, (Index3{32, 32, 4}));
  const Grid ones(g.size, 1);
  const Grid back = from_stack(stack_labels(ones, p).to(at::kFloat), p, Interpolation::kLinear);
  EXPECT_EQ(back.values[back.at(8, 10, 2)], 0);
  EXPECT_EQ(back.values[back.at(9, 10, 2)], 1);
  EXPECT_EQ(back.values[back.at(40, 0, 0)], 1);
  EXPECT_EQ(back.values[back.at(41, 0, 0)], 0);
}

TEST(RecurrentStack, AnAbsentModalityIsZeroAndSaidToBeAbsent) {
  const io::Geometry g = centred_grid({40, 40, 5}, {1, 1, 4});
  const Grid grid = numbered(g.size);
  const auto stack = make_stack({nullptr, &grid}, place_stack(g, recipe(), 16, StackCanvas::kWhole), recipe());
  EXPECT_FALSE(stack.present[0].item<bool>());
  EXPECT_TRUE(stack.present[1].item<bool>());
  EXPECT_EQ(stack.x[0].abs().max().item<float>(), 0);
}

TEST(RecurrentStack, GreyValuesOfVoxelsAboveZeroOnly) {
  const io::Geometry g = centred_grid({40, 40, 5}, {1, 1, 4});
  Grid grid(g.size);
  for (std::size_t i = 0; i < grid.values.size(); i += 2) grid.values[i] = static_cast<float>(100 + i % 50);
  grid.values[1] = -5, grid.values[4] = 1e6F;
  const Preprocessing p = recipe(0, 40);
  const at::Tensor x = make_stack({&grid}, place_stack(g, p, 8, StackCanvas::kFixed), p).x;
  const at::Tensor inside = x.masked_select(x.ne(0));
  EXPECT_NEAR(inside.mean().item<double>(), 0, 1e-4);
  EXPECT_NEAR(inside.std().item<double>(), 1, 1e-3);
  EXPECT_LT(inside.max().item<double>(), 3) << "the outlier was to be clipped";
  EXPECT_EQ(x.ne(0).sum().item<std::int64_t>(), 4000);
}

TEST(RecurrentStack, OneSliceIsAStack) {
  const io::Geometry g = centred_grid({40, 40, 1}, {1, 1, 4});
  const Grid grid = numbered(g.size);
  const StackPlacement p = place_stack(g, recipe(), 16, StackCanvas::kWhole);
  EXPECT_EQ(make_stack({&grid}, p, recipe()).x.size(3), 1);
  EXPECT_EQ(from_stack(stack_labels(grid, p), p, Interpolation::kNearest).size, g.size);
}

}  // namespace
}  // namespace fovea::pipeline::mri
