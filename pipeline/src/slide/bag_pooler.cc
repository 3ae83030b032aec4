#include "slide/bag_pooler.h"

#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>

namespace fovea::pipeline::slide {

BagPooler::BagPooler(const models::MilModel& model, std::int64_t chunk, const std::vector<std::int64_t>& coords)
    : stream_(model.stream()), chunk_(chunk) {
  if (!coords.empty()) coords_ = at::tensor(coords, at::kLong).reshape({-1, 2});
}

void BagPooler::pass_on(const at::Tensor& rows) {
  const std::int64_t end = pushed_ + rows.size(0);
  stream_->push_at(rows, coords_.defined() && end <= coords_.size(0) ? coords_.slice(0, pushed_, end) : at::Tensor());
  pushed_ = end;
}

void BagPooler::push(const at::Tensor& rows) {
  rows_ += rows.size(0);
  if (chunk_ <= 0) {
    pass_on(rows);
    return;
  }
  waiting_.push_back(rows);
  waiting_rows_ += rows.size(0);
  if (waiting_rows_ < chunk_) return;
  const at::Tensor all = waiting_.size() == 1 ? waiting_.front() : at::cat(waiting_);
  std::int64_t begin = 0;
  for (; begin + chunk_ <= waiting_rows_; begin += chunk_) pass_on(all.slice(0, begin, begin + chunk_));
  // A copy: a view would keep the pushed rows alive.
  waiting_ = begin == waiting_rows_ ? std::vector<at::Tensor>{} : std::vector<at::Tensor>{all.slice(0, begin).clone()};
  waiting_rows_ -= begin;
}

bool BagPooler::snapshot_due() {
  if (pushed_ < next_snapshot_) return false;
  while (next_snapshot_ <= pushed_) next_snapshot_ *= 2;
  return true;
}

models::MilOutput BagPooler::finish() {
  if (waiting_rows_ > 0) pass_on(waiting_.size() == 1 ? waiting_.front() : at::cat(waiting_));
  waiting_.clear(), waiting_rows_ = 0;
  return stream_->finish();
}

}  // namespace fovea::pipeline::slide
