#include "mil/gated_mil.h"

#include <algorithm>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>

#include <fovea/models/softmax_state.h>

#include "mil/recompute.h"

namespace fovea::models::mil {
namespace {

constexpr std::int64_t kPiece = 16384;

bool in_pieces(const at::Tensor& bag) {
  if (bag.requires_grad()) return false;
  return bag.scalar_type() == at::kHalf || bag.size(0) > MilModel::kPieceRows;
}

}  // namespace

std::vector<TensorSpec> gated_specs(const MilConfig& c) {
  std::vector<TensorSpec> specs{{"dimreduction.fc1.weight", {c.inner, c.features}}};
  add_linear(specs, "attention.attention_V.0", c.attention, c.inner);
  add_linear(specs, "attention.attention_U.0", c.attention, c.inner);
  add_linear(specs, "attention.attention_weights", c.branches, c.attention);
  return specs;
}

std::optional<MilConfig> recognise_gated(const StateDict& state, std::string_view architecture,
                                         const std::string& head) {
  MilConfig config;
  config.architecture = architecture;
  config.features = extent(state, "dimreduction.fc1.weight", 1);
  config.inner = extent(state, "dimreduction.fc1.weight", 0);
  config.attention = extent(state, "attention.attention_V.0.weight", 0);
  config.branches = extent(state, "attention.attention_weights.weight", 0);
  config.classes = extent(state, head + ".weight", 0);
  return when_whole(config);
}

MilConfig completed_gated(MilConfig config) {
  const std::int64_t inner = (config.features + 1) / 2;
  return with_defaults(std::move(config), inner, 128);
}

GatedMil::GatedMil(MilConfig config, std::vector<TensorSpec> specs, StateDict state)
    : GatedMil(
          std::move(config), std::move(specs), std::move(state),
          {"dimreduction.fc1", "attention.attention_V.0", "attention.attention_U.0", "attention.attention_weights"}) {}

at::Tensor GatedMil::reduce(const at::Tensor& rows) const {
  return linear(rows, names_.front).relu();
}

attention::GateWeights GatedMil::gate() const {
  const auto weight = [&](const std::string& name) { return tensor(name + ".weight"); };
  const auto bias = [&](const std::string& name) { return tensor(name + ".bias"); };
  attention::GateWeights weights{weight(names_.v), bias(names_.v), {}, {}, weight(names_.w), bias(names_.w)};
  if (!names_.u.empty()) weights.wu = weight(names_.u), weights.bu = bias(names_.u);
  return weights;
}

MilOutput GatedMil::output_of(const attention::Pooled& pooled) const {
  MilOutput output;
  output.attn_raw = pooled.scores;
  output.attn_softmax = attention::weights_of(pooled.scores);
  output.entropy = pooled.entropy;
  classify(pooled.z, output);
  output.bag_prob = at::softmax(output.bag_logits, 1);
  return output;
}

MilOutput GatedMil::forward(const at::Tensor& bag, const MilStep& step) const {
  check_rows(bag);
  if (in_pieces(bag)) return forward_in_pieces(bag, step);
  const at::Tensor rows = dropped(reduce(bag), step, 0);
  attention::Pooled pooled = attention::gated_pool(rows, gate());
  if (masks_scores(step)) pooled = attention::score_pool(step_scores(pooled.scores, step), rows);
  MilOutput output = output_of(pooled);
  output.instances = rows;
  output.instances_at = [rows](const at::Tensor& index) { return rows.index_select(0, index); };
  add_head(output);
  return output;
}

void GatedMil::add_head(MilOutput& output) const {
  output.head = [this](const at::Tensor& z) {
    MilOutput perturbed;
    classify(z, perturbed);
    return perturbed.bag_logits;
  };
}

at::Tensor GatedMil::kept_scores(const at::Tensor& bag, const MilStep& step) const {
  if (!masks_scores(step)) return {};
  if (step.masked) return step.masked->logical_not();
  const at::NoGradGuard no_grad;
  const auto all = stream();
  for (std::int64_t begin = 0; begin < bag.size(0); begin += kPiece)
    all->push(bag.slice(0, begin, begin + kPiece).to(at::kFloat));
  return step_scores(all->finish().attn_raw, step).ne(attention::kStkimScore);
}

/// Softmax merges: every piece is pooled by itself, and the pieces' results once more.
MilOutput GatedMil::forward_in_pieces(const at::Tensor& bag, const MilStep& step) const {
  std::vector<at::Tensor> parameters, outs, lses, scores;
  for (const TensorSpec& spec : specs())
    for (const std::string& layer : {names_.front, names_.v, names_.u, names_.w})
      if (!layer.empty() && spec.name.rfind(layer + ".", 0) == 0) parameters.push_back(tensor(spec.name));
  const at::Tensor keep = kept_scores(bag, step);
  for (std::int64_t begin = 0; begin < bag.size(0); begin += kPiece) {
    const at::Tensor piece = bag.slice(0, begin, begin + kPiece);
    const at::Tensor kept = keep.defined() ? keep.slice(1, begin, begin + kPiece).contiguous() : keep;
    const auto place = static_cast<std::uint64_t>(begin / kPiece);
    const auto parts = recomputed(parameters, [this, piece, kept, step, place]() -> std::vector<at::Tensor> {
      const at::Tensor rows = dropped(reduce(piece.to(at::kFloat)), step, place);
      const attention::Pooled pooled = kept.defined()
                                           ? attention::gated_pool(rows, gate(), kept, attention::kStkimScore)
                                           : attention::gated_pool(rows, gate());
      return {pooled.z, pooled.lse, pooled.scores};
    });
    outs.push_back(parts[0]), lses.push_back(parts[1]), scores.push_back(parts[2]);
  }
  attention::Pooled pooled;
  pooled.scores = at::cat(scores, 1);
  pooled.z = attention::softmax_merge(at::stack(outs), at::stack(lses)).out;
  pooled.entropy = -attention::negative_entropy(pooled.scores);
  MilOutput output = output_of(pooled);
  output.instances_at = [this, bag](const at::Tensor& index) {
    return reduce(bag.index_select(0, index).to(at::kFloat));
  };
  add_head(output);
  return output;
}

class GatedMil::Stream final : public MilStream {
 public:
  explicit Stream(const GatedMil& model)
      : model_(model), pool_(attention::make_gated_pool_stream(model.gate(), [&model](const at::Tensor& rows) {
          return model.reduce(rows);
        })) {}
  void push(const at::Tensor& rows) override {
    if (rows.dim() == 2 && rows.size(0) == 0) return;
    model_.check_rows(rows);
    pool_->push(rows);
  }
  MilOutput snapshot() const override { return model_.output_of(pool_->snapshot()); }
  MilOutput finish() override { return model_.output_of(pool_->finish()); }

 private:
  const GatedMil& model_;
  std::unique_ptr<attention::GatedPoolStream> pool_;
};

std::unique_ptr<MilStream> GatedMil::stream() const {
  return std::make_unique<Stream>(*this);
}

}  // namespace fovea::models::mil
