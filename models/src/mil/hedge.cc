// Interim MIL heads until branch h/attention lands (it replaces this file).
#include <fovea/models/mil.h>

#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/linear.h>

#include <fovea/base/error.h>
#include <fovea/models/attention.h>

namespace fovea::models {
namespace {

bool is_acmil(const MilConfig& c) { return c.architecture == "acmil_ga"; }

std::vector<TensorSpec> specs_of(const MilConfig& c) {
  std::vector<TensorSpec> s{{"dimreduction.fc1.weight", {c.inner, c.features}},
                            {"attention.attention_V.0.weight", {c.attention, c.inner}},
                            {"attention.attention_V.0.bias", {c.attention}, Init::kLinearBias, c.inner},
                            {"attention.attention_U.0.weight", {c.attention, c.inner}},
                            {"attention.attention_U.0.bias", {c.attention}, Init::kLinearBias, c.inner},
                            {"attention.attention_weights.weight", {c.branches, c.attention}},
                            {"attention.attention_weights.bias", {c.branches}, Init::kLinearBias, c.attention}};
  auto head = [&](const std::string& name) {
    s.push_back({name + ".fc.weight", {c.classes, c.inner}});
    s.push_back({name + ".fc.bias", {c.classes}, Init::kLinearBias, c.inner});
  };
  if (is_acmil(c)) {
    for (int k = 0; k < c.branches; ++k) head("classifier." + std::to_string(k));
    head("Slide_classifier");
  } else {
    head("classifier");
  }
  return s;
}

std::optional<MilConfig> recognise(const StateDict& s, const std::string& name) {
  const std::string head = name == "acmil_ga" ? "Slide_classifier.fc.weight" : "classifier.fc.weight";
  auto shape = [&](const char* n, int i) { auto f = s.find(n); return f == s.end() || f->second.dim() != 2 ? -1 : f->second.size(i); };
  auto h = s.find(head);
  if (h == s.end() || h->second.dim() != 2 || shape("dimreduction.fc1.weight", 0) < 0 || shape("attention.attention_V.0.weight", 0) < 0 ||
      shape("attention.attention_weights.weight", 0) < 0)
    return {};
  return MilConfig{name, shape("dimreduction.fc1.weight", 1), shape("dimreduction.fc1.weight", 0), shape("attention.attention_V.0.weight", 0),
                   shape("attention.attention_weights.weight", 0), h->second.size(0)};
}

class Gated final : public MilModel {
 public:
  Gated(MilConfig c, StateDict s) : config_(std::move(c)), specs_(specs_of(config_)), state_(std::move(s)) {}
  const MilConfig& config() const override { return config_; }
  const std::vector<TensorSpec>& specs() const override { return specs_; }
  const StateDict& state() const override { return state_; }
  attention::GateWeights gate() const {
    auto t = [&](const char* n) { return state_.at(n); };
    return {t("attention.attention_V.0.weight"), t("attention.attention_V.0.bias"), t("attention.attention_U.0.weight"),
            t("attention.attention_U.0.bias"), t("attention.attention_weights.weight"), t("attention.attention_weights.bias")};
  }
  at::Tensor reduce(const at::Tensor& x) const { return at::linear(x, state_.at("dimreduction.fc1.weight")).relu(); }
  MilOutput output(const attention::Pooled& p, const at::Tensor& raw) const {
    MilOutput o;
    o.attn_raw = raw;
    o.attn_softmax = attention::weights_of(p.scores, p.lse);
    o.entropy = p.entropy;
    auto head = [&](const at::Tensor& z, const std::string& n) { return at::linear(z, state_.at(n + ".fc.weight"), state_.at(n + ".fc.bias")); };
    if (!is_acmil(config_)) {
      o.bag_logits = head(p.z, "classifier");
      return o;
    }
    std::vector<at::Tensor> branches;
    for (int k = 0; k < config_.branches; ++k) branches.push_back(head(p.z.slice(0, k, k + 1), "classifier." + std::to_string(k)));
    o.branch_logits = at::cat(branches);
    o.bag_logits = head(p.z.mean(0, true), "Slide_classifier");
    return o;
  }
  MilOutput forward(const at::Tensor& bag, const std::optional<at::Tensor>& masked) const override {
    if (bag.dim() != 2 || bag.size(1) != config_.features)
      throw Error(ErrorCode::kShape, config_.architecture,
                  "the bag has instances of width " + std::to_string(bag.size(-1)) + " but the model takes " + std::to_string(config_.features),
                  "Use features of the encoder that the model was trained on.");
    at::Tensor h = reduce(bag);
    attention::Pooled p = attention::gated_pool(h, gate());
    if (masked) p = attention::score_pool(p.scores.masked_fill(*masked, -1e9), h);
    return output(p, p.scores);
  }
  class Stream final : public MilStream {
   public:
    explicit Stream(const Gated& m) : m_(m), s_(attention::make_gated_pool_stream(m.gate(), [&m](const at::Tensor& x) { return m.reduce(x); })) {}
    void push(const at::Tensor& rows) override { s_->push(rows); }
    MilOutput snapshot() const override { auto p = s_->snapshot(); return m_.output(p, p.scores); }
    MilOutput finish() override { auto p = s_->finish(); return m_.output(p, p.scores); }
   private:
    const Gated& m_;
    std::unique_ptr<attention::GatedPoolStream> s_;
  };
  std::unique_ptr<MilStream> stream() const override { return std::make_unique<Stream>(*this); }

 private:
  MilConfig config_;
  std::vector<TensorSpec> specs_;
  StateDict state_;
};

MilRow row(std::string_view name, std::string_view description, std::string_view source, std::string_view parameters) {
  return {name, description, source, parameters, [n = std::string(name)](const StateDict& s) { return recognise(s, n); }, specs_of,
          [](const MilConfig& c, StateDict s) -> std::unique_ptr<MilModel> { return std::make_unique<Gated>(c, std::move(s)); }};
}
}  // namespace

std::span<const MilRow> mil_models() {
  static const std::vector<MilRow> rows{row("acmil_ga", "Attention-challenging MIL, gated attention", "arXiv 2311.07125", "L=D/2 A=128 K=5"),
                                        row("abmil", "Attention-based MIL, gated", "Ilse 2018", "L=D/2 A=128 K=1")};
  return rows;
}
const MilRow& mil_model(std::string_view name) {
  for (const MilRow& r : mil_models())
    if (r.name == name) return r;
  throw Error(ErrorCode::kNotFound, "model", "unknown architecture '" + std::string(name) + "'", "Known: acmil_ga, abmil.");
}
}  // namespace fovea::models
