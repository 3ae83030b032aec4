// UpAttLLSTM (our reconstruction; reference/thrombus.md): small targets in stacks of slices with any subset of the
// modalities. One 2-D encoder a modality, masked modality attention at every level, convolutional LSTMs across slices,
// additive gates. The paper's layer tables are not public: this is not the authors' network, and their weights do not
// exist in public.
//
// As a SegNetwork: x [B, M, X, Y, Z], slices along Z (the axis of the thickest spacing, never resampled), modalities in
// the model's own order; SegInput::present says which of them an image has, and the others are never read. Two classes:
// logits of the background are 0, so that softmax is the sigmoid of the target's logit. Supervision halves X and Y, not
// Z.
#pragma once

#include <cstdint>
#include <memory>

#include <fovea/models/segmentation.h>

namespace fovea::models {

/// Gates i, f, o, g from one convolution over [x, h]: c' = s(f) c + s(i) tanh(g), h' = s(o) tanh(c'), from zero.
/// x [B, S, C, H, W], weight [4h, C + h, 3, 3], bias [4h] -> h of every slice [B, S, h, H, W]; `backwards`: from the
/// last slice to the first.
at::Tensor conv_lstm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, bool backwards = false);
/// Our reading of the "logic" cell, experimental: hidden maps in [0, 1], h' = OR(AND(h, keep), AND(cand, add)) with
/// AND = ab, OR = a + b - ab; keep, add, cand are sigmoids of one convolution over [x, directional_context(x), h].
/// weight [3h, 2C + h, 3, 3], bias [3h].
at::Tensor logic_cell(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, bool backwards = false);
/// Mean of the running maxima along +x, -x, +y, -y: a wide receptive field without parameters. x [..., H, W], like x.
at::Tensor directional_context(const at::Tensor& x);

/// (1 - (TP + 1) / (TP + 0.7 FN + 0.3 FP + 1))^0.75 over the whole window; p in [0, 1] and t like it.
at::Tensor focal_tversky_loss(const at::Tensor& p, const at::Tensor& t);

struct ThrombusLoss {
  double bce = 0.5, positive_weight = 20;  ///< of the voxels' cross-entropy
  double slices = 0.1;                     ///< of "this slice contains the target"
};
/// Sum over heads l of 2^-l (focal Tversky + bce BCE), divided by the number of heads, plus the slice term of head 0.
/// `label` int64 [B, X, Y, Z], 0 or 1; targets of deeper heads are max-pooled in X and Y, so that a target of one voxel
/// survives.
at::Tensor thrombus_loss(const SegOutput& output, const at::Tensor& label, const ThrombusLoss& options = {});

/// The unidirectional network slice by slice: memory does not grow with the stack. Not differentiable.
class SliceStream {
 public:
  virtual ~SliceStream() = default;
  /// x [B, M, X, Y] -> probability of the target [B, X, Y], given this slice and those before it.
  virtual at::Tensor push(const SegInput& slice) = 0;
};
/// Error(kUsage) unless the network is an UpAttLLSTM of variant "unidirectional". Borrowed: outlives the stream.
std::unique_ptr<SliceStream> make_slice_stream(const SegNetwork& network);

}  // namespace fovea::models
