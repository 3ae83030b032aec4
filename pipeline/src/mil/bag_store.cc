#include "mil/bag_store.h"

#include <algorithm>
#include <exception>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/amax.h>
#include <ATen/ops/cat.h>
#include <ATen/ops/tensor.h>
#include <ATen/ops/zeros.h>
#include <ATen/ops/zeros_like.h>

#include <fovea/base/error.h>
#include <fovea/io/bag.h>

#include "problems.h"
#include "tensor_bridge.h"

namespace fovea::pipeline::mil {
namespace {

constexpr std::int64_t kChunkRows = 16384;
/// From here on a float32 copy would cost more than converting pieces of the bag when they are needed.
constexpr std::int64_t kStaysAsStoredBytes = std::int64_t{256} << 20;

bool all_finite(const at::Tensor& rows) {
  for (std::int64_t begin = 0; begin < rows.size(0); begin += kChunkRows)
    if (!rows.slice(0, begin, begin + kChunkRows).isfinite().all().item<bool>()) return false;
  return true;
}

/// Slides of a patient lie side by side on one plane, a tile apart.
at::Tensor side_by_side(std::vector<at::Tensor> coords) {
  std::int64_t right = 0;
  for (at::Tensor& each : coords) {
    if (!each.defined()) return {};
    each = each + at::tensor({right, std::int64_t{0}}, at::kLong);
    right = at::amax(each.select(1, 0)).item<std::int64_t>() + 4096;
  }
  return at::cat(coords);
}

}  // namespace

std::int64_t Bag::bytes() const {
  const std::int64_t places = coords.defined() ? coords.numel() : 0;
  return rows.numel() * static_cast<std::int64_t>(rows.element_size()) +
         8 * (places + static_cast<std::int64_t>(instance_labels.size()));
}

Bag BagStore::read_part(const BagFile& part) {
  if (is_csv_bags(part.file)) {
    auto table = tables_.find(part.file);
    if (table == tables_.end()) table = tables_.emplace(part.file, read_csv_bags(part.file)).first;
    return {table->second.at(*part.key).rows, {}, {}};
  }
  const io::FeatureBag stored = io::read_bag(part.file, part.key);
  Bag bag;
  bag.rows = to_tensor(stored.features);
  if (bag.rows.dim() != 2 || bag.rows.size(0) == 0)
    throw Error(ErrorCode::kShape, "", "the bag holds no instance (a slide without tissue)");
  if (bag.rows.scalar_type() != at::kHalf) bag.rows = bag.rows.to(at::kFloat);
  if (!stored.coords.empty()) bag.coords = at::tensor(stored.coords, at::kLong).reshape({-1, 2});
  bag.instance_labels = stored.instance_labels, bag.encoder = stored.encoder;
  bag.mpp = stored.geometry.mpp_target;
  if (stored.geometry.tile_px > 0) bag.tile_px = stored.geometry.tile_px;
  return bag;
}

Bag BagStore::load(const Item& item) {
  const std::lock_guard lock(mutex_);
  if (const auto found = kept_.find(item.slide_id); found != kept_.end()) return found->second;
  std::vector<Bag> parts;
  for (const BagFile& part : item.parts) parts.push_back(read_part(part));
  Bag bag = parts.front();
  if (parts.size() > 1) {
    std::vector<at::Tensor> rows, coords;
    bag.instance_labels.clear();
    for (const Bag& part : parts) {
      if (part.rows.size(1) != bag.rows.size(1))
        throw Error(ErrorCode::kShape, "", "the patient's slides have features of different widths");
      rows.push_back(part.rows.to(bag.rows.scalar_type())), coords.push_back(part.coords);
      bag.instance_labels.insert(bag.instance_labels.end(), part.instance_labels.begin(), part.instance_labels.end());
    }
    bag.rows = at::cat(rows), bag.coords = side_by_side(std::move(coords));
    if (static_cast<std::int64_t>(bag.instance_labels.size()) != bag.rows.size(0)) bag.instance_labels.clear();
  }
  if (!all_finite(bag.rows)) throw Error(ErrorCode::kCorrupt, "", "its features are not all finite numbers (NaN)");
  if (const std::int64_t bytes = bag.bytes(); bytes <= room_) {
    room_ -= bytes;
    kept_.emplace(item.slide_id, bag);
  } else {
    room_ = 0;
  }
  return bag;
}

bool BagStore::full() const {
  const std::lock_guard lock(mutex_);
  return room_ <= 0;
}

namespace {

struct Seen {
  std::map<std::int64_t, std::int64_t> widths;  ///< width -> bags
  std::vector<std::int64_t> instances;
  std::map<std::string, std::int64_t> width_of;  ///< slide_id -> width
};

std::int64_t most_frequent(const std::map<std::int64_t, std::int64_t>& counts) {
  return std::max_element(counts.begin(), counts.end(), [](auto& a, auto& b) { return a.second < b.second; })->first;
}

}  // namespace

Survey survey(BagStore& store, std::vector<Item>& items, const std::function<void(double)>& progress) {
  constexpr std::size_t kLeast = 16;
  Survey found;
  Seen seen;
  std::vector<Item> kept;
  for (std::size_t i = 0; i < items.size(); ++i) {
    progress(static_cast<double>(i) / static_cast<double>(items.size()));
    if (i >= kLeast && store.full()) {
      kept.push_back(std::move(items[i]));
      continue;
    }
    try {
      const Bag bag = store.load(items[i]);
      ++seen.widths[bag.rows.size(1)], seen.width_of[items[i].slide_id] = bag.rows.size(1);
      seen.instances.push_back(bag.rows.size(0));
      found.coords = found.coords && bag.coords.defined();
      kept.push_back(std::move(items[i]));
    } catch (const std::exception& error) {
      found.left_out.push_back({items[i].slide_id, problem_of(error)});
    }
  }
  items.clear();
  if (!seen.widths.empty()) found.features = most_frequent(seen.widths);
  for (Item& item : kept) {
    const auto width = seen.width_of.find(item.slide_id);
    if (width != seen.width_of.end() && width->second != found.features)
      found.left_out.push_back({item.slide_id, "features " + std::to_string(width->second) + " wide, not " +
                                                   std::to_string(found.features) + " like most"});
    else
      items.push_back(std::move(item));
  }
  if (items.size() < 2)
    throw Error(ErrorCode::kUsage, "--bags",
                "fewer than two bags can be used" +
                    (found.left_out.empty() ? "" : " (the first that cannot: " + found.left_out.front().reason + ")"),
                "Extract the features again.");
  const Bag first = store.load(items.front());
  found.encoder = first.encoder, found.mpp = first.mpp, found.tile_px = first.tile_px;
  std::nth_element(seen.instances.begin(), seen.instances.begin() + seen.instances.size() / 2, seen.instances.end());
  found.median_instances = seen.instances[seen.instances.size() / 2];
  return found;
}

at::Tensor Standardisation::applied(const at::Tensor& rows) const {
  if (!mean.defined()) return rows;
  const at::Tensor changed = (rows.to(at::kFloat) - mean) / deviation;
  return clip > 0 ? changed.clamp(-clip, clip) : changed;
}

Standardisation standardisation_of(BagStore& store, const std::vector<const Item*>& train, double clip) {
  const at::NoGradGuard no_grad;
  at::Tensor sum, squares;
  double count = 0;
  for (const Item* item : train) {
    Bag bag;
    try {
      bag = store.load(*item);
    } catch (const std::exception&) {
      continue;  // training meets it again and says so
    }
    if (!sum.defined()) sum = at::zeros({bag.rows.size(1)}, at::kDouble), squares = at::zeros_like(sum);
    if (bag.rows.size(1) != sum.size(0)) continue;
    for (std::int64_t begin = 0; begin < bag.rows.size(0); begin += kChunkRows) {
      const at::Tensor part = bag.rows.slice(0, begin, begin + kChunkRows).to(at::kDouble);
      sum += part.sum(0), squares += (part * part).sum(0), count += static_cast<double>(part.size(0));
    }
  }
  if (!sum.defined()) return {};
  const at::Tensor mean = sum / count, variance = (squares / count - mean * mean).clamp_min(0);
  at::Tensor deviation = variance.sqrt();
  deviation = deviation.masked_fill(deviation.le(1e-12), 1.0);  // a constant feature becomes 0
  return {mean.to(at::kFloat), deviation.to(at::kFloat), clip};
}

BagQueue::BagQueue(BagStore& store, std::vector<const Item*> order, std::int64_t features,
                   const Standardisation& change, std::int64_t ahead_bytes)
    : store_(store),
      order_(std::move(order)),
      features_(features),
      change_(change),
      ahead_bytes_(ahead_bytes),
      reader_([this](const std::stop_token& stop) { fill(stop); }) {}

BagQueue::~BagQueue() {
  reader_.request_stop();
  changed_.notify_all();
}

Delivery BagQueue::prepared(const Item& item) const {
  Delivery delivery;
  delivery.item = &item;
  try {
    delivery.bag = store_.load(item);
    at::Tensor& rows = delivery.bag.rows;
    if (rows.size(1) != features_)
      throw Error(
          ErrorCode::kShape, "",
          "features " + std::to_string(rows.size(1)) + " wide, not " + std::to_string(features_) + " like most");
    rows = change_.applied(rows);
    if (rows.numel() * 4 <= kStaysAsStoredBytes) rows = rows.to(at::kFloat);
  } catch (const std::exception& error) {
    delivery.problem = problem_of(error);
    delivery.bag = {};
  }
  return delivery;
}

/// Waits for room before it reads. After a bag that is larger than all the room, until the next is asked for and that
/// bag is gone.
void BagQueue::fill(const std::stop_token& stop) {
  const at::NoGradGuard no_grad;
  std::int64_t largest = 0;
  for (const Item* item : order_) {
    {
      std::unique_lock lock(mutex_);
      changed_.wait(lock, stop, [&] {
        return wanted_ || (largest <= ahead_bytes_ && (waiting_.empty() || waiting_bytes_ < ahead_bytes_));
      });
    }
    if (stop.stop_requested()) return;
    Delivery delivery = prepared(*item);
    const std::int64_t bytes = delivery.problem.empty() ? delivery.bag.bytes() : 0;
    largest = std::max(largest, bytes);
    const std::lock_guard lock(mutex_);
    wanted_ = false;
    waiting_bytes_ += bytes;
    waiting_.push_back(std::move(delivery));
    changed_.notify_all();
  }
}

Delivery BagQueue::next() {
  std::unique_lock lock(mutex_);
  wanted_ = waiting_.empty();
  changed_.notify_all();
  changed_.wait(lock, [&] { return !waiting_.empty(); });
  Delivery delivery = std::move(waiting_.front());
  waiting_.pop_front();
  waiting_bytes_ -= delivery.problem.empty() ? delivery.bag.bytes() : 0;
  changed_.notify_all();
  return delivery;
}

}  // namespace fovea::pipeline::mil
