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

#include <fovea/models/attention_terms.h>
#include <fovea/models/state.h>

namespace fovea::models {

/// What a MIL network is, apart from its weights. Inferred from names and shapes, or given for a new one.
struct MilConfig {
  std::string architecture;    ///< name of a row of mil_models()
  std::int64_t features = 0;   ///< D, instance width
  std::int64_t inner = 0;      ///< L after dimension reduction; D where the network has none
  std::int64_t attention = 0;  ///< A, attention width; 0 where the network has none
  std::int64_t branches = 1;   ///< K; C where every class has attention of its own
  std::int64_t classes = 0;    ///< C
  std::int64_t heads = 1;      ///< attention heads of a branch
  std::string variant;         ///< which of an architecture's published namings; empty: the usual one
};

struct MilOutput {
  at::Tensor attn_raw;       ///< [K, N], several heads: [h, K, N]: scores before softmax
  at::Tensor attn_softmax;   ///< alike: the share of every instance in what was pooled
  at::Tensor branch_logits;  ///< [K, C]; undefined for models without branch heads
  at::Tensor bag_logits;     ///< [1, C]
  at::Tensor bag_prob;       ///< [1, C]; sums to 1 unless the classes are independent (DSMIL)
  at::Tensor entropy;        ///< like attn_raw without N
  // Defined only by the models that have them
  at::Tensor instance_logits;  ///< [N, C]: DSMIL, mean and max pooling
  at::Tensor max_logits;       ///< [1, C]: DSMIL, those of the critical instances
  at::Tensor bag_embedding;    ///< [C, D]: DSMIL
  at::Tensor instances;  ///< [N, L]: gated attention models, the rows that were pooled; not from a stream or pieces
  std::function<at::Tensor(const at::Tensor&)> instances_at;  ///< the same for some indices, however large the bag
  attention::PooledHead head;  ///< gated attention models: logits from pooled vectors [K, L]
};

/// What a training step does to a forward pass, and where the instances lie. Inference does nothing but the latter.
struct MilStep {
  std::optional<at::Tensor> masked = {};   ///< bool like attn_raw, true = score -1e9: a given masking
  attention::StkimOptions stkim = {0, 0};  ///< or one drawn from `seed` (mil.md 2)
  double dropout = 0;                      ///< share, at the places of the official network
  std::uint64_t seed = 0;
  at::Tensor coords =
      {};  ///< int64 [N, 2], level-0 corners: for the models whose row says `places`; undefined: unknown
};

/// The loss of one bag: logits [R, C] of the bag (R = 1) or its branches against its label, a scalar.
using MilCriterion = std::function<at::Tensor(const at::Tensor& logits, const at::Tensor& label)>;

/// A perturbation of the attention scores that the model must bear (attention_terms.h).
struct AdversarialOptions {
  double weight = 0;
  double eps = 0.5;
  bool unlabelled = false;  ///< VAT: against the model's own prediction; else AT, against the label
  std::uint64_t seed = 0;   ///< of VAT's direction
};

/// Weights of the loss terms (mil.md 3 and 4; CLAM: 1.6).
struct MilLossOptions {
  double aem_lambda = 0;
  attention::EntropyOptions entropy = {};
  std::optional<double> diversity = {};  ///< absent: 1 for models with branch heads, else 0
  // CLAM's instance loss
  bool instance_loss = true;
  double bag_weight = 0.7;
  std::int64_t instance_samples = 8;
  bool subtyping = false;  ///< the classes exclude each other
  AdversarialOptions adversarial = {};
  MilCriterion criterion = {};  ///< absent: cross-entropy, or what the model's own loss() says
};

struct MilLoss {
  at::Tensor total, bag, branch, diversity, neg_entropy;
  at::Tensor instance;                              ///< CLAM; undefined elsewhere
  at::Tensor adversarial;                           ///< undefined without the term
  at::Tensor instance_targets, instance_predicted;  ///< int64, in the order of the classes
};

/// Rows in order, pieces of any size. ABMIL, ACMIL-GA and CLAM hold K*N scores plus one split (attention.h), the others
/// the rows.
class MilStream {
 public:
  virtual ~MilStream() = default;
  virtual void push(const at::Tensor& rows) = 0;
  /// With the places of the rows [n, 2]; models that do not look at places take them as push() does.
  virtual void push_at(const at::Tensor& rows, const at::Tensor& /*coords*/) { push(rows); }
  virtual MilOutput snapshot() const = 0;  ///< for early results; attn_softmax of the rows so far
  virtual MilOutput finish() = 0;
};

class MilModel {
 public:
  virtual ~MilModel() = default;
  virtual const MilConfig& config() const = 0;
  virtual const std::vector<TensorSpec>& specs() const = 0;
  virtual const StateDict& state() const = 0;

  /// The whole bag at once; differentiable in bag and parameters, except that gated attention models take a bag of
  /// float16, or of more than kPieceRows rows that needs no gradient itself, in pieces which the backward pass computes
  /// again: beside the bag they hold K*N scores. Error(kUsage) when `step` masks scores and the model
  /// has none.
  virtual MilOutput forward(const at::Tensor& bag, const MilStep& step = {}) const = 0;
  static constexpr std::int64_t kPieceRows = std::int64_t{1} << 18;
  virtual std::unique_ptr<MilStream> stream() const = 0;
  /// The model's own loss on an output of forward(). label: int64 index of the class; DSMIL also takes float [1, C],
  /// the classes that are present; options.criterion what it takes.
  virtual MilLoss loss(const MilOutput& output, const at::Tensor& label, const MilLossOptions& options = {}) const = 0;
};

struct MilRow {
  std::string_view name, description, source;
  std::string_view parameters;  ///< "L=D/2 A=128 K=5": defaults with meaning, for `fovea models`
  double dropout = 0;           ///< of the official training recipe
  /// Config when the names and shapes are this model's, else nothing. Names not in the specs are reported by
  /// checked_state later.
  std::function<std::optional<MilConfig>(const StateDict&)> recognise;
  std::function<std::vector<TensorSpec>(const MilConfig&)> specs;
  /// `state` as returned by checked_state or random_state.
  std::function<std::unique_ptr<MilModel>(const MilConfig&, StateDict)> make;
  /// A config that can be made from one with D, C and perhaps more set: zeros become defaults, what the architecture
  /// fixes (K of CLAM-MB, heads) is set. Error(kUsage) for widths that it cannot have.
  std::function<MilConfig(const MilConfig&)> completed;
  bool names_follow_classes = false;  ///< the number of tensors depends on C
  bool places = false;                ///< where instances lie matters (MilStep::coords)
};
std::span<const MilRow> mil_models();
const MilRow& mil_model(std::string_view name);  ///< Error(kNotFound) lists the names

/// The terms that all models share: criterion on bag and branches, diversity, entropy, perturbation. A model's loss()
/// starts from it. label: int64 scalar tensor, or what options.criterion takes.
MilLoss mil_loss(const MilOutput& output, const at::Tensor& label, const MilLossOptions& options = {});
/// The weighted sum of the terms that are defined.
at::Tensor total_loss(const MilLoss& loss, const MilLossOptions& options);

}  // namespace fovea::models
