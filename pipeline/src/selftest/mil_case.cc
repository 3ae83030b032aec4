// MIL cases: forward both ways (whole bag, stream), losses, gradients, replayed masks.
#include <optional>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>

#include <fovea/base/error.h>
#include <fovea/models/attention.h>
#include <fovea/models/attention_terms.h>
#include <fovea/models/mil.h>

#include "model_recognition.h"
#include "selftest/case_file.h"
#include "tensor_bridge.h"

namespace fovea::pipeline::selftest {
namespace {

namespace fs = std::filesystem;

/// The tensor `name` of any safetensors file beside the case.
at::Tensor find_bag(const CaseFile& file, const std::string& name) {
  if (file.has(name)) return file.tensor(name);
  for (const auto& entry : fs::directory_iterator(fs::absolute(file.path()).parent_path())) {
    if (!entry.is_regular_file() || entry.path().extension() != ".safetensors") continue;
    std::optional<io::WeightFile> neighbour;
    try {
      neighbour = io::read_safetensors(entry.path());
    } catch (const Error&) {
      continue;  // a damaged neighbour is reported when its own turn comes
    }
    if (auto found = neighbour->tensors.find(name); found != neighbour->tensors.end())
      return to_tensor(found->second).clone();
  }
  throw Error(ErrorCode::kNotFound, file.path().string(), "no file beside the case holds its bag '" + name + "'",
              "Keep the case in the folder it came in.");
}

std::optional<at::Tensor> mask_of(const CaseFile& file, std::int64_t rows) {
  if (!file.has("stkim_masked_idx")) return {};
  return instance_mask(file.tensor("stkim_masked_idx"), rows, file.path().string());
}

models::MilLossOptions loss_options(const CaseFile& file) {
  models::MilLossOptions options;
  options.aem_lambda = file.number("aem_lambda", options.aem_lambda);
  options.bag_weight = file.number("bag_weight", options.bag_weight);
  options.instance_samples =
      static_cast<std::int64_t>(file.number("k_sample", static_cast<double>(options.instance_samples)));
  options.subtyping = file.text("subtyping") == "true";
  options.instance_loss = file.text("instance_eval") == "true";
  return options;
}

}  // namespace

at::Tensor instance_mask(const at::Tensor& index, std::int64_t rows, const std::string& subject) {
  std::vector<std::int64_t> sizes = index.sizes().vec();
  if (sizes.size() < 2 || (index.numel() > 0 && index.max().item<std::int64_t>() >= rows))
    throw Error(ErrorCode::kShape, subject, "the masked instances are not [.., K, q] indices of the bag",
                "Use a fixture of this model.");
  sizes.back() = rows;
  return at::zeros(sizes, at::kBool).scatter_(-1, index, true);
}

namespace {

/// Uneven pieces: one row, then seven, then the rest in hundreds, so that no piece boundary coincides with a kernel's.
models::MilOutput streamed(const models::MilModel& model, const at::Tensor& bag) {
  auto stream = model.stream();
  std::int64_t begin = 0;
  for (std::int64_t piece = 1; begin < bag.size(0); piece = piece == 1 ? 7 : 100) {
    const std::int64_t end = std::min(begin + piece, bag.size(0));
    stream->push(bag.slice(0, begin, end).contiguous());
    begin = end;
  }
  return stream->finish();
}

using Field = at::Tensor (*)(const models::MilOutput&);

class MilCase {
 public:
  MilCase(const CaseFile& file, Expectations& expected, const RunOptions& options)
      : file_(file), expected_(expected), options_(options) {
    recognised_ = recognise_weights(file.file(), file.path().string());
    if (!recognised_.mil)
      throw Error(ErrorCode::kUnsupported, file.path().string(), "the weights are not those of a MIL model",
                  "Use an intact fixture.");
    bag_ = find_bag(file, file.text("bag")).to(options.device, at::kFloat).contiguous();
    mask_ = mask_of(file, bag_.size(0));
    if (mask_) mask_ = mask_->to(options.device);
  }

  void run() {
    {
      const at::NoGradGuard no_grad;
      const auto model = make(false);
      plain_ = model->forward(bag_);
      outputs_.push_back(mask_ ? model->forward(bag_, {mask_}) : plain_);
      if (!mask_) outputs_.push_back(streamed(*model, bag_));
    }
    train_ = make(true);
    outputs_.push_back(train_->forward(bag_, {mask_}));
    check_forward();
    check_losses();
  }

