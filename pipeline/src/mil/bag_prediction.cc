#include "mil/bag_prediction.h"

#include <span>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>

#include "evaluation/metrics.h"
#include "slide/attention_values.h"

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

AttentionFigures attention_figures(const at::Tensor& attention, const std::vector<std::int64_t>& instance_labels,
                                   std::int64_t evidence) {
  const at::Tensor mean = attention.flatten(0, -2).mean(0).to(at::kFloat).contiguous();
  const std::span<const float> values(mean.const_data_ptr<float>(), static_cast<std::size_t>(mean.numel()));
  AttentionFigures figures;
  figures.entropy = slide::normalised_entropy(slide::entropy(values), mean.numel());
  figures.top1 = slide::top_mass(values, 1), figures.top10 = slide::top_mass(values, 10);
  if (evidence >= 1 && instance_labels.size() == values.size()) {
    std::vector<bool> positive;
    for (const std::int64_t label : instance_labels) positive.push_back(label == evidence);
    figures.localisation = evaluation::auroc(values, positive);
  }
  return figures;
}

}  // namespace fovea::pipeline::mil
