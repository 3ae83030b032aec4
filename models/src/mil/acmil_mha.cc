#include "mil/acmil_mha.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/softmax.h>

#include "mil/multihead_mil.h"

namespace fovea::models::mil {
namespace {

constexpr const char* kBagBlock = "bag_attention";
constexpr const char* kSlideHead = "Slide_classifier.fc";

std::string block_of(std::int64_t branch) {
  return "sub_attention." + std::to_string(branch);
}
std::string head_of(std::int64_t branch) {
  return "classifier." + std::to_string(branch) + ".fc";
}

std::vector<TensorSpec> specs_of(const MilConfig& config) {
  auto specs = multihead_specs(config);
  for (std::int64_t branch = 0; branch < config.branches; ++branch) {
    add_block(specs, block_of(branch), config);
    add_linear(specs, head_of(branch), config.classes, config.inner);
  }
  add_block(specs, kBagBlock, config, false);
  add_linear(specs, kSlideHead, config.classes, config.inner);
  return specs;
}

class AcmilMha final : public MultiheadMil {
 public:
  AcmilMha(const MilConfig& config, StateDict state) : MultiheadMil(config, specs_of(config), std::move(state)) {}

  MilOutput forward(const at::Tensor& bag, const MilStep& step) const override {
    const at::Tensor rows = reduce(bag);
    std::vector<at::Tensor> scores, logits;
    for (std::int64_t branch = 0; branch < config().branches; ++branch) {
      const std::string block = block_of(branch);
      const Pooled pooled = pool(rows, block, branch, step);
      scores.push_back(pooled.scores);
      const at::Tensor z = finished(pooled.z, block, step, static_cast<std::uint64_t>(branch));
      logits.push_back(linear(z, head_of(branch)));
    }
    MilOutput output = output_of(at::cat(scores, 1));
    output.branch_logits = at::cat(logits);
    const at::Tensor bag_z = pool_with(output.attn_softmax.mean(1, true), rows, kBagBlock);
    const auto place = static_cast<std::uint64_t>(config().branches);
    output.bag_logits = linear(finished(bag_z, kBagBlock, step, place), kSlideHead);
    output.bag_prob = at::softmax(output.bag_logits, 1);
    return output;
  }
};

}  // namespace

MilRow acmil_mha_row() {
  MilRow row;
  row.name = "acmil_mha";
  row.description = "Attention-challenging MIL: K learned queries of eight heads";
  row.source = "Zhang et al., ECCV 2024, arXiv 2311.07125";
  row.parameters = "L = D/2, 8 heads, K = 5";
  row.dropout = 0.1;
  row.recognise = [](const StateDict& state) {
    return recognise_multihead(state, "acmil_mha", block_of(0), kSlideHead);
  };
  row.specs = specs_of;
  row.make = maker<AcmilMha>();
  row.completed = [](MilConfig config) {
    if (config.branches == 0) config.branches = 5;
    return completed_multihead(std::move(config));
  };
  return row;
}

}  // namespace fovea::models::mil
