// Masked modality attention on a GPU, on LibTorch's current stream.
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/empty_like.h>
#include <c10/core/DeviceGuard.h>

#include "attention/kernels/modality.h"
#include "attention/ops/cuda_library.h"
#include "attention/ops/cuda_pointwise.h"
#include "attention/ops/kernel_graph.h"
#include "attention/ops/modality.h"
#include "attention/ops/path.h"

namespace fovea::attention::ops {
namespace {

const CudaKernel<decltype(fovea_cuda_modality_scores)> scores_kernel{"fovea_cuda_modality_scores"};
const CudaKernel<decltype(fovea_cuda_modality_fuse)> fuse_kernel{"fovea_cuda_modality_fuse"};
const CudaKernel<decltype(fovea_cuda_modality_backward)> backward_kernel{"fovea_cuda_modality_backward"};

struct DeviceModalities {
  DeviceModalities(const at::Tensor& f, const at::Tensor& there)
      : features(f.contiguous()), present(there.to(f.device()).contiguous()) {}
  kernels::Modalities pointers() const {
    return {floats(features), present.const_data_ptr<bool>(), features.size(0), features.size(1), features.size(2),
            features.size(3)};
  }
  at::Tensor features, present;
};

/// Projections of the features, one a modality, and of the guide.
DeviceHidden hidden_of(const DeviceModalities& in, const at::Tensor& guide, const ModalityWeights& w) {
  return {{{w.wf.contiguous(), in.features, {}}, {w.wg.contiguous(), guide.contiguous(), w.bg.flatten().contiguous()}},
          w.wp.flatten().contiguous(),
          in.present,
          in.features.size(1)};
}

FusedModalities fused(const DeviceModalities& in, const at::Tensor& scores) {
  const auto options = in.features.options();
  const FusedModalities result{at::empty({in.features.size(0), in.features.size(2), in.features.size(3)}, options),
                               at::empty(scores.sizes(), options)};
  const kernels::Modalities modalities = in.pointers();
  fuse_kernel(&modalities, floats(scores), mutable_floats(result.weights), mutable_floats(result.y),
              current_stream(scores));
  return result;
}

FusedGradients softmax_gradients(const DeviceModalities& in, const FusedModalities& forward,
                                 const FusedModalities& upstream) {
  const at::Tensor weights = forward.weights.contiguous(), up = upstream.y.contiguous(),
                   up_weights = upstream.weights.defined() ? upstream.weights.contiguous() : upstream.weights;
  const FusedGradients gradients{at::empty_like(in.features), at::empty_like(weights)};
  const kernels::Modalities modalities = in.pointers();
  const kernels::ModalityGradients pointers{floats(weights), floats(up), floats(up_weights),
                                            mutable_floats(gradients.features), mutable_floats(gradients.scores)};
  backward_kernel(&modalities, &pointers, current_stream(weights));
  return gradients;
}

using FusedBackward =
    std::function<std::vector<at::Tensor>(const FusedModalities& forward, const FusedModalities& upstream)>;

FusedModalities fused_with_graph(const std::vector<at::Tensor>& inputs, const std::function<FusedModalities()>& forward,
                                 const FusedBackward& backward) {
  const std::vector<at::Tensor> results = with_graph(inputs, [&]() -> KernelRun {
    const FusedModalities done = forward(), kept{done.y.detach(), done.weights.detach()};
    return {{done.y, done.weights}, [kept, backward](const std::vector<at::Tensor>& upstream) {
              return backward(kept, {upstream[0], upstream[1]});
            }};
  });
  return {results[0], results[1]};
}

bool too_many(const at::Tensor& features) {
  return features.size(1) > kernels::kMostModalities;
}

}  // namespace

FusedModalities cuda_modalities(const at::Tensor& features, const at::Tensor& guide, const at::Tensor& present,
                                const ModalityWeights& w) {
  const auto all = {features, guide, w.wf, w.wg, w.bg, w.wp, w.bp};
  if (!runs_on_cuda(all) || too_many(features))
    return reference_modalities(features, reference_modality_scores(features, guide, present, w), present);
  if (needs_graph(all))
    return fused_with_graph(
        all, [&] { return cuda_modalities(features, guide, present, w); },
        [=](const FusedModalities& forward, const FusedModalities& upstream) {
          const ModalityGradients d = cuda_modalities_backward(features, guide, present, w, forward, upstream);
          return std::vector<at::Tensor>{d.features,   d.guide,      d.weights.wf, d.weights.wg,
                                         d.weights.bg, d.weights.wp, d.weights.bp};
        });
  const c10::DeviceGuard guard(features.device());
  const DeviceModalities in(features, present);
  const DeviceHidden hidden = hidden_of(in, guide, w);
  const at::Tensor scores = at::empty({features.size(0), features.size(1), features.size(3)}, features.options());
  const kernels::Hidden pointers = hidden.pointers();
  scores_kernel(&pointers, floats(hidden.psi), floats(w.bp), mutable_floats(scores), current_stream(scores));
  return fused(in, scores);
}

FusedModalities cuda_modalities(const at::Tensor& features, const at::Tensor& scores, const at::Tensor& present) {
  if (!runs_on_cuda({features, scores}) || too_many(features)) return reference_modalities(features, scores, present);
  if (needs_graph({features, scores}))
    return fused_with_graph(
        {features, scores}, [&] { return cuda_modalities(features, scores, present); },
        [=](const FusedModalities& forward, const FusedModalities& upstream) {
          const FusedGradients d = cuda_modalities_backward(features, present, forward, upstream);
          return std::vector<at::Tensor>{d.features, d.scores};
        });
  const c10::DeviceGuard guard(features.device());
  return fused(DeviceModalities(features, present), scores.contiguous());
}

FusedGradients cuda_modalities_backward(const at::Tensor& features, const at::Tensor& present,
                                        const FusedModalities& forward, const FusedModalities& upstream) {
  const c10::DeviceGuard guard(features.device());
  return softmax_gradients(DeviceModalities(features, present), forward, upstream);
}

ModalityGradients cuda_modalities_backward(const at::Tensor& features, const at::Tensor& guide,
                                           const at::Tensor& present, const ModalityWeights& w,
                                           const FusedModalities& forward, const FusedModalities& upstream) {
  const c10::DeviceGuard guard(features.device());
  const DeviceModalities in(features, present);
  const DeviceHidden hidden = hidden_of(in, guide, w);
  const FusedGradients of_softmax = softmax_gradients(in, forward, upstream);
  const at::Tensor of_guide = at::empty(guide.sizes(), guide.options());
  const DeviceProjection &own = hidden.projections[0], &shared = hidden.projections[1];
  backward_into(hidden, own, of_softmax.scores, of_softmax.features, true);
  backward_into(hidden, shared, of_softmax.scores, of_guide, false);
  const ProjectionGradients from_features = gradients_of(hidden, own, of_softmax.scores),
                            from_guide = gradients_of(hidden, shared, of_softmax.scores);
  const at::Tensor psi = from_features.psi + from_guide.psi + from_guide.active * w.bg.flatten();
  return {of_softmax.features,
          of_guide,
          {from_features.weights, from_guide.weights, from_guide.bias.view(w.bg.sizes()), psi.view(w.wp.sizes()),
           of_softmax.scores.sum().view(w.bp.sizes())}};
}

}  // namespace fovea::attention::ops
