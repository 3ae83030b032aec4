// The self-test without files: tiny networks with fixed random weights, checked against closed forms, against float64
// reference arithmetic, and against themselves computed another way.
#include <cmath>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/full.h>
#include <ATen/ops/full_like.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <fovea/models/attention.h>
#include <fovea/models/encoder.h>
#include <fovea/models/mil.h>
#include <fovea/models/segmentation.h>

#include "model_store.h"
#include "selftest/case_file.h"

namespace fovea::pipeline::selftest {
namespace {

using attention::Backend;

/// A fixed pattern in -1..1 that no summation order favours; the same on every machine to the last few bits.
at::Tensor pattern(std::vector<std::int64_t> shape, double phase) {
  std::int64_t count = 1;
  for (std::int64_t extent : shape) count *= extent;
  const at::Tensor index = at::arange(count, at::kDouble);
  return ((index * 0.7390851 + phase).sin() * (index * 0.0137 + 2 * phase).cos()).reshape(shape).to(at::kFloat);
}

class BackendScope {
 public:
  explicit BackendScope(Backend backend) : before_(attention::backend()) { attention::set_backend(backend); }
  ~BackendScope() { attention::set_backend(before_); }

 private:
  Backend before_;
};

models::StateDict on(const models::StateDict& state, c10::Device device) {
  models::StateDict moved;
  for (const auto& [name, tensor] : state) moved.emplace(name, tensor.clone().to(device));
  return moved;
}

std::unique_ptr<models::MilModel> tiny_mil(const models::MilRow& row, c10::Device device, bool flat_attention) {
  const models::MilConfig config = row.completed({std::string(row.name), 24, 16, 8, 3, 2});
  models::StateDict state = on(models::random_state(row.specs(config), 20260701), device);
  if (flat_attention)
    for (auto& [name, tensor] : state)
      if (name.find("attention") != std::string::npos) tensor.zero_();
  return row.make(config, std::move(state));
}

/// With a silent attention network every instance weighs 1/N and the entropy is ln N, whatever the bag.
void check_uniform_attention(CaseReport& report, const models::MilRow& row, const RunOptions& options) {
  const auto specs = row.specs(row.completed({std::string(row.name), 24, 16, 8, 3, 2}));
  if (std::none_of(specs.begin(), specs.end(),
                   [](auto& spec) { return spec.name.find("attention") != std::string::npos; }))
    return;
  const auto model = tiny_mil(row, options.device, true);
  const at::Tensor bag = pattern({53, 24}, 0.3).to(options.device);
  const models::MilOutput output = model->forward(bag);
  const double n = 53;
  const std::string name = std::string(row.name) + ": ";
  report.compare(name + "uniform attention", at::full_like(output.attn_softmax, 1 / n), {output.attn_softmax},
                 tolerance(Quantity::kMilForward));
  report.compare(name + "entropy is ln N", at::full_like(output.entropy, std::log(n)), {output.entropy},
                 tolerance(Quantity::kMilForward));
}

at::Tensor pushed_in_pieces(const models::MilModel& model, const at::Tensor& bag, std::int64_t piece) {
  auto stream = model.stream();
  for (std::int64_t begin = 0; begin < bag.size(0); begin += piece)
    stream->push(bag.slice(0, begin, std::min(begin + piece, bag.size(0))).contiguous());
  return stream->finish().bag_logits;
}

/// One answer from the reference and the native kernels, the whole bag and the stream; bit-identical for any chunking.
void check_ways_agree(CaseReport& report, const models::MilRow& row, const RunOptions& options) {
  const auto model = tiny_mil(row, options.device, false);
  const at::Tensor bag = pattern({2500, 24}, 1.1).to(options.device);  // more than two splits of the pooling kernel
  at::Tensor reference;
  {
    const BackendScope scope(Backend::kReference);
    reference = model->forward(bag).bag_logits;
  }
  const std::string name = std::string(row.name) + ": ";
  const at::Tensor in_pieces = pushed_in_pieces(*model, bag, 100);
  report.compare(name + "reference = chosen backend = stream", reference, {model->forward(bag).bag_logits, in_pieces},
                 tolerance(Quantity::kMilForward));
  report.compare(name + "any chunking, the same bits", in_pieces,
                 {pushed_in_pieces(*model, bag, 977), pushed_in_pieces(*model, bag, 2500)},
                 tolerance(Quantity::kExact));
}

/// Single precision against the reference composition in double.
void check_pooling(CaseReport& report, const RunOptions& options) {
  const at::Tensor x = pattern({1500, 12}, 0.2).to(options.device);
  const attention::GateWeights weights{
      pattern({6, 12}, 0.5).to(options.device),      pattern({6}, 0.9).to(options.device),
      pattern({6, 12}, 1.7).to(options.device),      pattern({6}, 2.2).to(options.device),
      (3 * pattern({4, 6}, 2.9)).to(options.device), pattern({4}, 3.3).to(options.device)};
  const auto wide = [](const at::Tensor& tensor) { return tensor.to(at::kDouble); };
  attention::Pooled expected;
  {
    const BackendScope scope(Backend::kReference);
    expected = attention::gated_pool(wide(x), {wide(weights.wv), wide(weights.bv), wide(weights.wu), wide(weights.bu),
                                               wide(weights.w), wide(weights.b)});
  }
  const attention::Pooled actual = attention::gated_pool(x, weights);
  report.compare("gated pooling: z against float64", expected.z, {actual.z}, tolerance(Quantity::kMilForward));
  report.compare("gated pooling: scores against float64", expected.scores, {actual.scores},
                 tolerance(Quantity::kMilForward));
}

/// A gate that hears nothing lets exactly half of everything through.
void check_gate(CaseReport& report, const RunOptions& options) {
  const at::Tensor x = pattern({1, 3, 4, 5, 6}, 0.4).to(options.device),
                   g = pattern({1, 2, 4, 5, 6}, 0.8).to(options.device);
  const auto zeros = [&](std::vector<std::int64_t> shape) { return at::zeros(shape, x.options()); };
  const attention::AttentionGateWeights silent{zeros({2, 2}), zeros({2}), zeros({2, 3}),
                                               zeros({2}),    zeros({4}), zeros({1})};
  const auto gated = attention::attention_gate(g, x, silent, attention::GateCombine::kConcat, true);
  report.compare("attention gate: silent weights pass half", x / 2, {gated.out}, tolerance(Quantity::kFloat32));
}

/// Inference folds batch norm into the convolutions; the plain forward pass does not.
void check_segmentation(CaseReport& report, const models::SegRow& row, int dims, const RunOptions& options) {
  models::SegConfig config;
  config.architecture = row.name;
  config.dims = dims, config.channels = 2, config.filters = {4, 6, 8};
  models::StateDict state = models::random_state(row.specs(config), 7);
  for (auto& [name, tensor] : state)  // fresh statistics are 0 and 1: folding them would prove nothing
    if (ends_with(name, "running_mean"))
      tensor.copy_(pattern(tensor.sizes().vec(), 0.6) * 0.1);
    else if (ends_with(name, "running_var"))
      tensor.copy_(pattern(tensor.sizes().vec(), 1.4) * 0.4 + 1);
  const auto network = row.make(config, on(state, options.device));
  std::vector<std::int64_t> shape{1, 2, 8, 12};
  if (dims == 3) shape.push_back(8);
  const at::Tensor x = pattern(shape, 0.1).to(options.device);
  const at::Tensor inferred = network->infer(x);
  const std::string name = std::string(row.name) + " " + std::to_string(dims) + "-D: ";
  report.compare(name + "inference = forward", at::softmax(network->forward(x, false).heads.at(0), 1), {inferred},
                 tolerance(Quantity::kSegProbability));
  report.compare(name + "probabilities sum to 1", at::ones(inferred.sum(1).sizes()), {inferred.sum(1)},
                 tolerance(Quantity::kFloat32));
}

/// Dice of a perfect mask is 1; of a mask that misses everything, smooth / (sum + smooth).
void check_dice(CaseReport& report, const RunOptions& options) {
  at::Tensor label = at::zeros({1, 4, 4, 4}, at::TensorOptions(options.device).dtype(at::kLong));
  label.slice(1, 0, 2).fill_(1);  // 32 foreground voxels
  const at::Tensor one_hot = at::zeros({1, 2, 4, 4, 4}, at::TensorOptions(options.device).dtype(at::kFloat))
                                 .scatter_(1, label.unsqueeze(1), 1);
  report.compare("Dice loss: a perfect mask", at::zeros({}), {models::foreground_dice_loss(one_hot, label)},
                 tolerance(Quantity::kFloat32));
  report.compare("Dice loss: a mask that misses all", at::full({}, 1 - 1.0 / 65),
                 {models::foreground_dice_loss(one_hot.flip(1), label)}, tolerance(Quantity::kFloat32));
}

/// Only where weights are installed: the same tile gives the same features alone and in company, and they are finite.
void check_encoder(CaseReport& report, const models::EncoderRow& row) {
  const std::string name(row.name);
  if (!find_encoder_weights(name)) return;
  const LoadedEncoder loaded = load_encoder(name, false);
  const std::int64_t edge = row.info.tile_px;
  const at::Tensor tiles = ((pattern({3, edge, edge, 3}, 0.7) + 1) * 127.5).to(at::kByte);
  const at::Tensor together = loaded.encoder->encode(tiles);
  report.compare(name + ": a tile alone = in a batch", together.slice(0, 1, 2),
                 {loaded.encoder->encode(tiles.slice(0, 1, 2).contiguous())}, tolerance(Quantity::kEmbedding));
  report.compare(name + ": features are finite", at::ones({}), {together.isfinite().all()},
                 tolerance(Quantity::kExact));
}

}  // namespace

std::vector<CaseReport> run_builtin(const RunOptions& options) {
  const at::NoGradGuard no_grad;
  CaseReport report{"built-in", "tiny networks against closed forms and reference arithmetic", {}};
  check_pooling(report, options);
  check_gate(report, options);
  check_dice(report, options);
  for (const models::MilRow& row : models::mil_models()) {
    check_uniform_attention(report, row, options);
    check_ways_agree(report, row, options);
  }
  for (const models::SegRow& row : models::seg_models())
    for (int dims : {2, 3})
      if (dims == 3 || row.takes_slices) check_segmentation(report, row, dims, options);
  if (options.device.is_cpu())
    for (const models::EncoderRow& row : models::encoders()) check_encoder(report, row);
  return {report};
}

}  // namespace fovea::pipeline::selftest
