#include "seg/upattllstm.h"

#include <algorithm>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/group_norm.h>
#include <ATen/ops/leaky_relu.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/upsample_bilinear2d.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <fovea/base/error.h>
#include <fovea/models/attention.h>
#include <fovea/models/recurrent_segmentation.h>
#include <fovea/models/stack_explanation.h>
#include <fovea/models/volume_attention.h>

#include "seg/blocks.h"
#include "seg/layer_plan.h"
#include "seg/recurrent_cells.h"

namespace fovea::models::seg {
namespace {

constexpr double kGroupNormEps = 1e-5, kSlope = 0.01;
constexpr std::int64_t kSlicesAtOnce = 4;  // at inference: what is held at full resolution

/// Slices of a batch of stacks, folded: [B S, M, X, Y], with what each has.
struct Slices {
  at::Tensor x, present;
  std::int64_t batch = 0, count = 0;  ///< B, S
};

/// The maps of the modalities at one level, [B S, M, C, h, w]; zeros where a modality is absent.
using Maps = std::vector<at::Tensor>;

/// The network's mathematics over folded slices; no loop over stacks, no policy of memory.
class Layers {
 public:
  Layers(const SegConfig& config, const StateDict& state)
      : config_(config), form_(recurrent_form(config)), state_(state) {}

  std::int64_t levels() const { return static_cast<std::int64_t>(config_.filters.size()); }

  /// Levels 0 .. depth - 1. An absent modality is not evaluated.
  Maps encode(const Slices& slices, std::int64_t depth) const {
    std::vector<std::vector<at::Tensor>> by_level(static_cast<std::size_t>(depth));
    for (std::int64_t m = 0; m < config_.channels; ++m) {
      const at::Tensor rows = slices.present.select(1, m).nonzero().flatten();
      at::Tensor h = slices.x.select(1, m).index_select(0, rows).unsqueeze(1);
      for (std::int64_t level = 0; level < depth; ++level) {
        if (level > 0) h = max_pool(h);
        if (rows.numel() > 0) h = block(h, layer_name("mod", m, ".enc") + std::to_string(level));
        by_level[static_cast<std::size_t>(level)].push_back(placed(h, rows, slices, level));
      }
    }
    Maps maps;
    for (const auto& modalities : by_level) maps.push_back(at::stack(modalities, 1));
    return maps;
  }

  /// Before the recurrence. `below`: the output of the level below; none at the bottom.
  struct Decoded {
    at::Tensor d, modalities, psi;
  };
  Decoded decode(std::int64_t level, const at::Tensor& maps, const at::Tensor& present, const at::Tensor& below,
                 bool keep_psi = false) const {
    if (!below.defined()) {
      const auto fused = fuse(level, maps, mean_of_present(maps, present), present);
      return {fused.y, fused.weights, {}};
    }
    const std::string name = layer_name("dec", level, "");
    const at::Tensor raised = at::upsample_bilinear2d(below, {2 * below.size(2), 2 * below.size(3)}, false);
    const at::Tensor u = conv(raised, name + ".up");
    const auto fused = fuse(level, maps, u, present);
    const auto gated =
        attention::attention_gate(u, fused.y, gate_weights(name + ".gate"), attention::GateCombine::kAdd, keep_psi);
    return {block(at::cat({u, gated.out}, 1), name), fused.weights, gated.alpha};
  }

  Cell cell(std::int64_t level, const char* direction) const {
    const std::string name = layer_name("lstm", level, direction);
    return {tensor(name + ".weight"), tensor(name + ".bias"), form_.logic};
  }
  /// Across the slices of each stack: [B S, C, h, w] -> like it.
  at::Tensor recur(std::int64_t level, const at::Tensor& d, std::int64_t batch) const {
    const at::Tensor stack = d.unflatten(0, {batch, d.size(0) / batch});
    const at::Tensor onward = run_cell(cell(level, ".fwd"), stack, false);
    if (!form_.bidirectional) return onward.flatten(0, 1);
    return at::cat({onward, run_cell(cell(level, ".bwd"), stack, true)}, 2).flatten(0, 1);
  }

