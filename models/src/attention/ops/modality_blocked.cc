// Masked modality attention in blocks of voxels: hidden values of one modality at a time, and nothing that is absent.
#include <algorithm>
#include <vector>

#include <ATen/Parallel.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/addmv.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <fovea/models/attention.h>

#include "attention/ops/modality.h"
#include "attention/ops/pool.h"

namespace fovea::attention::ops {
namespace {

constexpr std::int64_t kBlockVoxels = 4096;

struct Block {
  std::int64_t image, first, last;
  at::Tensor of(const at::Tensor& x) const { return x[image].slice(-1, first, last); }
  at::Tensor of(const at::Tensor& x, std::int64_t modality) const { return x[image][modality].slice(-1, first, last); }
};

/// The softmax of a block and the sum it weighs, in index order of the modalities.
void fuse(const Block& block, const at::Tensor& features, const std::vector<std::int64_t>& there,
          const std::vector<at::Tensor>& scores, const FusedModalities& into) {
  if (there.empty()) return;
  const at::Tensor weights = weights_of(at::stack(scores, 1));
  const at::Tensor y = block.of(into.y);
  for (std::size_t i = 0; i < there.size(); ++i) {
    const at::Tensor a = weights.select(1, static_cast<std::int64_t>(i));
    y.addcmul_(block.of(features, there[i]), a.unsqueeze(0));
    block.of(into.weights, there[i]).copy_(a);
  }
}

/// `make(block, present modalities)` gives their scores [n] for every block of voxels.
template <class MakeScores>
FusedModalities in_blocks(const at::Tensor& features, const at::Tensor& present, MakeScores make) {
  const at::NoGradGuard no_grad;
  const std::int64_t images = features.size(0), modalities = features.size(1), voxels = features.size(3);
  const FusedModalities fused{at::zeros({images, features.size(2), voxels}, features.options()),
                              at::zeros({images, modalities, voxels}, features.options())};
  std::vector<std::vector<std::int64_t>> there(static_cast<std::size_t>(images));
  for (std::int64_t image = 0; image < images; ++image)
    for (std::int64_t m = 0; m < modalities; ++m)
      if (present[image][m].item<bool>()) there[static_cast<std::size_t>(image)].push_back(m);
  const std::int64_t blocks = (voxels + kBlockVoxels - 1) / kBlockVoxels;
  at::parallel_for(0, images * blocks, 1, [&](std::int64_t begin, std::int64_t end) {
    const at::NoGradGuard inner;
    const OneThread one;
    for (std::int64_t i = begin; i < end; ++i) {
      const std::int64_t first = i % blocks * kBlockVoxels;
      const Block block{i / blocks, first, std::min(voxels, first + kBlockVoxels)};
      const std::vector<std::int64_t>& those = there[static_cast<std::size_t>(block.image)];
      fuse(block, features, those, make(block, those), fused);
    }
  });
  return fused;
}

}  // namespace

FusedModalities blocked_modalities(const at::Tensor& features, const at::Tensor& guide, const at::Tensor& present,
                                   const ModalityWeights& w) {
  const at::Tensor psi = w.wp.flatten(), bias = w.bp.flatten();
  return in_blocks(features, present, [&](const Block& block, const std::vector<std::int64_t>& there) {
    const at::Tensor from_guide = at::addmm(w.bg, block.of(guide).t(), w.wg.t());
    std::vector<at::Tensor> scores;
    for (const std::int64_t m : there)
      scores.push_back(at::addmv(bias, at::addmm(from_guide, block.of(features, m).t(), w.wf[m].t()).relu_(), psi));
    return scores;
  });
}

FusedModalities blocked_modalities(const at::Tensor& features, const at::Tensor& scores, const at::Tensor& present) {
  return in_blocks(features, present, [&](const Block& block, const std::vector<std::int64_t>& there) {
    std::vector<at::Tensor> those;
    for (const std::int64_t m : there) those.push_back(block.of(scores, m));
    return those;
  });
}

}  // namespace fovea::attention::ops
