#include "mil/slide_transformer_row.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/empty.h>

#include <fovea/base/error.h>
#include <fovea/models/slide_transformer.h>

#include "mil/named_mil.h"

namespace fovea::models {

std::string layers_variant(const std::string& layers, std::int64_t window) {
  return layers + std::to_string(window);
}

SlideTransformerConfig with_variant(SlideTransformerConfig config, const std::string& variant) {
  const auto digits = variant.find_first_not_of("lg");
  const std::string window = digits == std::string::npos ? "" : variant.substr(digits);
  if (window.empty() || window.size() > 4 || window.find_first_not_of("0123456789") != std::string::npos)
    throw Error(ErrorCode::kUsage, "slide transformer",
                "its layers '" + variant + "' are not a row of l and g with the window's edge behind",
                "Give one letter a layer and the window, such as lg7.");
  config.layers = variant.substr(0, digits), config.window = std::stoll(window);
  return config;
}

namespace mil {
namespace {

constexpr const char* kName = "slide_transformer";
constexpr const char* kUsual = "lg7";

/// Of its layers (the pooling has one a branch): eight, fewer where the width is small: the turn of the global layers
/// needs four channels a head.
std::int64_t heads_for(std::int64_t inner) {
  std::int64_t heads = 8;
  while (heads > 1 && inner % (4 * heads) != 0) heads /= 2;
  return heads;
}

SlideTransformerConfig transformer_of(const MilConfig& c) {
  SlideTransformerConfig config;
  config.features = c.features, config.classes = c.classes, config.inner = c.inner, config.heads = heads_for(c.inner);
  config.attention = c.attention, config.branches = c.branches;
  return with_variant(config, c.variant.empty() ? kUsual : c.variant);
}

class Placed final : public NamedMil {
 public:
  Placed(const MilConfig& config, StateDict state)
      : NamedMil(config, SlideTransformer::specs_of(transformer_of(config)), state),
        transformer_(transformer_of(config), std::move(state)) {}

  MilOutput forward(const at::Tensor& bag, const MilStep& step) const override {
    check_rows(bag);
    const at::Tensor cells =
        step.coords.defined() && step.coords.numel() > 0 ? grid_cells(step.coords) : folded_cells(bag.size(0));
    return transformer_.forward(bag, cells, step);
  }
  std::unique_ptr<MilStream> stream() const override;

 private:
  class Stream;
  SlideTransformer transformer_;
};

/// Holds the rows and their places: every patch may look at every other.
class Placed::Stream final : public MilStream {
 public:
  explicit Stream(const Placed& model) : model_(model) {}
  void push(const at::Tensor& rows) override { push_at(rows, {}); }
  void push_at(const at::Tensor& rows, const at::Tensor& coords) override {
    if (rows.dim() == 2 && rows.size(0) == 0) return;
    model_.check_rows(rows);
    rows_.push_back(rows.clone());
    if (coords.defined()) coords_.push_back(coords.clone());
  }
  MilOutput snapshot() const override {
    const at::NoGradGuard no_grad;
    MilStep step;
    if (!rows_.empty() && coords_.size() == rows_.size()) step.coords = at::cat(coords_);
    return model_.forward(rows_.empty() ? at::empty({0, model_.config().features}) : at::cat(rows_), step);
  }
  MilOutput finish() override {
    MilOutput output = snapshot();
    rows_.clear(), coords_.clear();
    return output;
  }

 private:
  const Placed& model_;
  std::vector<at::Tensor> rows_, coords_;
};

std::unique_ptr<MilStream> Placed::stream() const {
  return std::make_unique<Stream>(*this);
}

/// The kind of a layer as its names tell it, "local7" or "global"; empty when the file has no such layer.
std::string kind_of(const StateDict& state, std::size_t layer) {
  const std::string head = "layers." + std::to_string(layer) + ".", tail = ".qkv.weight";
  for (auto at = state.lower_bound(head); at != state.end() && at->first.rfind(head, 0) == 0; ++at)
    if (const auto end = at->first.find(tail, head.size()); end != std::string::npos)
      return at->first.substr(head.size(), end - head.size());
  return {};
}

std::string variant_of(const StateDict& state) {
  std::string layers;
  std::int64_t window = 7;
  for (std::string kind = kind_of(state, 0); !kind.empty(); kind = kind_of(state, layers.size())) {
    const bool local = kind.rfind("local", 0) == 0 && kind.size() > 5 && kind.size() < 9;
    if (local && kind.find_first_not_of("0123456789", 5) == std::string::npos) window = std::stoll(kind.substr(5));
    layers += local ? 'l' : 'g';
  }
  return layers_variant(layers, window);
}

std::optional<MilConfig> recognise(const StateDict& state) {
  MilConfig config;
  config.architecture = kName;
  config.features = extent(state, "embed.weight", 1), config.inner = extent(state, "embed.weight", 0);
  config.attention = extent(state, "pool.v.weight", 0), config.branches = extent(state, "pool.w.weight", 0);
  config.classes = extent(state, "head.weight", 0);
  if (config.inner < 4 || config.inner % 4 != 0) return {};
  if (std::string variant = variant_of(state); variant != kUsual) config.variant = std::move(variant);
  return when_whole(config);
}

}  // namespace

MilRow slide_transformer_row() {
  MilRow row;
  row.name = kName;
  row.description = "Local and global attention between patches at their places, then gated pooling; our own";
  row.source = "adaptation, no published weights; models/slide_transformer.h";
  row.parameters = "L = 256, 8 heads, layers lg, window 7, A = 128, K = 1";
  row.places = true;
  row.recognise = recognise;
  row.specs = [](const MilConfig& config) { return SlideTransformer::specs_of(transformer_of(config)); };
  row.make = maker<Placed>();
  row.completed = [](MilConfig config) {
    config = with_defaults(std::move(config), 256, 128);
    if (config.inner % 4 != 0)
      throw Error(ErrorCode::kUsage, kName, "a width of " + std::to_string(config.inner) + " is no multiple of 4",
                  "Choose another inner width, such as 256.");
    transformer_of(config);
    return config;
  };
  return row;
}

}  // namespace mil
}  // namespace fovea::models
