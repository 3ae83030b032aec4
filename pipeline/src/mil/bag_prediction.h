// A trained network on one bag: outputs, and what its attention looks like.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include <fovea/models/mil.h>

#include "mil/bag_store.h"

namespace fovea::pipeline::mil {

/// Without gradients. Large bags go through the network in pieces, converted to float32 one after the other.
models::MilOutput output_of(const models::MilModel& model, const Bag& bag);

/// 1, 2, ..., 20, 25, 30, ..., 100.
const std::vector<std::size_t>& concentration_steps();
std::vector<double> concentration_of(std::vector<float> attention);
constexpr const char* kConcentrationHeader = "slide_id,k,mass\n";
/// The lines of concentration.csv for a slide.
std::string concentration_lines(const std::string& slide_id, const std::vector<double>& concentration);

/// Of the mean over branches and heads.
struct AttentionFigures {
  double entropy = 0;  ///< divided by ln N
  double top1 = 0, top10 = 0;
  std::vector<double> concentration;   ///< mass of the k strongest instances for each k of concentration_steps()
  std::optional<double> localisation;  ///< AUROC against the instances whose label is `evidence`
};
/// `attention` like MilOutput::attn_softmax. `evidence`: the class whose instances should stand out; < 1: none.
AttentionFigures attention_figures(const at::Tensor& attention, const std::vector<std::int64_t>& instance_labels,
                                   std::int64_t evidence);

}  // namespace fovea::pipeline::mil
