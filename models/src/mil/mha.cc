#include "mil/mha.h"

#include <ATen/ops/softmax.h>

#include "mil/multihead_mil.h"

namespace fovea::models::mil {
namespace {

constexpr const char* kBlock = "attention";
constexpr const char* kHead = "classifier.fc";

std::vector<TensorSpec> specs_of(const MilConfig& config) {
  auto specs = multihead_specs(config);
  add_block(specs, kBlock, config);
  add_linear(specs, kHead, config.classes, config.inner);
  return specs;
}

class Mha final : public MultiheadMil {
 public:
  Mha(const MilConfig& config, StateDict state) : MultiheadMil(config, specs_of(config), std::move(state)) {}

  MilOutput forward(const at::Tensor& bag, const MilStep& step) const override {
    const Pooled pooled = pool(reduce(bag), kBlock, 0, step);
    MilOutput output = output_of(pooled.scores);
    output.bag_logits = linear(finished(pooled.z, kBlock, step, 0), kHead);
    output.bag_prob = at::softmax(output.bag_logits, 1);
    return output;
  }
};

}  // namespace

MilRow mha_row() {
  MilRow row;
  row.name = "mha";
  row.description = "Learned-query attention pooling with eight heads (as AEM trains it)";
  row.source = "AEM, arXiv 2406.15303";
  row.parameters = "L = D/2, 8 heads, K = 1";
  row.dropout = 0.1;
  row.recognise = [](const StateDict& state) {
    auto config = recognise_multihead(state, "mha", kBlock, kHead);
    return config && config->branches == 1 ? config : std::nullopt;
  };
  row.specs = specs_of;
  row.make = maker<Mha>();
  row.completed = [](MilConfig config) {
    config.branches = 1;
    return completed_multihead(std::move(config));
  };
  return row;
}

}  // namespace fovea::models::mil
