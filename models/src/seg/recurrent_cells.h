// One step of the recurrent cells, for whoever walks through the slices. Equations: recurrent_segmentation.h.
#pragma once

#include <ATen/core/Tensor.h>

namespace fovea::models::seg {

/// Undefined tensors are zeros.
struct CellState {
  at::Tensor h, c;  ///< [B, hidden, H, W]; a logic cell has no c
};

/// The part of a cell's convolution that reads its input: for all slices at once, [n, C, H, W] -> [n, gates, H, W].
class Cell {
 public:
  Cell(const at::Tensor& weight, const at::Tensor& bias, bool logic);
  at::Tensor input_part(const at::Tensor& x) const;
  /// The hidden maps after this slice.
  at::Tensor step(const at::Tensor& input_part, CellState& state) const;

 private:
  at::Tensor input_weight_, hidden_weight_, bias_;
  bool logic_;
};

/// x [B, S, C, H, W] -> [B, S, hidden, H, W].
at::Tensor run_cell(const Cell& cell, const at::Tensor& x, bool backwards);

}  // namespace fovea::models::seg
