// What AEM's MHA and ACMIL-MHA share: learned queries, eight heads, a projected and normalised pooled vector.
// mil.md 1.5.
#pragma once

#include <fovea/models/self_attention.h>

#include "mil/named_mil.h"

namespace fovea::models::mil {

constexpr std::int64_t kHeads = 8;

/// Dimension reduction and queries; then the projections of one block, `q_proj` and `k_proj` only where it has scores
/// of its own.
std::vector<TensorSpec> multihead_specs(const MilConfig& config);
void add_block(std::vector<TensorSpec>& specs, const std::string& block, const MilConfig& config, bool scores = true);
std::optional<MilConfig> recognise_multihead(const StateDict& state, std::string_view architecture,
                                             const std::string& block, const std::string& head);
MilConfig completed_multihead(MilConfig config);

class MultiheadMil : public NamedMil {
 public:
  using NamedMil::NamedMil;

 protected:
  struct Pooled {
    at::Tensor z;       ///< [1, L]
    at::Tensor scores;  ///< [8, 1, N]
  };
  at::Tensor reduce(const at::Tensor& bag) const;
  /// `masked`: the part of a given masking that concerns this branch is bool [8, 1, N]; absent: drawn, if the step
  /// asks.
  Pooled pool(const at::Tensor& rows, const std::string& block, std::int64_t branch, const MilStep& step) const;
  /// concat_h(a (x Wv^T + bv)) Wo^T + bo with given weights a [8, 1, N].
  at::Tensor pool_with(const at::Tensor& weights, const at::Tensor& rows, const std::string& block) const;
  at::Tensor finished(const at::Tensor& z, const std::string& block, const MilStep& step, std::uint64_t place) const;
  /// Everything that follows from raw scores [8, K, N].
  MilOutput output_of(const at::Tensor& scores) const;

 private:
  attention::QueryPoolWeights weights_of_block(const std::string& block) const;
};

}  // namespace fovea::models::mil
