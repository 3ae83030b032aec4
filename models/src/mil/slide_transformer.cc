#include <fovea/models/slide_transformer.h>

#include <algorithm>
#include <map>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/ops/_unique2.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/amin.h>
#include <ATen/ops/arange.h>
#include <ATen/ops/gelu.h>
#include <ATen/ops/layer_norm.h>
#include <ATen/ops/linear.h>
#include <ATen/ops/ones_like.h>
#include <ATen/ops/softmax.h>
#include <ATen/ops/stack.h>
#include <ATen/ops/zeros.h>

#include <fovea/base/error.h>
#include <fovea/models/attention.h>
#include <fovea/models/linear_attention.h>
#include <fovea/models/self_attention.h>

#include "mil/named_mil.h"

namespace fovea::models {
namespace {

constexpr const char* kSubject = "slide transformer";
constexpr std::int64_t kWider = 2;  // hidden width of a layer's two linears, in L
constexpr double kEps = 1e-6;

[[noreturn]] void bad(const std::string& problem, const std::string& remedy) {
  throw Error(ErrorCode::kShape, kSubject, problem, remedy);
}

/// The box around the patches and where in it each of them lies.
struct Grid {
  std::int64_t rows = 0, columns = 0;
  at::Tensor row, column;  ///< int64 [N], from 0
  at::Tensor place;        ///< int64 [N], row-major
  at::Tensor valid;        ///< bool [rows * columns]
};

Grid grid_of(const at::Tensor& cells, std::int64_t patches) {
  if (cells.dim() != 2 || cells.size(1) != 2 || cells.size(0) != patches || cells.scalar_type() != at::kLong)
    bad("there is not one cell (column, row) for every patch", "Give int64 [patches, 2].");
  const at::Tensor from = cells - at::amin(cells, {0}, true), last = at::amax(from, {0});
  Grid grid;
  grid.columns = last[0].item<std::int64_t>() + 1, grid.rows = last[1].item<std::int64_t>() + 1;
  if (grid.rows > SlideTransformer::kMostCells / grid.columns)
    bad("the patches lie in a box of " + std::to_string(grid.columns) + " x " + std::to_string(grid.rows) + " cells",
        "Check that cells count patches, not pixels (grid_cells).");
  grid.column = from.select(1, 0), grid.row = from.select(1, 1);
  grid.place = grid.row * grid.columns + grid.column;
  const at::Tensor count =
      at::zeros({grid.rows * grid.columns}, cells.options()).index_add_(0, grid.place, at::ones_like(grid.place));
  if (count.max().item<std::int64_t>() > 1)
    bad("two patches lie in one cell", "Take the step between the patches as the cell, not their size.");
  grid.valid = count.gt(0);
  return grid;
}

/// x [N, d] of one head -> the box's cells [1, 1, rows * columns, d]; holes are zeros, never read.
at::Tensor on_grid(const at::Tensor& x, const Grid& grid) {
  return at::zeros({grid.rows * grid.columns, x.size(1)}, x.options().requires_grad(false))
      .index_copy(0, grid.place, x)
      .unsqueeze(0)
      .unsqueeze(0);
}

/// q, k, v [1, heads, N, d]. One head at a time: the box is larger than the bag.
at::Tensor local_attention(const std::vector<at::Tensor>& qkv, const Grid& grid, std::int64_t window) {
  attention::NeighbourhoodOptions options;
  options.window = {std::min(window, grid.rows), std::min(window, grid.columns)};
  options.valid = grid.valid;
  std::vector<at::Tensor> heads;
  for (std::int64_t head = 0; head < qkv[0].size(1); ++head) {
    const auto part = [&](const at::Tensor& x) { return on_grid(x[0][head], grid); };
    const at::Tensor out =
        attention::neighbourhood_attention(part(qkv[0]), part(qkv[1]), part(qkv[2]), {grid.rows, grid.columns}, options)
            .out;
    heads.push_back(out.select(1, 0).index_select(1, grid.place));
  }
  return at::stack(heads, 1);
}

at::Tensor global_attention(const std::vector<at::Tensor>& qkv, const Grid& grid) {
  const attention::Rotation turn = attention::grid_rotation(grid.row, grid.column, qkv[0].size(3), qkv[0]);
  return attention::mala(qkv[0], qkv[1], qkv[2], {}, turn).out;
}

/// "layers.0.local7.", "layers.1.global.": what a layer is can be read off a file of weights.
std::string layer_name(const SlideTransformerConfig& config, std::size_t layer) {
  const std::string kind = config.layers[layer] == 'l' ? "local" + std::to_string(config.window) : "global";
  return "layers." + std::to_string(layer) + "." + kind + ".";
}

}  // namespace

std::vector<TensorSpec> SlideTransformer::specs_of(const SlideTransformerConfig& c) {
  std::vector<TensorSpec> specs;
  mil::add_linear(specs, "embed", c.inner, c.features);
  for (std::size_t layer = 0; layer < c.layers.size(); ++layer) {
    const std::string name = layer_name(c, layer);
    mil::add_layer_norm(specs, name + "norm1", c.inner);
    mil::add_linear(specs, name + "qkv", 3 * c.inner, c.inner);
    mil::add_linear(specs, name + "proj", c.inner, c.inner);
    mil::add_layer_norm(specs, name + "norm2", c.inner);
    mil::add_linear(specs, name + "fc1", kWider * c.inner, c.inner);
    mil::add_linear(specs, name + "fc2", c.inner, kWider * c.inner);
  }
  mil::add_layer_norm(specs, "norm", c.inner);
  mil::add_linear(specs, "pool.v", c.attention, c.inner);
  mil::add_linear(specs, "pool.u", c.attention, c.inner);
  mil::add_linear(specs, "pool.w", c.branches, c.attention);
  mil::add_linear(specs, "head", c.classes, c.inner);
  return specs;
}

SlideTransformer::SlideTransformer(SlideTransformerConfig config, StateDict state)
    : config_(std::move(config)), state_(std::move(state)) {
  const auto usage = [](const std::string& problem, const std::string& remedy) {
    throw Error(ErrorCode::kUsage, kSubject, problem, remedy);
  };
  if (config_.features < 1 || config_.classes < 1 || config_.heads < 1 || config_.window < 1)
    usage("its widths are not positive", "Give feature width, classes, heads and window.");
  if (config_.inner < 1 || config_.inner % (4 * config_.heads) != 0)
    usage("a width of " + std::to_string(config_.inner) + " is no multiple of 4 channels a head",
          "Choose another inner width, such as 256 for 8 heads.");
  if (config_.layers.find_first_not_of("lg") != std::string::npos)
    usage("its layers '" + config_.layers + "' are not a row of l and g", "Give one letter a layer, such as lglg.");
  for (const TensorSpec& spec : specs_of(config_))
    if (!state_.count(spec.name)) throw Error(ErrorCode::kInternal, kSubject, "made without its tensor " + spec.name);
}

at::Tensor SlideTransformer::linear(const at::Tensor& x, const std::string& name) const {
  return at::linear(x, state_.at(name + ".weight"), state_.at(name + ".bias"));
}

at::Tensor SlideTransformer::norm(const at::Tensor& x, const std::string& name) const {
  return at::layer_norm(x, {config_.inner}, state_.at(name + ".weight"), state_.at(name + ".bias"), kEps);
}

MilOutput SlideTransformer::forward(const at::Tensor& bag, const at::Tensor& cells, const MilStep& step) const {
  if (bag.dim() != 2 || bag.size(1) != config_.features)
    bad("the patches' features are not " + std::to_string(config_.features) + " wide",
        "Use the encoder the model was trained with.");
  if (bag.size(0) == 0) bad("the bag holds no instance", "Check the tissue mask or the feature file.");
  const Grid grid = grid_of(cells.to(bag.device()), bag.size(0));
  at::Tensor x = mil::dropped(linear(bag, "embed"), step, 0);
  for (std::size_t layer = 0; layer < config_.layers.size(); ++layer) {
    const std::string name = layer_name(config_, layer);
    std::vector<at::Tensor> qkv;
    for (const at::Tensor& part : linear(norm(x, name + "norm1"), name + "qkv").chunk(3, 1))
      qkv.push_back(part.reshape({x.size(0), config_.heads, -1}).transpose(0, 1).unsqueeze(0));
    at::Tensor out =
        config_.layers[layer] == 'l' ? local_attention(qkv, grid, config_.window) : global_attention(qkv, grid);
    qkv.clear();
    x = x + linear(out[0].transpose(0, 1).reshape({x.size(0), -1}), name + "proj");
    out = at::Tensor();
    x = x + linear(at::gelu(linear(norm(x, name + "norm2"), name + "fc1")), name + "fc2");
  }
  const auto weight = [&](const char* name) { return state_.at(std::string("pool.") + name); };
  const at::Tensor rows = norm(x, "norm");
  attention::Pooled pooled = attention::gated_pool(rows, {weight("v.weight"), weight("v.bias"), weight("u.weight"),
                                                          weight("u.bias"), weight("w.weight"), weight("w.bias")});
  if (mil::masks_scores(step)) pooled = attention::score_pool(mil::step_scores(pooled.scores, step), rows);
  MilOutput output;
  output.attn_raw = pooled.scores, output.entropy = pooled.entropy;
  output.attn_softmax = attention::weights_of(pooled.scores);
  output.bag_logits = linear(pooled.z.mean(0, true), "head");
  output.bag_prob = at::softmax(output.bag_logits, 1);
  return output;
}

at::Tensor grid_cells(const at::Tensor& coords, std::int64_t step) {
  if (coords.dim() != 2 || coords.size(1) != 2 || coords.scalar_type() != at::kLong || coords.size(0) == 0)
    bad("the coordinates are not int64 [patches, 2]", "Give the level-0 corner of every patch.");
  if (step < 1) bad("the step between patches is not positive", "Give it in level-0 pixels.");
  return (coords - at::amin(coords, {0}, true)).floor_divide(step);
}

namespace {

/// Gap -> how often it lies between neighbours along `axis` in patches that share the other coordinate.
void count_gaps(const at::Tensor& coords, int axis, std::map<std::int64_t, std::int64_t>& counts) {
  std::vector<std::pair<std::int64_t, std::int64_t>> sorted;
  const auto* values = coords.const_data_ptr<std::int64_t>();
  for (std::int64_t i = 0; i < coords.size(0); ++i) sorted.emplace_back(values[2 * i + 1 - axis], values[2 * i + axis]);
  std::sort(sorted.begin(), sorted.end());
  for (std::size_t i = 1; i < sorted.size(); ++i)
    if (sorted[i].first == sorted[i - 1].first && sorted[i].second > sorted[i - 1].second)
      ++counts[sorted[i].second - sorted[i - 1].second];
}

bool shares_a_cell(const at::Tensor& cells) {
  const std::int64_t columns = cells.select(1, 0).max().item<std::int64_t>() + 1;
  const at::Tensor place = cells.select(1, 1) * columns + cells.select(1, 0);
  return std::get<0>(at::_unique2(place)).size(0) < place.size(0);
}

}  // namespace

at::Tensor grid_cells(const at::Tensor& coords) {
  const at::Tensor whole = coords.contiguous();
  if (whole.dim() != 2 || whole.size(0) <= 1) return grid_cells(whole, 1);
  std::map<std::int64_t, std::int64_t> counts;
  count_gaps(whole, 0, counts), count_gaps(whole, 1, counts);
  std::int64_t step = 1, most = 0;
  for (const auto& [gap, count] : counts)
    if (count > most) step = gap, most = count;
  if (counts.empty()) step = std::max<std::int64_t>(1, (at::amax(whole) - at::amin(whole)).item<std::int64_t>());
  at::Tensor cells = grid_cells(whole, step);
  for (int halved = 0; halved < 3 && step > 1 && shares_a_cell(cells); ++halved) cells = grid_cells(whole, step /= 2);
  return cells;
}

at::Tensor folded_cells(std::int64_t patches) {
  std::int64_t edge = 1;
  while (edge * edge < patches) ++edge;
  const at::Tensor index = at::arange(patches, at::kLong);
  return at::stack({index.remainder(edge), index.floor_divide(edge)}, 1);
}

}  // namespace fovea::models
