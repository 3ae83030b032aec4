// Inference weights: every batch norm folded into the convolution before it, activations with channels innermost, and
// every map freed as soon as its last reader is done. reference/segmentation.md 9 (memory).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

#include <fovea/models/segmentation.h>

namespace fovea::models::seg {

/// y = x scale + shift, one pair a channel, in double: folding must not cost accuracy against the unfolded network.
struct Affine {
  at::Tensor scale, shift;
  Affine channels(std::int64_t begin, std::int64_t count) const;
};
/// What a batch norm does at inference.
Affine affine_of(const StateDict& state, const std::string& norm);

/// A convolution with the batch norm that follows it folded in; a group or instance norm stays a step of its own.
struct Folded {
  at::Tensor weight, bias;
  at::Tensor gamma, beta;  ///< undefined: no norm left
  SegNorm norm = SegNorm::kBatch;
  at::Tensor normalised(at::Tensor x) const;
};
/// `norm` empty: the convolution alone. `out_dim`: the weight's output dimension, 1 for transposed convolutions.
Folded fold(const StateDict& state, const SegConfig& config, const std::string& convolution, const std::string& norm,
            std::int64_t out_dim = 0);
/// With a given affine map behind it.
Folded fold(const StateDict& state, const std::string& convolution, const Affine& affine, std::int64_t out_dim = 0);

at::Tensor run(const Folded& layer, const at::Tensor& x);                              ///< convolution
at::Tensor run_up(const Folded& layer, const at::Tensor& x, std::int64_t stride = 2);  ///< transposed convolution

struct FoldedBlock {
  Folded first, second;
};
FoldedBlock fold_block(const StateDict& state, const SegConfig& config, const std::string& name);
/// Takes its input by value, so that it is freed as soon as the first convolution has read it.
at::Tensor run_block(at::Tensor x, const FoldedBlock& block);

/// Encoder levels and the bottom.
struct FoldedTrunk {
  struct Level {
    std::optional<Folded> pyramid;
    FoldedBlock block;
  };
  std::vector<Level> levels;  ///< the last is the bottom
};
FoldedTrunk fold_trunk(const StateDict& state, const SegConfig& config);
struct Trunk {
  std::vector<at::Tensor> skips;
  at::Tensor bottom;
};
Trunk run_trunk(const at::Tensor& x, const FoldedTrunk& trunk);

/// The folded copy of a state, made again when an optimiser has written into the state (the tensors' version counters
/// tell) or when it was dropped (batch norm moves the running statistics behind these counters).
template <class Network>
class FoldedCache {
 public:
  std::shared_ptr<const Network> get(const StateDict& state, const std::function<Network()>& make) {
    std::uint64_t version = 1;
    for (const auto& [name, tensor] : state) version += static_cast<std::uint64_t>(tensor._version());
    std::lock_guard lock(mutex_);
    if (!folded_ || version_ != version) folded_ = std::make_shared<const Network>(make()), version_ = version;
    return folded_;
  }
  void drop() {
    std::lock_guard lock(mutex_);
    folded_.reset();
  }

 private:
  std::mutex mutex_;
  std::shared_ptr<const Network> folded_;
  std::uint64_t version_ = 0;
};

}  // namespace fovea::models::seg
