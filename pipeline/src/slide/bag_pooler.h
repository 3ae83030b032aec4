// Rows of features into a MIL stream, in pieces of a fixed size, with early results on the way.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <vector>

#include <ATen/core/Tensor.h>

#include <fovea/models/mil.h>

namespace fovea::pipeline::slide {

class BagPooler {
 public:
  /// `chunk`: rows per push; 0 pushes rows as they come. The result does not depend on it. `coords`: places of the rows
  /// in the order in which they will come, x0,y0,x1,y1,...; empty: unknown.
  BagPooler(const models::MilModel& model, std::int64_t chunk, const std::vector<std::int64_t>& coords = {});

  void push(const at::Tensor& rows);
  std::int64_t rows() const { return rows_; }
  /// True at 64, 128, 256, ... rows: early results cost O(N) in all.
  bool snapshot_due();
  models::MilOutput snapshot() const { return stream_->snapshot(); }
  models::MilOutput finish();

 private:
  void pass_on(const at::Tensor& rows);
  at::Tensor coords_;  ///< int64 [N, 2], or undefined
  std::unique_ptr<models::MilStream> stream_;
  std::int64_t chunk_, rows_ = 0, pushed_ = 0, next_snapshot_ = 64;
  std::vector<at::Tensor> waiting_;
  std::int64_t waiting_rows_ = 0;
};

}  // namespace fovea::pipeline::slide
