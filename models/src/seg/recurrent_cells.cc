#include "seg/recurrent_cells.h"

#include <tuple>
#include <vector>

#include <ATen/TensorOperators.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/cummax.h>
#include <ATen/ops/stack.h>

#include <fovea/base/error.h>
#include <fovea/models/recurrent_segmentation.h>

#include "seg/blocks.h"

namespace fovea::models {
namespace seg {
namespace {

/// All one minus a product: OR(a, b) = a + b - ab.
at::Tensor either(const at::Tensor& a, const at::Tensor& b) {
  return a + b - a * b;
}

}  // namespace

Cell::Cell(const at::Tensor& weight, const at::Tensor& bias, bool logic) : bias_(bias), logic_(logic) {
  const std::int64_t hidden = weight.dim() == 4 ? weight.size(0) / (logic ? 3 : 4) : 0;
  const std::int64_t width = weight.dim() == 4 ? weight.size(1) - hidden : 0;
  if (hidden < 1 || width < 1 || weight.size(0) != hidden * (logic ? 3 : 4)) {
    throw Error(ErrorCode::kShape, "recurrent cell", "its weight is no [gates x hidden, input + hidden, k, k]",
                "Pass the weights of one ConvLSTM or logic cell.");
  }
  input_weight_ = weight.narrow(1, 0, width), hidden_weight_ = weight.narrow(1, width, hidden);
}

at::Tensor Cell::input_part(const at::Tensor& x) const {
  return convolve(logic_ ? at::cat({x, directional_context(x)}, 1) : x, input_weight_, bias_);
}

at::Tensor Cell::step(const at::Tensor& input_part, CellState& state) const {
  const at::Tensor gates = state.h.defined() ? input_part + convolve(state.h, hidden_weight_, {}) : input_part;
  if (logic_) {
    const std::vector<at::Tensor> parts = gates.sigmoid().chunk(3, 1);  // keep, add, cand
    const at::Tensor added = parts[2] * parts[1];
    state.h = state.h.defined() ? either(state.h * parts[0], added) : added;
    return state.h;
  }
  const std::vector<at::Tensor> parts = gates.chunk(4, 1);  // i, f, o, g
  const at::Tensor entered = parts[0].sigmoid() * parts[3].tanh();
  state.c = state.c.defined() ? parts[1].sigmoid() * state.c + entered : entered;
  state.h = parts[2].sigmoid() * state.c.tanh();
  return state.h;
}

at::Tensor run_cell(const Cell& cell, const at::Tensor& x, bool backwards) {
  const std::int64_t slices = x.size(1);
  const at::Tensor parts = cell.input_part(x.flatten(0, 1)).unflatten(0, {x.size(0), slices});
  std::vector<at::Tensor> hidden(static_cast<std::size_t>(slices));
  CellState state;
  for (std::int64_t step = 0; step < slices; ++step) {
    const std::int64_t slice = backwards ? slices - 1 - step : step;
    hidden[static_cast<std::size_t>(slice)] = cell.step(parts.select(1, slice), state);
  }
  return at::stack(hidden, 1);
}

}  // namespace seg

namespace {

void check_stack(const at::Tensor& x) {
  if (x.dim() != 5 || x.numel() == 0)
    throw Error(ErrorCode::kShape, "recurrent cell", "the input is no stack [batch, slices, channels, height, width]",
                "Give at least one slice.");
}

}  // namespace

at::Tensor conv_lstm(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, bool backwards) {
  check_stack(x);
  return seg::run_cell(seg::Cell(weight, bias, false), x, backwards);
}

at::Tensor logic_cell(const at::Tensor& x, const at::Tensor& weight, const at::Tensor& bias, bool backwards) {
  check_stack(x);
  return seg::run_cell(seg::Cell(weight, bias, true), x, backwards);
}

at::Tensor directional_context(const at::Tensor& x) {
  at::Tensor sum;
  for (const std::int64_t axis : {-1, -2}) {
    const at::Tensor onward = std::get<0>(at::cummax(x, axis));
    const at::Tensor backward = std::get<0>(at::cummax(x.flip(axis), axis)).flip(axis);
    sum = sum.defined() ? sum + onward + backward : onward + backward;
  }
  return sum / 4;
}

}  // namespace fovea::models
