#include "mil/gated_mil.h"

#include <ATen/ops/softmax.h>

namespace fovea::models::mil {

std::vector<TensorSpec> gated_specs(const MilConfig& c) {
  std::vector<TensorSpec> specs{{"dimreduction.fc1.weight", {c.inner, c.features}}};
  add_linear(specs, "attention.attention_V.0", c.attention, c.inner);
  add_linear(specs, "attention.attention_U.0", c.attention, c.inner);
  add_linear(specs, "attention.attention_weights", c.branches, c.attention);
  return specs;
}

std::optional<MilConfig> recognise_gated(const StateDict& state, std::string_view architecture,
                                         const std::string& head) {
  MilConfig config;
  config.architecture = architecture;
  config.features = extent(state, "dimreduction.fc1.weight", 1);
  config.inner = extent(state, "dimreduction.fc1.weight", 0);
  config.attention = extent(state, "attention.attention_V.0.weight", 0);
  config.branches = extent(state, "attention.attention_weights.weight", 0);
  config.classes = extent(state, head + ".weight", 0);
  return when_whole(config);
}

MilConfig completed_gated(MilConfig config) {
  const std::int64_t inner = (config.features + 1) / 2;
  return with_defaults(std::move(config), inner, 128);
}

GatedMil::GatedMil(MilConfig config, std::vector<TensorSpec> specs, StateDict state)
    : GatedMil(
          std::move(config), std::move(specs), std::move(state),
          {"dimreduction.fc1", "attention.attention_V.0", "attention.attention_U.0", "attention.attention_weights"}) {}

at::Tensor GatedMil::reduce(const at::Tensor& rows) const {
  return linear(rows, names_.front).relu();
}

attention::GateWeights GatedMil::gate() const {
  const auto weight = [&](const std::string& name) { return tensor(name + ".weight"); };
  const auto bias = [&](const std::string& name) { return tensor(name + ".bias"); };
  attention::GateWeights weights{weight(names_.v), bias(names_.v), {}, {}, weight(names_.w), bias(names_.w)};
  if (!names_.u.empty()) weights.wu = weight(names_.u), weights.bu = bias(names_.u);
  return weights;
}

MilOutput GatedMil::output_of(const attention::Pooled& pooled) const {
  MilOutput output;
  output.attn_raw = pooled.scores;
  output.attn_softmax = attention::weights_of(pooled.scores);
  output.entropy = pooled.entropy;
  classify(pooled.z, output);
  output.bag_prob = at::softmax(output.bag_logits, 1);
  return output;
}

MilOutput GatedMil::forward(const at::Tensor& bag, const MilStep& step) const {
  check_rows(bag);
  const at::Tensor rows = dropped(reduce(bag), step, 0);
  attention::Pooled pooled = attention::gated_pool(rows, gate());
  if (masks_scores(step)) pooled = attention::score_pool(step_scores(pooled.scores, step), rows);
  MilOutput output = output_of(pooled);
  output.instances = rows;
  output.head = [this](const at::Tensor& z) {
    MilOutput perturbed;
    classify(z, perturbed);
    return perturbed.bag_logits;
  };
  return output;
}

class GatedMil::Stream final : public MilStream {
 public:
  explicit Stream(const GatedMil& model)
      : model_(model), pool_(attention::make_gated_pool_stream(model.gate(), [&model](const at::Tensor& rows) {
          return model.reduce(rows);
        })) {}
  void push(const at::Tensor& rows) override {
    if (rows.dim() == 2 && rows.size(0) == 0) return;
    model_.check_rows(rows);
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