 private:
  std::unique_ptr<models::MilModel> make(bool trainable) {
    models::StateDict state;
    for (const auto& [name, tensor] : recognised_.state)
      state.emplace(name, tensor.detach().clone().to(options_.device));
    auto model = models::mil_model(recognised_.mil->architecture).make(*recognised_.mil, std::move(state));
    for (const auto& spec : recognised_.specs)
      if (trainable && !spec.is_buffer()) model->state().at(spec.name).requires_grad_(true);
    return model;
  }

  std::vector<at::Tensor> each(Field field) const {
    std::vector<at::Tensor> values;
    for (const auto& output : outputs_) values.push_back(field(output));
    return values;
  }

  void check_forward() {
    const auto forward = [&](const std::string& name, Field field) {
      expected_.check(name, each(field), Quantity::kMilForward);
    };
    forward("attn_raw", [](const models::MilOutput& o) { return o.attn_raw; });
    forward("attn_softmax", [](const models::MilOutput& o) { return o.attn_softmax; });
    forward("attn_softmax_NxC", [](const models::MilOutput& o) { return o.attn_softmax.transpose(0, -1); });
    forward("attn_bag", [](const models::MilOutput& o) { return o.attn_softmax.mean(-2); });
    forward("instance_logits", [](const models::MilOutput& o) { return o.instance_logits; });
    forward("max_logits", [](const models::MilOutput& o) { return o.max_logits; });
    forward("bag_embedding", [](const models::MilOutput& o) { return o.bag_embedding; });
    forward("branch_logits", [](const models::MilOutput& o) { return o.branch_logits; });
    forward("bag_logits", [](const models::MilOutput& o) { return o.bag_logits; });
    forward("bag_prob", [](const models::MilOutput& o) { return o.bag_prob; });
    expected_.check("attn_raw_unmasked", {plain_.attn_raw}, Quantity::kMilForward);
    check_selection();
  }

  /// What stochastic masking picks from our own scores with the case's random numbers.
  void check_selection() {
    if (!file_.has("stkim_rand") || !file_.has("attn_raw_unmasked")) return;
    attention::StkimOptions masking;
    masking.n_masked = static_cast<std::int64_t>(file_.number("n_masked_patch", static_cast<double>(masking.n_masked)));
    masking.mask_drop = file_.number("mask_drop", masking.mask_drop);
    const at::Tensor noise = file_.tensor("stkim_rand").to(options_.device);
    const attention::Stkim picked = attention::stkim(plain_.attn_raw, noise, masking);
    expected_.check("stkim_topk_idx", {picked.topk}, Tolerance{});
    expected_.check("stkim_masked_idx", {picked.dropped}, Tolerance{});
  }

  void check_losses() {
    const std::string name = file_.has("label_multihot") ? "label_multihot" : "label";
    if (!file_.has(name)) return;
    at::Tensor label = file_.tensor(name).to(options_.device);
    if (!label.is_floating_point()) label = label.reshape({});
    const models::MilLossOptions weights = loss_options(file_);
    std::vector<models::MilLoss> losses;
    for (const auto& output : outputs_)
      if (output.instances.defined() || !expected_.wants("loss_instance"))
        losses.push_back(train_->loss(output, label, weights));
    const auto loss = [&](const std::string& name, at::Tensor models::MilLoss::*member) {
      std::vector<at::Tensor> values;
      for (const auto& each_loss : losses)
        if ((each_loss.*member).defined()) values.push_back(each_loss.*member);
      if (!values.empty()) expected_.check(name, values, Quantity::kMilLoss);
    };
    loss("loss_bag", &models::MilLoss::bag);
    loss("loss_branch", &models::MilLoss::branch);
    loss("loss_div", &models::MilLoss::diversity);
    loss("loss_total", &models::MilLoss::total);
    loss("loss_neg_entropy", &models::MilLoss::neg_entropy);
    loss("loss_instance", &models::MilLoss::instance);
    loss("inst_targets", &models::MilLoss::instance_targets);
    loss("inst_preds", &models::MilLoss::instance_predicted);
    const auto branches = static_cast<double>(recognised_.mil->branches);
    std::vector<at::Tensor> logged;  // the official log divides by branches, not by heads
    for (const auto& output : outputs_) logged.push_back(-output.entropy.sum() / branches);
    expected_.check("neg_entropy_logged", logged, Quantity::kMilLoss);
    check_gradients(losses.back().total);
  }