  at::Tensor head(std::int64_t level, const at::Tensor& d) const { return conv(d, layer_name("head", level, "")); }

 private:
  const at::Tensor& tensor(const std::string& name) const { return state_.at(name); }
  at::Tensor conv(const at::Tensor& x, const std::string& name) const {
    return convolve(x, tensor(name + ".weight"), tensor(name + ".bias"));
  }
  at::Tensor block(at::Tensor h, const std::string& name) const {
    for (const char* index : {"0", "1"}) {
      const std::string norm = name + ".gn" + index;
      h = conv(h, name + ".conv" + index);
      h = at::group_norm(h, norm_groups(SegNorm::kGroup, h.size(1)), tensor(norm + ".weight"), tensor(norm + ".bias"),
                         kGroupNormEps, false);
      h = at::leaky_relu(h, kSlope);
    }
    return h;
  }
  at::Tensor placed(const at::Tensor& h, const at::Tensor& rows, const Slices& slices, std::int64_t level) const {
    const std::int64_t all = slices.x.size(0);
    if (rows.numel() == all) return h;
    const at::Tensor empty = at::zeros(
        {all, config_.filters[static_cast<std::size_t>(level)], slices.x.size(2) >> level, slices.x.size(3) >> level},
        slices.x.options());
    return rows.numel() == 0 ? empty : empty.index_copy(0, rows, h);
  }
  static at::Tensor mean_of_present(const at::Tensor& maps, const at::Tensor& present) {
    return maps.sum(1) / present.sum(1).to(maps.scalar_type()).view({-1, 1, 1, 1});
  }
  attention::FusedModalities fuse(std::int64_t level, const at::Tensor& maps, const at::Tensor& guide,
                                  const at::Tensor& present) const {
    const std::string name = layer_name("fuse", level, "");
    return attention::modality_attention(
        maps, guide, present,
        {tensor(name + ".wf"), tensor(name + ".wg"), tensor(name + ".bg"), tensor(name + ".wp"), tensor(name + ".bp")});
  }
  attention::AttentionGateWeights gate_weights(const std::string& name) const {
    const at::Tensor& b = tensor(name + ".b");
    return {tensor(name + ".wg"),  b, tensor(name + ".wx"), at::zeros_like(b), tensor(name + ".wpsi"),
            tensor(name + ".bpsi")};
  }

  const SegConfig& config_;
  RecurrentForm form_;
  const StateDict& state_;
};

class Upatt final : public SegNetwork {
 public:
  Upatt(const SegConfig& config, const StateDict& state) : config_(config), specs_(upatt_specs(config)) {
    config_.architecture = kUpattName;
    config_.multi_scale = false;
    for (const auto& [name, tensor] : checked_state(specs_, state, "UpAttLLSTM"))
      state_[name] = tensor.detach().clone(at::MemoryFormat::Contiguous);
  }

  const SegConfig& config() const override { return config_; }
  const std::vector<TensorSpec>& specs() const override { return specs_; }
  const StateDict& state() const override { return state_; }
  SegOutput forward(const SegInput& input, bool training, bool keep_mid) const override;
  at::Tensor infer(const SegInput& input) const override;

  Slices folded(const SegInput& input) const;
  StackExplanation explain(const SegInput& input, bool keep_maps, const std::function<void(double)>& advance) const;
  Layers layers() const { return {config_, state_}; }

