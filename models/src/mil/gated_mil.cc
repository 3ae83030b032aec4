#include "mil/gated_mil.h"

#include <ATen/ops/linear.h>

#include <fovea/base/error.h>
#include <fovea/models/attention_terms.h>

namespace fovea::models::mil {
namespace {

std::int64_t extent(const StateDict& state, const std::string& name, std::int64_t axis) {
  const auto found = state.find(name);
  return found == state.end() || found->second.dim() != 2 ? -1 : found->second.size(axis);
}

}  // namespace

void add_head(std::vector<TensorSpec>& specs, const std::string& name, const MilConfig& config) {
  specs.push_back({name + ".fc.weight", {config.classes, config.inner}});
  specs.push_back({name + ".fc.bias", {config.classes}, Init::kLinearBias, config.inner});
}

std::vector<TensorSpec> gated_specs(const MilConfig& c) {
  return {{"dimreduction.fc1.weight", {c.inner, c.features}},
          {"attention.attention_V.0.weight", {c.attention, c.inner}},
          {"attention.attention_V.0.bias", {c.attention}, Init::kLinearBias, c.inner},
          {"attention.attention_U.0.weight", {c.attention, c.inner}},
          {"attention.attention_U.0.bias", {c.attention}, Init::kLinearBias, c.inner},
          {"attention.attention_weights.weight", {c.branches, c.attention}},
          {"attention.attention_weights.bias", {c.branches}, Init::kLinearBias, c.attention}};
}

std::optional<MilConfig> recognise_gated(const StateDict& state, std::string_view architecture,
                                         const std::string& head) {
  MilConfig config;
  config.architecture = architecture;
  config.features = extent(state, "dimreduction.fc1.weight", 1);
  config.inner = extent(state, "dimreduction.fc1.weight", 0);
  config.attention = extent(state, "attention.attention_V.0.weight", 0);
  config.branches = extent(state, "attention.attention_weights.weight", 0);
  config.classes = extent(state, head + ".fc.weight", 0);
  for (std::int64_t value : {config.features, config.inner, config.attention, config.branches, config.classes})
    if (value < 1) return {};
  return config;
}

GatedMil::GatedMil(MilConfig config, std::vector<TensorSpec> specs, StateDict state)
    : config_(std::move(config)), specs_(std::move(specs)), state_(std::move(state)) {
  for (const TensorSpec& spec : specs_)
    if (!state_.count(spec.name))
      throw Error(ErrorCode::kInternal, config_.architecture, "made without its tensor " + spec.name);
}

at::Tensor GatedMil::reduce(const at::Tensor& rows) const {
  return at::linear(rows, state_.at("dimreduction.fc1.weight")).relu();
}

attention::GateWeights GatedMil::gate() const {
  const auto tensor = [&](const char* name) { return state_.at(std::string("attention.attention_") + name); };
  return {tensor("V.0.weight"), tensor("V.0.bias"),       tensor("U.0.weight"),
          tensor("U.0.bias"),   tensor("weights.weight"), tensor("weights.bias")};
}

at::Tensor GatedMil::head(const at::Tensor& z, const std::string& name) const {
  return at::linear(z, state_.at(name + ".fc.weight"), state_.at(name + ".fc.bias"));
}

MilOutput GatedMil::output_of(const attention::Pooled& pooled) const {
  MilOutput output;
  output.attn_raw = pooled.scores;
  output.attn_softmax = attention::weights_of(pooled.scores);
  output.entropy = pooled.entropy;
  classify(pooled.z, output);
  return output;
}

MilOutput GatedMil::forward(const at::Tensor& bag, const std::optional<at::Tensor>& masked) const {
  if (bag.dim() != 2 || bag.size(1) != config_.features)
    throw Error(ErrorCode::kShape, config_.architecture,
                "the bag's instances are " + std::to_string(bag.dim() == 2 ? bag.size(1) : 0) +
                    " wide, but the model wants " + std::to_string(config_.features),
                "Use the encoder the model was trained with.");
  const at::Tensor rows = reduce(bag);
  attention::Pooled pooled = attention::gated_pool(rows, gate());
  if (masked) pooled = attention::score_pool(pooled.scores.masked_fill(*masked, attention::kStkimScore), rows);
  return output_of(pooled);
}

class GatedMil::Stream final : public MilStream {
 public:
  explicit Stream(const GatedMil& model)
      : model_(model), pool_(attention::make_gated_pool_stream(model.gate(), [&model](const at::Tensor& rows) {
          return model.reduce(rows);
        })) {}
  void push(const at::Tensor& rows) override {
    if (rows.dim() != 2 || rows.size(1) != model_.config_.features)
      throw Error(ErrorCode::kShape, model_.config_.architecture,
                  "the instances do not have the width " + std::to_string(model_.config_.features),
                  "Use the encoder the model was trained with.");
    pool_->push(rows);
  }
  MilOutput snapshot() const override { return model_.output_of(pool_->snapshot()); }
  MilOutput finish() override { return model_.output_of(pool_->finish()); }

 private:
  const GatedMil& model_;
  std::unique_ptr<attention::GatedPoolStream> pool_;
};

std::unique_ptr<MilStream> GatedMil::stream() const {
  return std::make_unique<Stream>(*this);
}

}  // namespace fovea::models::mil
