// What every MIL network is here: a config, named tensors, and functions over both.
#pragma once

#include <fovea/models/mil.h>

namespace fovea::models::mil {

class NamedMil : public MilModel {
 public:
  NamedMil(MilConfig config, std::vector<TensorSpec> specs, StateDict state);
  const MilConfig& config() const override { return config_; }
  const std::vector<TensorSpec>& specs() const override { return specs_; }
  const StateDict& state() const override { return state_; }
  MilLoss loss(const MilOutput& output, const at::Tensor& label, const MilLossOptions& options) const override;
  /// Holds the rows and runs the whole bag at the end: for networks that need all of it at once.
  std::unique_ptr<MilStream> stream() const override;

 protected:
  const at::Tensor& tensor(const std::string& name) const { return state_.at(name); }
  at::Tensor linear(const at::Tensor& x, const std::string& name) const;  ///< with `name`.bias where there is one
  at::Tensor layer_norm(const at::Tensor& x, const std::string& name, double eps) const;
  void check_rows(const at::Tensor& rows) const;
  /// For networks without trainable scores.
  void refuse_masking(const MilStep& step) const;

 private:
  class Stream;
  MilConfig config_;
  std::vector<TensorSpec> specs_;
  StateDict state_;
};

/// Scores as the step leaves them: a given masking, or STKIM with the step's seed; unchanged without either.
bool masks_scores(const MilStep& step);
at::Tensor step_scores(const at::Tensor& scores, const MilStep& step);
/// Inverted dropout. `place` keeps the draws of one step's places apart.
at::Tensor dropped(const at::Tensor& x, const MilStep& step, std::uint64_t place);

/// Weight [out, in] and bias of a linear layer.
void add_linear(std::vector<TensorSpec>& specs, const std::string& name, std::int64_t out, std::int64_t in,
                Init init = Init::kLinearWeight);
void add_layer_norm(std::vector<TensorSpec>& specs, const std::string& name, std::int64_t width);

/// Size of `axis` of a tensor of rank `rank`; -1 when it is missing or of another rank.
std::int64_t extent(const StateDict& state, const std::string& name, std::int64_t axis, std::int64_t rank = 2);
/// The config when every width of it is at least 1.
std::optional<MilConfig> when_whole(const MilConfig& config, bool has_attention = true);
/// Number of consecutive names `prefix`0`suffix`, `prefix`1`suffix`, ...
std::int64_t count_names(const StateDict& state, const std::string& prefix, const std::string& suffix);

/// D and C have to be there; L becomes `inner` where 0, A `attention` where 0. Error(kUsage) otherwise, and when L is
/// no multiple of `heads`.
MilConfig with_defaults(MilConfig config, std::int64_t inner, std::int64_t attention, std::int64_t heads = 1);

template <class Model>
std::function<std::unique_ptr<MilModel>(const MilConfig&, StateDict)> maker() {
  return [](const MilConfig& config, StateDict state) -> std::unique_ptr<MilModel> {
    return std::make_unique<Model>(config, std::move(state));
  };
}

}  // namespace fovea::models::mil
