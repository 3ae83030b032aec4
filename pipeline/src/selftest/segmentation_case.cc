// Segmentation networks: inference both ways (forward, infer), intermediate maps, losses, one training step.
#include <algorithm>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <fovea/base/error.h>
#include <fovea/models/attention.h>
#include <fovea/models/recurrent_segmentation.h>
#include <fovea/models/segmentation.h>
#include <fovea/models/volume_attention.h>

#include "model_recognition.h"
#include "selftest/case_file.h"

namespace fovea::pipeline::selftest {
namespace {

/// The published loss counts the background and divides by classes - 1: for two classes clip(1 - (D_bg + D_fg), 0, 1).
/// The product does not train with it; its own loss on swapped classes gives D_bg, so that the documented fault can be
/// confirmed.
at::Tensor loss_as_published(const at::Tensor& probabilities, const at::Tensor& label) {
  const at::Tensor foreground = models::foreground_dice_loss(probabilities, label);
  const at::Tensor background = models::foreground_dice_loss(probabilities.flip(1), 1 - label);
  return (foreground + background - 1).clamp(0, 1);
}

/// The target of head l: the label subsampled with stride 2^l from index 0 (segmentation.md 6).
at::Tensor label_of_head(at::Tensor label, std::size_t level) {
  for (std::int64_t dim = 1; dim < label.dim(); ++dim)
    label = label.slice(dim, 0, label.size(dim), std::int64_t{1} << level);
  return label;
}

/// The true gradient of a bias that feeds a batch norm, at once or through a sum, is zero.
bool precedes_norm(const std::string& name) {
  for (const char* layer : {".conv0.bias", ".conv1.bias", ".up.bias", ".guide.bias", "fuse.conv.bias", ".gate.g.bias",
                            ".gate.x.bias", ".gate.psi.bias"})
    if (ends_with(name, layer)) return true;
  return false;
}

class SegmentationCase {
 public:
  SegmentationCase(const CaseFile& file, Expectations& expected, const RunOptions& options)
      : file_(file), expected_(expected), options_(options) {
    recognised_ = recognise_weights(file.file(), file.path().string());
    if (!recognised_.segmentation)
      throw Error(ErrorCode::kUnsupported, file.path().string(), "the weights are not those of a segmentation network",
                  "Use an intact fixture.");
    recognised_.segmentation->dropout = recognised_.segmentation->fuse_dropout = 0;  // as the fixtures were made
    x_ = file.tensor("in.x").to(options.device, at::kFloat);
    if (file.has("in.label")) label_ = file.tensor("in.label").to(options.device, at::kLong);
  }

  void run() {
    check_inference();
    if (file_.has_prefix("train.") || file_.has_prefix("grad.")) check_training();
  }

 private:
  std::unique_ptr<models::SegNetwork> make(bool trainable) const {
    models::StateDict state;
    for (const auto& [name, tensor] : recognised_.state)
      state.emplace(name, tensor.detach().clone().to(options_.device));
    auto network =
        models::seg_model(recognised_.segmentation->architecture).make(*recognised_.segmentation, std::move(state));
    for (const auto& spec : recognised_.specs)
      if (trainable && !spec.is_buffer()) network->state().at(spec.name).requires_grad_(true);
    return network;
  }

  void check_inference() {
    const at::NoGradGuard no_grad;
    const auto network = make(false);
    const models::SegOutput output = network->forward(x_, false, true);
    std::vector<at::Tensor> dice, published;
    for (std::size_t level = 0; level < output.heads.size(); ++level) {
      const at::Tensor probabilities = at::softmax(output.heads[level], 1);
      std::vector<at::Tensor> ways{probabilities};
      if (level == 0) ways.push_back(network->infer(x_));
      expected_.check("out.head" + std::to_string(level), ways,
                      recognised_.segmentation->architecture == "daunet" ? Quantity::kSegAttendedProbability
                                                                         : Quantity::kSegProbability);
      if (!label_.defined()) continue;
      dice.push_back(models::foreground_dice_loss(probabilities, label_of_head(label_, level)));
      if (probabilities.size(1) == 2)
        published.push_back(loss_as_published(probabilities, label_of_head(label_, level)));
    }
    for (const auto& [name, value] : output.mid)
      expected_.check("mid." + name, {value},
                      starts_with(name, "psi") ? Quantity::kSegProbability : Quantity::kSegActivation);
    if (!dice.empty()) expected_.check("loss.fg_dice_per_head", {at::stack(dice)}, Quantity::kSegLoss);
    if (!published.empty())
      expected_.check("loss.as_coded_with_background_per_head", {at::stack(published)}, Quantity::kSegLoss);
  }

