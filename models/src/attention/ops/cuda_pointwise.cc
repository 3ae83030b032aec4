#include "attention/ops/cuda_pointwise.h"

#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>

#include "attention/kernels/split_sums.h"
#include "attention/ops/cuda_library.h"

namespace fovea::attention::ops {
namespace {

const CudaKernel<decltype(fovea_cuda_hidden_backward)> backward_kernel{"fovea_cuda_hidden_backward"};
const CudaKernel<decltype(fovea_cuda_hidden_sums)> sums_kernel{"fovea_cuda_hidden_sums"};
const CudaKernel<decltype(fovea_cuda_split_sums)> merge_kernel{"fovea_cuda_split_sums"};

/// sum over voxels of slope [pre_f > 0] (x_c, 1), [own terms, F, C + 1].
at::Tensor hidden_sums(const DeviceHidden& hidden, const DeviceProjection& of, const at::Tensor& slope) {
  kernels::HiddenSums sums{hidden.pointers(), of.pointers(), floats(slope), nullptr};
  const std::int64_t splits = (sums.in.voxels + kernels::kVoxelSplit - 1) / kernels::kVoxelSplit;
  const std::int64_t terms = of.has_terms() ? hidden.terms : 1, width = sums.of.channels + 1;
  const at::Tensor parts = at::empty({terms, sums.in.images * splits, sums.in.hidden, width}, slope.options());
  const at::Tensor merged = at::empty({terms, sums.in.hidden, width}, slope.options());
  sums.parts = mutable_floats(parts);
  sums_kernel(&sums, current_stream(slope));
  merge_kernel(floats(parts), terms, parts.size(1), sums.in.hidden * width, nullptr, mutable_floats(merged),
               current_stream(slope));
  return merged;
}

}  // namespace

kernels::Projection DeviceProjection::pointers() const {
  return {floats(weights),
          floats(values),
          floats(bias),
          values.size(-2),
          has_terms() ? weights.stride(0) : 0,
          values.stride(0),
          has_terms() ? values.stride(1) : 0};
}

kernels::Hidden DeviceHidden::pointers() const {
  const at::Tensor& values = projections.front().values;
  kernels::Hidden hidden{};
  for (std::size_t p = 0; p < projections.size(); ++p) hidden.projections[p] = projections[p].pointers();
  hidden.hidden = projections.front().weights.size(-2), hidden.voxels = values.size(-1);
  hidden.images = values.size(0), hidden.terms = terms;
  hidden.present = present.defined() ? present.const_data_ptr<bool>() : nullptr;
  return hidden;
}

void backward_into(const DeviceHidden& hidden, const DeviceProjection& of, const at::Tensor& slope,
                   const at::Tensor& into, bool add) {
  const kernels::HiddenBackward backward{hidden.pointers(), of.pointers(),        floats(hidden.psi),
                                         floats(slope),     mutable_floats(into), add};
  backward_kernel(&backward, current_stream(slope));
}

ProjectionGradients gradients_of(const DeviceHidden& hidden, const DeviceProjection& of, const at::Tensor& slope) {
  const at::Tensor sums = hidden_sums(hidden, of, slope), of_channels = sums.slice(-1, 0, -1);
  const at::Tensor active = sums.select(-1, sums.size(-1) - 1).sum(0);
  const at::Tensor weights = of.weights.view(of_channels.sizes());
  return {(of_channels * hidden.psi.unsqueeze(1)).view(of.weights.sizes()), active * hidden.psi,
          (weights * of_channels).sum(-1).sum(0), active};
}

}  // namespace fovea::attention::ops
