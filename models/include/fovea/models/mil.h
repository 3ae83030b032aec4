// Multiple-instance learning heads: a bag [N, D] of instance features to class logits, with attention per branch.
// Formulas and official names: reference/mil.md section 1.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include <fovea/models/state.h>

namespace fovea::models {

/// What a MIL network is, apart from its weights. Inferred from names and shapes, or given for a new one.
struct MilConfig {
  std::string architecture;    ///< name of a row of mil_models()
  std::int64_t features = 0;   ///< D, instance width
  std::int64_t inner = 0;      ///< L after dimension reduction
  std::int64_t attention = 0;  ///< A, attention width
  std::int64_t branches = 1;   ///< K
  std::int64_t classes = 0;    ///< C
};

struct MilOutput {
  at::Tensor attn_raw;       ///< [K, N] scores before softmax
  at::Tensor attn_softmax;   ///< [K, N]
  at::Tensor branch_logits;  ///< [K, C]; undefined for models without branch heads
  at::Tensor bag_logits;     ///< [1, C]
  at::Tensor entropy;        ///< [K]
};

/// Rows in order, pieces of any size; memory K*N scores plus one split (attention.h).
class MilStream {
 public:
  virtual ~MilStream() = default;
  virtual void push(const at::Tensor& rows) = 0;
  virtual MilOutput snapshot() const = 0;  ///< for early results; attn_softmax of the rows so far
  virtual MilOutput finish() = 0;
};

class MilModel {
 public:
  virtual ~MilModel() = default;
  virtual const MilConfig& config() const = 0;
  virtual const std::vector<TensorSpec>& specs() const = 0;
  virtual const StateDict& state() const = 0;

  /// The whole bag at once; differentiable in bag and parameters. `masked`: optional bool [K, N], true = STKIM-masked
  /// (score -1e9).
  virtual MilOutput forward(const at::Tensor& bag, const std::optional<at::Tensor>& masked = {}) const = 0;
  virtual std::unique_ptr<MilStream> stream() const = 0;
};

struct MilRow {
  std::string_view name, description, source;
  std::string_view parameters;  ///< "L=D/2 A=128 K=5": defaults with meaning, for `fovea models`
  /// Config when the names and shapes are this model's, else nothing. Names not in the specs are reported by
  /// checked_state later.
  std::function<std::optional<MilConfig>(const StateDict&)> recognise;
  std::function<std::vector<TensorSpec>(const MilConfig&)> specs;
  /// `state` as returned by checked_state or random_state.
  std::function<std::unique_ptr<MilModel>(const MilConfig&, StateDict)> make;
};
std::span<const MilRow> mil_models();
const MilRow& mil_model(std::string_view name);  ///< Error(kNotFound) lists the names

/// ACMIL: classification loss of bag and branches plus diversity; ABMIL: bag loss (mil.md section 3). label: int64
/// scalar tensor.
struct MilLoss {
  at::Tensor total, bag, branch, diversity, neg_entropy;
};
MilLoss mil_loss(const MilOutput& output, const at::Tensor& label, double aem_lambda = 0);

}  // namespace fovea::models