 private:
  SegConfig config_;
  std::vector<TensorSpec> specs_;
  StateDict state_;
};

[[noreturn]] void refuse(const std::string& problem, const std::string& remedy) {
  throw Error(ErrorCode::kShape, "UpAttLLSTM", problem, remedy);
}

Slices Upatt::folded(const SegInput& input) const {
  const at::Tensor& x = input.x;
  if (x.dim() != 5 || x.size(1) != config_.channels || x.numel() == 0)
    refuse("the input is no stack of slices with " + std::to_string(config_.channels) + " modalities",
           "Give [batch, modalities, x, y, slices].");
  const std::int64_t divisor = config_.divisor();
  if (x.size(2) % divisor != 0 || x.size(3) % divisor != 0)
    refuse("slices of " + std::to_string(x.size(2)) + " x " + std::to_string(x.size(3)) + " do not divide by " +
               std::to_string(divisor),
           "Crop or pad them so that both sizes are multiples of " + std::to_string(divisor) + ".");
  const at::Tensor present = input.present.defined() ? input.present.to(x.device(), at::kBool)
                                                     : at::ones({x.size(0), x.size(1)}, x.options().dtype(at::kBool));
  if (present.sizes() != x.sizes().slice(0, 2))
    refuse("the table of present modalities has another shape", "Give [batch, modalities].");
  if (!present.any(1).all().item<bool>())
    refuse("an image has none of the modalities", "Give at least one of the images that the model knows.");
  const std::int64_t slices = x.size(4);
  return {x.permute({0, 4, 1, 2, 3}).flatten(0, 1), present.repeat_interleave(slices, 0), x.size(0), slices};
}

/// [B S, C, h, w] -> [B, C, h, w, S].
at::Tensor unfolded(const at::Tensor& maps, std::int64_t batch) {
  return maps.unflatten(0, {batch, maps.size(0) / batch}).permute({0, 2, 3, 4, 1});
}

SegOutput Upatt::forward(const SegInput& input, bool, bool keep_mid) const {
  const Slices slices = folded(input);
  const Layers net = layers();
  const Maps maps = net.encode(slices, net.levels());
  SegOutput output;
  output.heads.resize(static_cast<std::size_t>(upatt_heads(config_)));
  at::Tensor d;
  for (std::int64_t level = net.levels() - 1; level >= 0; --level) {
    const auto decoded = net.decode(level, maps[static_cast<std::size_t>(level)], slices.present, d, keep_mid);
    d = level > 0 ? net.recur(level, decoded.d, slices.batch) : decoded.d;
    if (level < static_cast<std::int64_t>(output.heads.size())) {
      const at::Tensor z = unfolded(net.head(level, d), slices.batch);
      output.heads[static_cast<std::size_t>(level)] = at::cat({at::zeros_like(z), z}, 1);
    }
    if (!keep_mid) continue;
    output.mid[layer_name("modality", level, "")] = unfolded(decoded.modalities, slices.batch);
    if (decoded.psi.defined()) output.mid[layer_name("psi", level, "")] = unfolded(decoded.psi, slices.batch);
  }
  return output;
}

/// Full resolution is held for a few slices only, and its encoder runs a second time instead of being remembered; from
/// the first pooling on, the maps of the stack are.
StackExplanation Upatt::explain(const SegInput& input, bool keep_maps,
                                const std::function<void(double)>& advance) const {
  const at::NoGradGuard no_grad;
  const Slices all = folded(input);
  const Layers net = layers();
  const std::int64_t slices = all.x.size(0);
  double done = 0;  // slices through the encoders, a level, or the end
  const auto pieces = [&](const auto& work) {
    for (std::int64_t begin = 0; begin < slices; begin += kSlicesAtOnce) {
      const std::int64_t count = std::min(kSlicesAtOnce, slices - begin);
      if (advance) advance(done / static_cast<double>(slices * (net.levels() + 1)));
      done += static_cast<double>(count);
      work(begin, count, Slices{all.x.narrow(0, begin, count), all.present.narrow(0, begin, count)});
    }
  };
  std::vector<std::vector<at::Tensor>> kept(static_cast<std::size_t>(net.levels()));
  pieces([&](std::int64_t, std::int64_t, const Slices& piece) {
    const Maps maps = net.encode(piece, net.levels());
    for (std::size_t level = 1; level < maps.size(); ++level) kept[level].push_back(maps[level]);
  });
  at::Tensor d;
  for (std::int64_t level = net.levels() - 1; level > 0; --level) {
    auto& maps = kept[static_cast<std::size_t>(level)];
    std::vector<at::Tensor> decoded;
    std::size_t index = 0;
    pieces([&](std::int64_t begin, std::int64_t count, const Slices& piece) {
      const at::Tensor below = d.defined() ? d.narrow(0, begin, count) : at::Tensor();
      decoded.push_back(net.decode(level, std::exchange(maps[index++], {}), piece.present, below).d);
    });
    d = net.recur(level, at::cat(decoded), all.batch);
  }
  std::vector<at::Tensor> logits, modalities, gates;
  pieces([&](std::int64_t begin, std::int64_t count, const Slices& piece) {
    const at::Tensor maps = net.encode(piece, 1).front();
    const auto decoded = net.decode(0, maps, piece.present, d.narrow(0, begin, count), keep_maps);
    logits.push_back(net.head(0, decoded.d));
    if (keep_maps) modalities.push_back(decoded.modalities), gates.push_back(decoded.psi);
  });
  StackExplanation result;
  result.probability = unfolded(at::cat(logits), all.batch).sigmoid();
  if (!keep_maps) return result;
  result.modalities = unfolded(at::cat(modalities), all.batch).contiguous();
  result.gate = unfolded(at::cat(gates), all.batch).contiguous();
  return result;
}

at::Tensor Upatt::infer(const SegInput& input) const {
  const at::Tensor p = explain(input, false, {}).probability;
  return at::cat({1 - p, p}, 1).contiguous();
}

class Stream final : public SliceStream {
 public:
  explicit Stream(const Upatt& network) : network_(network), states_(network.config().filters.size()) {}