  /// Running statistics are updated in place: a network of its own.
  void check_training() {
    const auto network = make(true);
    const models::SegOutput output = network->forward(x_, true);
    for (std::size_t level = 0; level < output.heads.size(); ++level)
      expected_.check("train.out.head" + std::to_string(level), {at::softmax(output.heads[level], 1)},
                      Quantity::kSegTrainingProbability);
    if (!label_.defined()) return;
    const at::Tensor loss = models::deep_supervision_loss(output, label_);
    expected_.check("train.loss_sum_fg_dice", {loss}, Quantity::kSegLoss);
    loss.backward();
    for (const auto& spec : recognised_.specs) {
      const at::Tensor& tensor = network->state().at(spec.name);
      if (spec.is_buffer()) {
        expected_.check("train." + spec.name, {tensor}, Quantity::kSegStatistics);
      } else {
        const at::Tensor gradient = tensor.grad().defined() ? tensor.grad() : at::zeros(tensor.sizes());
        expected_.check("grad." + spec.name, {gradient},
                        precedes_norm(spec.name) ? Quantity::kSegZeroGradient : Quantity::kSegGradient);
      }
    }
  }

  const CaseFile& file_;
  Expectations& expected_;
  const RunOptions& options_;
  RecognisedModel recognised_;
  at::Tensor x_, label_;
};

}  // namespace

void run_segmentation_case(const CaseFile& file, Expectations& expected, const RunOptions& options) {
  SegmentationCase(file, expected, options).run();
  expected.close("not computed by this version");
}

namespace {

void check_dice(const CaseFile& file, Expectations& expected, const std::string& stem, const RunOptions& options) {
  const at::Tensor probabilities = file.tensor(stem + ".p").to(options.device),
                   label = file.tensor(stem + ".t").to(options.device).argmax(1);
  expected.check(stem + ".fg", {models::foreground_dice_loss(probabilities, label)}, Quantity::kSegLoss);
  if (probabilities.size(1) == 2)
    expected.check(stem + ".as_coded", {loss_as_published(probabilities, label)}, Quantity::kSegLoss);
}

/// Both attentions look at pam.x.
void check_dual(const CaseFile& file, Expectations& expected, const RunOptions& options) {
  const auto tensor = [&](const std::string& name) { return file.tensor(name).to(options.device, at::kFloat); };
  const auto matrix = [&](const std::string& name) { return tensor(name).flatten(1); };
  const at::Tensor x = tensor("pam.x");
  const attention::PositionWeights weights{matrix("pam.c.weight"), {}, matrix("pam.b.weight"), {},
                                           matrix("pam.d.weight"), {}, tensor("pam.gamma")};
  const at::Tensor q = attention::projected_voxels(x, weights.wq, {}),
                   k = attention::projected_voxels(x, weights.wk, {});
  expected.check("pam.attention", {attention::position_weights(q, k)}, Quantity::kSegProbability);
  expected.check("pam.y", {attention::dual_position(x, weights)}, Quantity::kSegActivation);
  const auto form = attention::ChannelForm::kDirect;
  expected.check("cam.attention", {attention::channel_weights(x, form)}, Quantity::kSegProbability);
  expected.check("cam.y", {attention::dual_channel(x, tensor("cam.gamma"), form)}, Quantity::kSegActivation);
}

void check_gate(const CaseFile& file, Expectations& expected, const RunOptions& options) {
  const auto tensor = [&](const std::string& name) {
    return file.tensor("gate." + name).to(options.device, at::kFloat);
  };
  const auto folded = [&](const std::string& layer) {
    const auto norm = [&](const char* suffix) { return tensor("w." + layer + "_bn" + suffix); };
    const at::Tensor scale = norm(".weight") / (norm(".running_var") + 1e-3).sqrt();
    const at::Tensor weight = tensor("w." + layer + ".weight").flatten(1) * scale.unsqueeze(1);
    return std::pair(weight, (tensor("w." + layer + ".bias") - norm(".running_mean")) * scale + norm(".bias"));
  };
  const auto [wg, bg] = folded("g");
  const auto [wx, bx] = folded("x");
  const auto [wpsi, bpsi] = folded("psi");
  const attention::AttentionGateWeights weights{wg, bg, wx, bx, wpsi.flatten(), bpsi};
  const auto gated =
      attention::attention_gate(tensor("g"), tensor("x"), weights, attention::GateCombine::kConcat, true);
  expected.check("gate.y", {gated.out}, Quantity::kSegActivation);
}

}  // namespace

void run_segmentation_components(const CaseFile& file, Expectations& expected, const RunOptions& options) {
  const at::NoGradGuard no_grad;
  for (const std::string& name : file.names())
    if (starts_with(name, "dice") && ends_with(name, ".p"))
      check_dice(file, expected, name.substr(0, name.size() - 2), options);
  for (const std::int64_t stride : {2, 4, 8}) {
    const std::string stem = "up" + std::to_string(stride);
    const auto tensor = [&](const char* part) { return file.tensor(stem + part).to(options.device); };
    expected.check(stem + ".y", {models::transposed_same(tensor(".x"), tensor(".weight"), tensor(".bias"), stride)},
                   Quantity::kSegActivation);
  }
  check_dual(file, expected, options);
  check_gate(file, expected, options);
  expected.close("not computed by this version");
}

/// The recurrent network's blocks (thrombus.md).
void run_recurrent_components(const CaseFile& file, Expectations& expected, const RunOptions& options) {
  const at::NoGradGuard no_grad;
  const auto tensor = [&](const std::string& name) { return file.tensor(name).to(options.device, at::kFloat); };
  const auto cell = [&](const std::string& direction, bool backwards) {
    return models::conv_lstm(tensor("lstm.x"), tensor("lstm." + direction + ".weight"),
                             tensor("lstm." + direction + ".bias"), backwards);
  };
  const at::Tensor forwards = cell("fwd", false);
  expected.check("lstm.out_fwd", {forwards}, Quantity::kSegRecurrent);
  expected.check("lstm.out_bi", {at::cat({forwards, cell("bwd", true)}, 2)}, Quantity::kSegRecurrent);

  const auto matrix = [&](const std::string& name) { return tensor(name).flatten(1); };
  const auto fused = attention::modality_attention(tensor("fuse.features"), tensor("fuse.g"),
                                                   file.tensor("fuse.mask").to(options.device, at::kBool),
                                                   {tensor("fuse.Wx").flatten(2), matrix("fuse.Wg"), tensor("fuse.bg"),
                                                    tensor("fuse.wp").flatten(), tensor("fuse.bp")});
  expected.check("fuse.y", {fused.y}, Quantity::kSegRecurrent);
  expected.check("fuse.attention", {fused.weights}, Quantity::kSegRecurrent);

  const at::Tensor bias = tensor("gate.bg");
  const auto gated = attention::attention_gate(tensor("gate.g"), tensor("gate.x"),
                                               {matrix("gate.Wg"), bias, matrix("gate.Wx"), at::zeros_like(bias),
                                                tensor("gate.wp").flatten(), tensor("gate.bp")},
                                               attention::GateCombine::kAdd, true);
  expected.check("gate.psi", {gated.alpha}, Quantity::kSegRecurrent);
  expected.check("gate.y", {gated.out}, Quantity::kSegRecurrent);

  const at::Tensor p = tensor("ft.p"), t = tensor("ft.t");
  expected.check("ft.loss", {models::focal_tversky_loss(p, t)}, Quantity::kSegRecurrent);
  expected.check("ft.loss_empty", {models::focal_tversky_loss(p, at::zeros_like(t))}, Quantity::kSegRecurrent);
  expected.close("not computed by this version");
}

}  // namespace fovea::pipeline::selftest
