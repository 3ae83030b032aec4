// A training run replayed step by step with the masks that were drawn: losses, learning rates, final weights.
#include <ATen/TensorOperators.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/stack.h>

#include <fovea/base/error.h>
#include <fovea/models/mil.h>
#include <fovea/models/train.h>

#include "model_recognition.h"
#include "selftest/case_file.h"
#include "tensor_bridge.h"

namespace fovea::pipeline::selftest {
namespace {

std::unique_ptr<models::MilModel> first_model(const CaseFile& file, const RunOptions& options) {
  io::WeightFile start = file.file();
  start.tensors.clear();
  for (const auto& [name, tensor] : file.file().tensors)
    if (starts_with(name, "w0.")) start.tensors.emplace(name.substr(3), tensor);
  RecognisedModel found = recognise_weights(start, file.path().string());
  if (!found.mil)
    throw Error(ErrorCode::kUnsupported, file.path().string(), "the weights are not those of a MIL model",
                "Use an intact fixture.");
  for (auto& [name, tensor] : found.state) tensor = tensor.clone().to(options.device);
  return models::mil_model(found.mil->architecture).make(*found.mil, std::move(found.state));
}

}  // namespace

void run_mil_trajectory(const CaseFile& file, Expectations& expected, const RunOptions& options) {
  const auto model = first_model(file, options);
  models::TrainOptions training;
  training.epochs = static_cast<std::int64_t>(file.number("epochs", 1));
  training.learning_rate = file.number("base_lr", training.learning_rate);
  training.weight_decay = file.number("weight_decay", training.weight_decay);
  const at::Tensor labels = file.tensor("labels").to(options.device);
  const std::int64_t bags = labels.numel(), steps = training.epochs * bags;
  std::vector<at::Tensor> losses;
  at::Tensor rates = at::empty({steps}, at::kDouble);
  {
    models::MilTrainer trainer(*model, training, steps);
    for (std::int64_t step = 0; step < steps; ++step) {
      const at::Tensor bag = file.tensor("bag" + std::to_string(step % bags)).to(options.device);
      const std::string mask = "step" + std::to_string(step) + ".stkim_masked_idx";
      const models::MilLoss loss =
          trainer.step(bag, labels[step % bags],
                       instance_mask(file.tensor(mask), bag.size(0), file.path().string()).to(bag.device()));
      losses.push_back(at::stack({loss.branch, loss.bag, loss.diversity, loss.total}).detach());
      rates.mutable_data_ptr<double>()[step] = trainer.learning_rate();
    }
  }
  expected.check("losses", {at::stack(losses)}, Quantity::kMilTraining);
  expected.check("lrs", {rates}, Quantity::kFloat64);
  for (const auto& [name, tensor] : model->state()) expected.check("wT." + name, {tensor}, Quantity::kMilTraining);
  expected.close("not computed by this version");
}

}  // namespace fovea::pipeline::selftest