  at::Tensor push(const SegInput& slice) override {
    const at::NoGradGuard no_grad;
    const Slices one = network_.folded({slice.x.unsqueeze(-1), slice.present});
    const Layers net = network_.layers();
    const Maps maps = net.encode(one, net.levels());
    at::Tensor d;
    for (std::int64_t level = net.levels() - 1; level >= 0; --level) {
      d = net.decode(level, maps[static_cast<std::size_t>(level)], one.present, d).d;
      if (level == 0) break;
      const Cell cell = net.cell(level, ".fwd");
      d = cell.step(cell.input_part(d), states_[static_cast<std::size_t>(level)]);
    }
    return net.head(0, d).squeeze(1).sigmoid();
  }

 private:
  const Upatt& network_;
  std::vector<CellState> states_;
};

}  // namespace

std::unique_ptr<SegNetwork> make_upatt(const SegConfig& config, StateDict state) {
  return std::make_unique<Upatt>(config, state);
}

}  // namespace fovea::models::seg

namespace fovea::models {

StackExplanation explain_stack(const SegNetwork& network, const SegInput& input,
                               const std::function<void(double)>& advance) {
  const auto* recurrent = dynamic_cast<const seg::Upatt*>(&network);
  if (!recurrent)
    throw Error(ErrorCode::kUsage, network.config().architecture, "it has no attention over modalities",
                "Take an UpAttLLSTM.");
  return recurrent->explain(input, true, advance);
}

std::unique_ptr<SliceStream> make_slice_stream(const SegNetwork& network) {
  const auto* recurrent = dynamic_cast<const seg::Upatt*>(&network);
  if (!recurrent || seg::recurrent_form(network.config()).bidirectional)
    throw Error(ErrorCode::kUsage, network.config().architecture,
                "only the unidirectional UpAttLLSTM gives a result slice by slice", "Run it on the whole stack.");
  return std::make_unique<seg::Stream>(*recurrent);
}

}  // namespace fovea::models
