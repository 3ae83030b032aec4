#include "mil/ensemble.h"

#include <algorithm>
#include <cmath>

#include <ATen/TensorOperators.h>

#include <fovea/base/error.h>

#include "mil/bag_prediction.h"
#include "mil/run_files.h"
#include "slide/attention_values.h"

namespace fovea::pipeline::mil {
namespace {

std::vector<float> floats_of(const at::Tensor& tensor) {
  const at::Tensor values = tensor.detach().to(at::kFloat).contiguous();
  return {values.const_data_ptr<float>(), values.const_data_ptr<float>() + values.numel()};
}

void add_to(std::vector<float>& sums, const std::vector<float>& values, double share) {
  sums.resize(values.size(), 0.0F);
  for (std::size_t i = 0; i < values.size(); ++i) sums[i] += static_cast<float>(share * static_cast<double>(values[i]));
}

bool finite(const std::vector<float>& values) {
  return std::all_of(values.begin(), values.end(), [](float value) { return std::isfinite(value); });
}

/// The class, or the classes, that the probabilities name.
std::string named(const TaskHead& head, const std::vector<float>& probabilities) {
  if (head.task() == evaluation::Task::kClassification)
    return head.classes()[static_cast<std::size_t>(std::max_element(probabilities.begin(), probabilities.end()) -
                                                   probabilities.begin())];
  std::string names;
  for (std::size_t c = 0; c < head.classes().size() && head.task() == evaluation::Task::kMultiLabel; ++c)
    if (probabilities[c] > 0.5F) names += (names.empty() ? "" : ";") + head.classes()[c];
  return names;
}

}  // namespace

Ensemble::Ensemble(const std::vector<std::filesystem::path>& models) {
  for (const std::filesystem::path& path : models) {
    LoadedMil loaded = load_mil(path);
    const ModelDescription& description = loaded.description;
    TaskHead head = head_of(description.metadata, description.labels);
    Standardisation change = standardisation_of(description.metadata);
    members_.push_back({std::move(loaded), std::move(head), std::move(change)});
    const Member &first = members_.front(), &last = members_.back();
    if (last.head.task() != first.head.task() || last.head.classes() != first.head.classes() ||
        last.head.times() != first.head.times() ||
        last.loaded.model->config().features != first.loaded.model->config().features)
      throw Error(ErrorCode::kUsage, path.filename().string(),
                  "its task, classes or width of features are not those of the first model",
                  "Only models of one task on the same features can vote.");
  }
  if (members_.empty()) throw Error(ErrorCode::kUsage, "--model", "no model is given", "Pass --model or --run.");
}

std::string Ensemble::encoder() const {
  const auto& metadata = members_.front().loaded.description.metadata;
  const auto found = metadata.find("fovea.encoder");
  return found == metadata.end() ? std::string{} : found->second;
}

std::string Ensemble::fingerprint() const {
  std::string all;
  for (const Member& member : members_) all += member.loaded.description.sha256 + ";";
  return all;
}

BagVerdict Ensemble::verdict(const Bag& bag) const {
  BagVerdict verdict;
  const double share = 1.0 / static_cast<double>(members_.size());
  double risk = 0, value = 0;
  std::vector<float> probabilities;
  for (const Member& member : members_) {
    Bag changed = bag;
    if (member.change.mean.defined()) changed.rows = member.change.applied(bag.rows);
    const models::MilOutput output = output_of(*member.loaded.model, changed);
    member.head.predict(output, verdict.row);
    if (members_.size() > 1) add_to(probabilities, verdict.row.probabilities, share);
    risk += share * verdict.row.risk, value += share * verdict.row.value;
    const at::Tensor softmax = output.attn_softmax.flatten(0, -2), raw = output.attn_raw.flatten(0, -2);
    add_to(verdict.mean, floats_of(softmax.mean(0)), share);
    if (members_.size() == 1) {
      verdict.maps = softmax.size(0), verdict.raw = floats_of(raw), verdict.softmax = floats_of(softmax);
    } else {
      const std::vector<float> one = floats_of(softmax.mean(0)), scores = floats_of(raw.mean(0));
      verdict.softmax.insert(verdict.softmax.end(), one.begin(), one.end());
      verdict.raw.insert(verdict.raw.end(), scores.begin(), scores.end());
      verdict.maps = static_cast<std::int64_t>(members_.size());
    }
  }
  if (members_.size() > 1) {
    verdict.row.probabilities = probabilities, verdict.row.risk = risk, verdict.row.value = value;
    verdict.row.predicted = probabilities.empty() ? std::string{} : named(head(), probabilities);
  }
  verdict.row.instances = bag.rows.size(0);
  verdict.row.attention_entropy = slide::normalised_entropy(slide::entropy(verdict.mean), bag.rows.size(0));
  verdict.row.top10_mass = slide::top_mass(verdict.mean, 10);
  if (!finite(verdict.row.probabilities) || !finite(verdict.mean))
    throw Error(ErrorCode::kCorrupt, "bag", "the result is not a number", "Check its features and the weights.");
  return verdict;
}

std::vector<std::filesystem::path> models_of_run(const std::filesystem::path& run) {
  std::vector<std::filesystem::path> models;
  if (std::filesystem::is_directory(run))
    for (const auto& entry : std::filesystem::recursive_directory_iterator(run))
      if (entry.path().filename() == kModel) models.push_back(entry.path());
  std::sort(models.begin(), models.end());
  if (models.empty())
    throw Error(ErrorCode::kNotFound, run.filename().string(),
                "the folder holds no model.safetensors of a seed and fold", "Give the output folder of mil train.");
  return models;
}

}  // namespace fovea::pipeline::mil
