// Segmentation networks: inference both ways (forward, infer), intermediate maps, losses, one training step.
#include <algorithm>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <fovea/base/error.h>
#include <fovea/models/segmentation.h>

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

/// The true gradient of a bias that feeds a batch norm is zero.
bool precedes_norm(const std::string& name) {
  for (const char* layer : {".conv0.bias", ".conv1.bias", ".up.bias", ".gate.g.bias", ".gate.x.bias", ".gate.psi.bias"})
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
      expected_.check("out.head" + std::to_string(level), ways, Quantity::kSegProbability);
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

/// Only the loss has a way in of its own; the blocks are checked inside the networks that use them.
void run_segmentation_components(const CaseFile& file, Expectations& expected, const RunOptions& options) {
  for (const std::string& name : file.names()) {
    if (!starts_with(name, "dice") || !ends_with(name, ".p")) continue;
    const std::string stem = name.substr(0, name.size() - 2);
    if (!file.has(stem + ".t")) continue;
    const at::Tensor probabilities = file.tensor(name).to(options.device),
                     label = file.tensor(stem + ".t").to(options.device).argmax(1);
    expected.check(stem + ".fg", {models::foreground_dice_loss(probabilities, label)}, Quantity::kSegLoss);
    if (probabilities.size(1) == 2)
      expected.check(stem + ".as_coded", {loss_as_published(probabilities, label)}, Quantity::kSegLoss);
  }
  expected.close("not computed by this version");
}

}  // namespace fovea::pipeline::selftest
