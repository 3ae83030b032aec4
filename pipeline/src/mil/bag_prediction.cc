#include "mil/bag_prediction.h"

#include <algorithm>
#include <functional>
#include <numeric>
#include <span>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include "evaluation/metrics.h"
#include "slide/attention_values.h"
#include "slide/csv_table.h"
#include "slide/words.h"

namespace fovea::pipeline::mil {

models::MilOutput output_of(const models::MilModel& model, const Bag& bag) {
  constexpr std::int64_t kPiece = 16384;
  const at::NoGradGuard no_grad;
  if (bag.rows.size(0) <= kPiece) {
    models::MilStep step;
    step.coords = bag.coords;
    return model.forward(bag.rows.to(at::kFloat), step);
  }
  const auto stream = model.stream();
  for (std::int64_t begin = 0; begin < bag.rows.size(0); begin += kPiece) {
    const at::Tensor rows = bag.rows.slice(0, begin, begin + kPiece).to(at::kFloat);
    stream->push_at(rows, bag.coords.defined() ? bag.coords.slice(0, begin, begin + kPiece) : at::Tensor());
  }
  return stream->finish();
}

const std::vector<std::size_t>& concentration_steps() {
  static const std::vector<std::size_t> kSteps = [] {
    std::vector<std::size_t> steps;
    for (std::size_t k = 1; k <= 100; k += k < 20 ? 1 : 5) steps.push_back(k);
    return steps;
  }();
  return kSteps;
}

std::vector<double> concentration_of(std::vector<float> attention) {
  const std::size_t kept = std::min(attention.size(), concentration_steps().back());
  std::partial_sort(attention.begin(), attention.begin() + static_cast<std::ptrdiff_t>(kept), attention.end(),
                    std::greater<>());
  std::vector<double> masses;
  for (const std::size_t k : concentration_steps())
    masses.push_back(std::accumulate(
        attention.begin(), attention.begin() + static_cast<std::ptrdiff_t>(std::min(k, attention.size())), 0.0));
  return masses;
}

std::string concentration_lines(const std::string& slide_id, const std::vector<double>& concentration) {
  std::string lines;
  for (std::size_t i = 0; i < concentration.size(); ++i)
    lines += slide::csv_cell(slide_id) + "," + std::to_string(concentration_steps()[i]) + "," +
             slide::number_text(concentration[i], 6) + "\n";
  return lines;
}

AttentionFigures attention_figures(const at::Tensor& attention, const std::vector<std::int64_t>& instance_labels,
                                   std::int64_t evidence) {
  const at::Tensor mean = attention.flatten(0, -2).mean(0).to(at::kFloat).contiguous();
  const std::span<const float> values(mean.const_data_ptr<float>(), static_cast<std::size_t>(mean.numel()));
  AttentionFigures figures;
  figures.entropy = slide::normalised_entropy(slide::entropy(values), mean.numel());
  figures.concentration = concentration_of({values.begin(), values.end()});
  figures.top1 = figures.concentration[0], figures.top10 = figures.concentration[9];  // k = 1 and 10
  if (evidence >= 1 && instance_labels.size() == values.size()) {
    std::vector<bool> positive;
    for (const std::int64_t label : instance_labels) positive.push_back(label == evidence);
    figures.localisation = evaluation::auroc(values, positive);
  }
  return figures;
}

}  // namespace fovea::pipeline::mil
