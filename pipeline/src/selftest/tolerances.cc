#include "tolerances.h"

#include <array>

namespace fovea::pipeline::selftest {
namespace {

using Q = Quantity;
using S = Tolerance::Scale;

// The fixtures' READMEs allow MIL ten times what stands here (1e-5 + 1e-4 of the largest). A weight that is wrong by
// one per cent moves some outputs by less than that, and an installation test must not sleep through it.
constexpr std::array kTable{
    ToleranceRow{
        Q::kMilForward,
        {1e-6, 1e-5},
        "fixtures/mil allows 1e-5 + 1e-4 max; float32 noise of two summation orders is below 4e-6 of the largest"},
    ToleranceRow{Q::kMilLoss, {2e-6, 1e-5}, "a few logarithms of forward values"},
    ToleranceRow{Q::kMilGradient,
                 {1e-6, 1e-4},
                 "fixtures/mil allows 1e-6 + 1e-3 max; an independent implementation stays within 1e-5; "
                 "softmax-invariant biases hold 1e-9 noise"},
    ToleranceRow{Q::kMilTraining, {1e-5, 0}, "fixtures/mil: losses and weights of the training steps 1e-5 absolute"},
    ToleranceRow{Q::kSegProbability,
                 {1.5e-6, 0},
                 "segmentation.md 11 allows heads 5e-6; float32 noise is 3e-7, and a gate bias wrong by 1 % may move "
                 "the map by 2e-6; gate maps are probabilities as well"},
    ToleranceRow{
        Q::kSegAttendedProbability,
        {4e-6, 0},
        "segmentation.md 11 allows heads 5e-6; DAUNet's attention logits are not scaled and amplify float32 noise"},
    ToleranceRow{Q::kSegTrainingProbability,
                 {3e-5, 0},
                 "not stated: batch statistics amplify float32 rounding; the fixtures lie up to 1.7e-5 from a float64 "
                 "run of the same step"},
    ToleranceRow{Q::kSegActivation,
                 {5e-6, 1e-5},
                 "not stated for gated skips and bottleneck: ten float32 convolutions; mid.fuse is allowed 5e-5"},
    ToleranceRow{Q::kSegLoss, {1e-5, 0}, "segmentation.md 11: loss 1e-5"},
    ToleranceRow{Q::kSegGradient, {1e-7, 1e-3}, "segmentation.md 11: 1e-3 of the largest entry of each tensor"},
    ToleranceRow{Q::kSegZeroGradient,
                 {5e-6, 0},
                 "segmentation.md 11: a bias before batch norm has a true gradient of 0, compare absolutely"},
    ToleranceRow{Q::kSegStatistics,
                 {1e-6, 2e-6},
                 "segmentation.md 11 allows 1e-4; float32 noise is 1.2e-7, and a bias wrong by 1 % shifts a running "
                 "mean by a thousandth of it"},
    ToleranceRow{Q::kSegRecurrent, {1e-6, 1e-6}, "thrombus.md 7 allows 1e-5; a few float32 operations"},
    ToleranceRow{Q::kPipelineImage,
                 {0, 1e-5, S::kRange},
                 "segmentation.md 11: resampled volume and network input 1e-5 of their range"},
    ToleranceRow{Q::kPipelineSoftmax, {1e-5, 0}, "segmentation.md 11: softmax 1e-5"},
    ToleranceRow{Q::kPipelineProbability, {1e-4, 0}, "segmentation.md 11: native probabilities 1e-4"},
    ToleranceRow{Q::kPipelineGeometry, {1e-4, 1e-6}, "millimetres; a NIfTI header holds float32"},
    ToleranceRow{Q::kEmbedding, {1e-3, 0}, "fixtures/wsi: 1e-3 in float32 on the CPU"},
    ToleranceRow{Q::kPixelMean, {1e-4, 0}, "fixtures/wsi states channel means with four decimals"},
    ToleranceRow{Q::kFloat64, {0, 1e-12, S::kEach}, "fixtures/attention: 1e-12 max(1, |value|)"},
    ToleranceRow{Q::kFloat64Gradient, {0, 4e-12, S::kEach}, "fixtures/attention: 4e-12 for gradients"},
    ToleranceRow{Q::kFloat32,
                 {2e-6, 0},
                 "fixtures/attention: at least 2e-6; four times the error that the case lists where that is more"},
    ToleranceRow{Q::kExact, {0, 0}, "indices, boxes and labels"},
};

}  // namespace

std::span<const ToleranceRow> tolerance_table() {
  return kTable;
}

Tolerance tolerance(Quantity quantity) {
  for (const ToleranceRow& row : kTable)
    if (row.quantity == quantity) return row.tolerance;
  return {};
}

}  // namespace fovea::pipeline::selftest
