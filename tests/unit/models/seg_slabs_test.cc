// Full-resolution levels in slabs: what passes by in planes equals what is computed whole.
#include <gtest/gtest.h>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/relu.h>
#include <ATen/ops/softmax.h>

#include <fovea/models/segmentation.h>

#include "seg/blocks.h"
#include "seg/plane_upsampler.h"
#include "seg/rolling_block.h"
#include "seg_checks.h"

namespace fovea::models::seg {
namespace {

using testing_tools::largest_difference;
using testing_tools::lively_state;
using testing_tools::random;

Folded layer(std::vector<std::int64_t> shape, std::int64_t out) {
  return {channels_last((random(shape) - 0.5) * 0.3), random({out}), {}, {}};
}

TEST(SegSlabs, PlanesOfTheUpsamplerAreThoseOfTheTransposedConvolution) {
  const at::NoGradGuard no_grad;
  const Folded up = layer({5, 3, 3, 3, 3}, 3);
  const at::Tensor x = channels_last(random({1, 5, 6, 4, 7}));
  const at::Tensor whole = at::relu(upsample(x, up.weight, up.bias));
  const PlaneUpsampler planes(up);
  for (const auto& [begin, end] : {std::pair<std::int64_t, std::int64_t>{0, 4}, {4, 6}, {6, 12}, {0, 12}}) {
    // In the caller's memory, between other channels.
    const at::Tensor room = channels_last(random({1, 8, end - begin, 8, 14})), around = room.clone();
    planes.relu_planes(x, begin, end, room.narrow(1, 2, 3));
    EXPECT_LE(largest_difference(room.narrow(1, 2, 3), whole.narrow(2, begin, end - begin)), 1e-5);
    EXPECT_TRUE(room.narrow(1, 0, 2).equal(around.narrow(1, 0, 2)));
    EXPECT_TRUE(room.narrow(1, 5, 3).equal(around.narrow(1, 5, 3)));
  }
}

TEST(SegSlabs, ARolledBlockEqualsTheWholeOneForEverySlab) {
  const at::NoGradGuard no_grad;
  const FoldedBlock block{layer({4, 3, 3, 3, 3}, 4), layer({4, 4, 3, 3, 3}, 4)};
  for (const std::int64_t planes : {2, 3, 9, 10}) {
    const at::Tensor x = channels_last(random({1, 3, planes, 6, 5}));
    const at::Tensor first = at::relu(convolve(x, block.first.weight, block.first.bias));
    const at::Tensor whole = convolve(first, block.second.weight, block.second.bias);
    for (const std::int64_t slab : {2, 4, 8}) {
      std::vector<at::Tensor> parts;
      std::int64_t done = 0;
      roll_block(
          block, x, planes, slab,
          [&](std::int64_t begin, std::int64_t end, at::Tensor room) { room.copy_(x.narrow(2, begin, end - begin)); },
          [&](std::int64_t begin, at::Tensor part) {
            EXPECT_EQ(begin, done);
            done += part.size(2);
            parts.push_back(part);
          });
      ASSERT_EQ(done, planes) << "slabs of " << slab;
      EXPECT_LE(largest_difference(at::cat(parts, 2), whole), 1e-5) << planes << " planes, slabs of " << slab;
    }
  }
}

TEST(SegSlabs, SmallVolumesBatchesAndNormsOverTheWholeVolumeAreNotCut) {
  FoldedBlock block{layer({16, 2, 3, 3, 3}, 16), layer({16, 16, 3, 3, 3}, 16)};
  EXPECT_FALSE(slab_planes(random({1, 2, 32, 32, 32}), 32, block));
  EXPECT_TRUE(slab_planes(random({1, 2, 64, 96, 96}), 64, block));
  EXPECT_FALSE(slab_planes(random({2, 2, 64, 96, 96}), 64, block));
  block.first.gamma = random({16});
  EXPECT_FALSE(slab_planes(random({1, 2, 64, 96, 96}), 64, block));
}

TEST(SegSlabs, InferenceInSlabsEqualsTheTrainingPathOfAGUNetAndDAUNet) {
  for (const char* name : {"agunet", "daunet"}) {
    const SegConfig config{name, 3, 1, 2, {24, 16}, true, true, true};
    const auto network = seg_model(name).make(config, lively_state(config));
    const at::Tensor x = random({1, 1, 52, 64, 48}, 3);
    const FoldedBlock block{{}, layer({24, 24, 3, 3, 3}, 24)};
    ASSERT_TRUE(slab_planes(x, x.size(2), block)) << "the volume is too small to prove anything";
    const at::NoGradGuard no_grad;
    const at::Tensor whole = at::softmax(network->forward(x, false).heads[0], 1), inferred = network->infer(x);
    EXPECT_LE(largest_difference(inferred, whole), 5e-6) << name;
    EXPECT_GT(inferred.std().item<double>(), 1e-3) << "a constant output would prove nothing";
    EXPECT_TRUE(inferred.is_contiguous());
  }
}

}  // namespace
}  // namespace fovea::models::seg