  /// A parameter that no gradient reaches has a zero gradient.
  void check_gradients(const at::Tensor& total) {
    total.backward();
    for (const auto& [name, parameter] : train_->state()) {
      const at::Tensor gradient = parameter.grad();
      expected_.check("g." + name, {gradient.defined() ? gradient : at::zeros(parameter.sizes())},
                      Quantity::kMilGradient);
    }
  }

  const CaseFile& file_;
  Expectations& expected_;
  const RunOptions& options_;
  RecognisedModel recognised_;
  at::Tensor bag_;
  std::optional<at::Tensor> mask_;
  std::unique_ptr<models::MilModel> train_;
  models::MilOutput plain_;
  std::vector<models::MilOutput>
      outputs_;  ///< whole bag, stream (where nothing is masked), whole bag with gradient: last
};

}  // namespace

void run_mil_case(const CaseFile& file, Expectations& expected, const RunOptions& options) {
  MilCase(file, expected, options).run();
  expected.close("not computed by this version");
}

namespace {

/// The term that the tensor names beside `X_attn_raw` ask for: diversity of branches, or entropy of all or the
/// strongest instances.
void check_loss_term(const CaseFile& file, Expectations& expected, const RunOptions& options, const std::string& stem) {
  at::Tensor raw = file.tensor(stem + "_attn_raw").to(options.device).set_requires_grad(true);
  std::string name = stem + "_neg_entropy";
  at::Tensor value;
  if (expected.wants(name)) {
    attention::EntropyOptions entropy;
    if (file.has(stem + "_k")) entropy.top_k = file.tensor(stem + "_k").item<std::int64_t>();
    value = attention::negative_entropy(raw, entropy).mean();
  } else {
    name = stem + (expected.wants(stem + "_pair") ? "_pair" : "_loss");
    if (!expected.wants(name)) return;
    value = attention::diversity(attention::weights_of(raw.flatten(0, -2)));
  }
  value.backward();
  expected.check(name, {value}, Quantity::kMilLoss);
  expected.check(stem + "_grad", {raw.grad()}, Quantity::kMilGradient);
}

/// The schedule starts at the value of epoch 0 and ends with the last epoch listed; what is checked is its shape.
void check_annealing(const CaseFile& file, Expectations& expected) {
  if (!file.has("cwa_epochs") || !expected.wants("cwa_lambda")) return;
  const at::Tensor epochs = file.tensor("cwa_epochs"), listed = file.tensor("cwa_lambda");
  if (epochs.numel() == 0 || listed.numel() == 0) return;
  at::Tensor actual = at::zeros(epochs.sizes(), at::kDouble);
  const double start = listed.flatten()[0].item<double>(), total = epochs.max().item<double>();
  for (std::int64_t i = 0; i < epochs.numel(); ++i)
    actual.mutable_data_ptr<double>()[i] = attention::annealed_weight(start, epochs.flatten()[i].item<double>(), total);
  expected.check("cwa_lambda", {actual}, Quantity::kMilLoss);
}

/// Every instance of a bag as small as the number of candidates is masked: the weights are uniform.
void check_all_masked(const CaseFile& file, Expectations& expected) {
  const std::string name = "stkim_all_masked_softmax";
  if (!expected.wants(name)) return;
  const at::Tensor scores = at::zeros(file.tensor(name).sizes());
  const attention::StkimOptions options{scores.size(-1), 1.0};
  expected.check(
      name,
      {attention::weights_of(attention::stkim(scores, attention::stkim_noise(scores, options, 0), options).scores)},
      Quantity::kMilLoss);
}

}  // namespace

void run_mil_losses(const CaseFile& file, Expectations& expected, const RunOptions& options) {
  for (const std::string& name : file.names())
    if (ends_with(name, "_attn_raw")) check_loss_term(file, expected, options, name.substr(0, name.size() - 9));
  check_annealing(file, expected);
  check_all_masked(file, expected);
  expected.close("not computed by this version");
}

}  // namespace fovea::pipeline::selftest
