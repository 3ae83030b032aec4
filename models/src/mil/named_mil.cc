#include "mil/named_mil.h"

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>

#include <fovea/base/error.h>

namespace fovea::models::mil {

NamedMil::NamedMil(MilConfig config, std::vector<TensorSpec> specs, StateDict state)
    : config_(std::move(config)), specs_(std::move(specs)), state_(std::move(state)) {
  for (const TensorSpec& spec : specs_)
    if (!state_.count(spec.name))
      throw Error(ErrorCode::kInternal, config_.architecture, "made without its tensor " + spec.name);
}

MilLoss NamedMil::loss(const MilOutput& output, const at::Tensor& label, const MilLossOptions& options) const {
  return mil_loss(output, label, options);
}

at::Tensor NamedMil::linear(const at::Tensor& x, const std::string& name) const {
  // Perturbations of attention are found in float64 (attention_terms.h).
  const auto like_x = [&](const at::Tensor& t) { return x.scalar_type() == at::kDouble ? t.to(at::kDouble) : t; };
  const auto bias = state_.find(name + ".bias");
  if (bias == state_.end()) return at::linear(x, like_x(tensor(name + ".weight")));
  return at::linear(x, like_x(tensor(name + ".weight")), like_x(bias->second));
}

at::Tensor NamedMil::layer_norm(const at::Tensor& x, const std::string& name, double eps) const {
  const at::Tensor& weight = tensor(name + ".weight");
  return at::layer_norm(x, weight.sizes(), weight, tensor(name + ".bias"), eps);
}

void NamedMil::check_rows(const at::Tensor& rows) const {
  if (rows.dim() != 2 || rows.size(1) != config_.features)
    throw Error(ErrorCode::kShape, config_.architecture,
                "the bag's instances are " + std::to_string(rows.dim() == 2 ? rows.size(1) : 0) +
                    " wide, but the model wants " + std::to_string(config_.features),
                "Use the encoder the model was trained with.");
  if (rows.size(0) == 0)
    throw Error(ErrorCode::kShape, config_.architecture, "the bag holds no instance",
                "Check the tissue mask or the feature file.");
}

void NamedMil::refuse_masking(const MilStep& step) const {
  if (masks_scores(step))
    throw Error(ErrorCode::kUsage, config_.architecture, "this network has no attention scores that could be masked",
                "Switch the masking of instances off, or choose an attention model.");
}

class NamedMil::Stream final : public MilStream {
 public:
  explicit Stream(const NamedMil& model) : model_(model) {}
  void push(const at::Tensor& rows) override {
    if (rows.dim() == 2 && rows.size(0) == 0) return;
    model_.check_rows(rows);
    rows_.push_back(rows.clone());
  }
  MilOutput snapshot() const override {
    const at::NoGradGuard no_grad;
    return model_.forward(rows_.empty() ? at::empty({0, model_.config_.features}) : at::cat(rows_), {});
  }
  MilOutput finish() override {
    MilOutput output = snapshot();
    rows_.clear();
    return output;
  }

 private:
  const NamedMil& model_;
  std::vector<at::Tensor> rows_;
};

std::unique_ptr<MilStream> NamedMil::stream() const {
  return std::make_unique<Stream>(*this);
}

bool masks_scores(const MilStep& step) {
  return step.masked.has_value() || (step.stkim.n_masked > 0 && step.stkim.mask_drop > 0);
}

at::Tensor step_scores(const at::Tensor& scores, const MilStep& step) {
  if (step.masked) return scores.masked_fill(*step.masked, attention::kStkimScore);
  if (!masks_scores(step)) return scores;
  return attention::stkim(scores, attention::stkim_noise(scores, step.stkim, step.seed), step.stkim).scores;
}

at::Tensor dropped(const at::Tensor& x, const MilStep& step, std::uint64_t place) {
  if (!(step.dropout > 0)) return x;
  constexpr std::uint64_t kApart = 0x9E3779B97F4A7C15ull;
  const at::Generator generator = at::detail::createCPUGenerator(step.seed + kApart * (place + 1));
  const at::Tensor kept = at::empty(x.sizes(), at::TensorOptions(at::kFloat)).bernoulli_(1 - step.dropout, generator);
  return x * (kept / (1 - step.dropout)).to(x.options().requires_grad(false));
}

void add_linear(std::vector<TensorSpec>& specs, const std::string& name, std::int64_t out, std::int64_t in, Init init) {
  specs.push_back({name + ".weight", {out, in}, init});
  specs.push_back({name + ".bias", {out}, init == Init::kLinearWeight ? Init::kLinearBias : Init::kZeros, in});
}

void add_layer_norm(std::vector<TensorSpec>& specs, const std::string& name, std::int64_t width) {
  specs.push_back({name + ".weight", {width}, Init::kOnes});
  specs.push_back({name + ".bias", {width}, Init::kZeros});
}

std::int64_t extent(const StateDict& state, const std::string& name, std::int64_t axis, std::int64_t rank) {
  const auto found = state.find(name);
  return found == state.end() || found->second.dim() != rank ? -1 : found->second.size(axis);
}

std::optional<MilConfig> when_whole(const MilConfig& config, bool has_attention) {
  for (const std::int64_t value : {config.features, config.inner, config.branches, config.classes, config.heads})
    if (value < 1) return {};
  if (has_attention && config.attention < 1) return {};
  return config;
}

std::int64_t count_names(const StateDict& state, const std::string& prefix, const std::string& suffix) {
  std::int64_t count = 0;
  while (state.count(prefix + std::to_string(count) + suffix)) ++count;
  return count;
}

MilConfig with_defaults(MilConfig config, std::int64_t inner, std::int64_t attention, std::int64_t heads) {
  if (config.inner == 0) config.inner = inner;
  if (config.attention == 0) config.attention = attention;
  if (config.branches == 0) config.branches = 1;
  config.heads = heads;
  const auto usage = [&](const std::string& problem, const std::string& remedy) {
    throw Error(ErrorCode::kUsage, config.architecture, problem, remedy);
  };
  if (config.features < 1 || config.classes < 1 || config.inner < 1 || config.attention < 0 || config.branches < 1)
    usage("the widths of the network are not positive", "Give feature width and number of classes.");
  if (config.inner % heads != 0)
    usage("a width of " + std::to_string(config.inner) + " is not divided by " + std::to_string(heads) + " heads",
          "Choose an inner width that is a multiple of " + std::to_string(heads) + ".");
  return config;
}

}  // namespace fovea::models::mil
