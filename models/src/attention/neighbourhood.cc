// Neighbourhood attention: checks, heads grouped by window, and which path runs.
#include <cmath>
#include <map>
#include <string>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

#include <fovea/base/error.h>
#include <fovea/models/attention.h>

#include "attention/ops/neighbourhood.h"
#include "attention/ops/path.h"
#include "attention/ops/run.h"
#include "attention/ops/self_attention.h"

namespace fovea::attention {
namespace {

using Sizes = std::vector<std::int64_t>;

[[noreturn]] void bad(const std::string& problem, const std::string& remedy) {
  throw Error(ErrorCode::kShape, "neighbourhood attention", problem, remedy);
}

void check_tokens(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Sizes& shape) {
  if (q.dim() != 4 || k.sizes() != q.sizes())
    bad("queries and keys are not of one shape [batch, head, token, channel]", "Give one key a query.");
  if (v.dim() != 4 || v.sizes().slice(0, 3) != q.sizes().slice(0, 3))
    bad("keys and values disagree in shape", "Give one value a key.");
  if (shape.empty() || shape.size() > 3)
    bad("the grid has " + std::to_string(shape.size()) + " axes", "Give 1, 2 or 3.");
  std::int64_t tokens = 1;
  for (std::int64_t length : shape) tokens *= length;
  if (tokens == 0 || q.size(1) == 0) bad("the grid holds no token", "Check the mask or the feature file.");
  if (tokens != q.size(2))
    bad("the grid has " + std::to_string(tokens) + " tokens where " + std::to_string(q.size(2)) + " are given",
        "Give every token of the grid, holes too.");
}

template <class Value>
Value of_axis(const std::vector<Value>& values, std::size_t axis, std::size_t axes, const char* name) {
  if (values.size() != 1 && values.size() != axes)
    bad(std::string("the ") + name + " does not have one entry an axis", "Give one entry an axis, or one for all.");
  return values[values.size() == 1 ? 0 : axis];
}

std::vector<ops::Axis> axes_of(const Sizes& shape, const Sizes& window, const NeighbourhoodOptions& options) {
  std::vector<ops::Axis> axes;
  for (std::size_t a = 0; a < shape.size(); ++a) {
    const ops::Axis axis{
        shape[a], of_axis(window, a, shape.size(), "window"), of_axis(options.stride, a, shape.size(), "stride"),
        of_axis(options.dilation, a, shape.size(), "dilation"), of_axis(options.causal, a, shape.size(), "causality")};
    if (axis.window < 1 || axis.dilation < 1 || axis.window > axis.length / axis.dilation)
      bad("a window of " + std::to_string(axis.window) + " tokens, dilated by " + std::to_string(axis.dilation) +
              ", does not fit an axis of " + std::to_string(axis.length),
          "Choose a smaller window or dilation.");
    if (axis.stride < 1 || axis.stride > axis.window)
      bad("the stride is not between 1 and the window", "Choose a smaller stride.");
    axes.push_back(axis);
  }
  return axes;
}

Attended one_window(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const ops::Neighbourhood& grid) {
  if (backend() == Backend::kReference) return ops::reference_neighbourhood(q, k, v, grid);
  if (!q.is_cpu()) return ops::cuda_neighbourhood(q, k, v, grid);
  const bool packs = q.scalar_type() == at::kFloat || q.scalar_type() == at::kDouble;
  return packs && q.is_cpu() && !ops::needs_graph({q, k, v}) ? ops::packed_neighbourhood(q, k, v, grid)
                                                             : ops::tiled_neighbourhood(q, k, v, grid);
}

}  // namespace

Attended ops::run_neighbourhood(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v, const Sizes& shape,
                                const NeighbourhoodOptions& options) {
  check_tokens(q, k, v, shape);
  if (options.valid.defined() &&
      (options.valid.scalar_type() != at::kBool || options.valid.dim() != 1 || options.valid.size(0) != q.size(2)))
    bad("validity is no bool tensor of one entry a token", "Give [tokens].");
  ops::Neighbourhood grid{{}, options.valid, options.scale.value_or(1 / std::sqrt(static_cast<double>(q.size(3))))};
  if (options.head_windows.empty()) {
    grid.axes = axes_of(shape, options.window, options);
    return one_window(q, k, v, grid);
  }
  if (static_cast<std::int64_t>(options.head_windows.size()) != q.size(1))
    bad("there is not one window a head", "Give as many windows as heads.");
  std::map<Sizes, Sizes> heads_of_window;
  for (std::size_t h = 0; h < options.head_windows.size(); ++h)
    heads_of_window[options.head_windows[h]].push_back(static_cast<std::int64_t>(h));
  std::vector<at::Tensor> outs, lses;
  Sizes place(options.head_windows.size());
  std::int64_t next = 0;
  for (const auto& [window, heads] : heads_of_window) {
    grid.axes = axes_of(shape, window, options);
    const at::Tensor chosen = at::tensor(heads, at::kLong).to(q.device());
    Attended part = one_window(q.index_select(1, chosen), k.index_select(1, chosen), v.index_select(1, chosen), grid);
    outs.push_back(std::move(part.out)), lses.push_back(std::move(part.lse));
    for (std::int64_t head : heads) place[static_cast<std::size_t>(head)] = next++;
  }
  const at::Tensor order = at::tensor(place, at::kLong).to(q.device());
  return {at::cat(outs, 1).index_select(1, order), at::cat(lses, 1).index_select(1, order)};
}

}  // namespace fovea::attention
