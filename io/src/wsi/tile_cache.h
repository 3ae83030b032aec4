// Decoded storage tiles that reads share: bounded by bytes, least recently used first out, safe for many threads.
#pragma once

#include <cstdint>
#include <list>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace fovea::io {

class TileCache {
 public:
  using Pixels = std::shared_ptr<const std::vector<std::uint8_t>>;

  explicit TileCache(std::size_t max_bytes) : max_bytes_(max_bytes) {}

  /// Null when the tile is not held.
  Pixels get(std::uint64_t key) {
    std::lock_guard lock(mutex_);
    const auto found = index_.find(key);
    if (found == index_.end()) return nullptr;
    order_.splice(order_.begin(), order_, found->second);
    return order_.front().second;
  }
  /// Two threads may have decoded the same tile: the first one stays.
  void put(std::uint64_t key, Pixels pixels) {
    std::lock_guard lock(mutex_);
    if (index_.count(key) > 0) return;
    bytes_ += pixels->size();
    order_.emplace_front(key, std::move(pixels));
    index_[key] = order_.begin();
    while (bytes_ > max_bytes_ && order_.size() > 1) {
      bytes_ -= order_.back().second->size();
      index_.erase(order_.back().first);
      order_.pop_back();
    }
  }
  std::size_t bytes() const {
    std::lock_guard lock(mutex_);
    return bytes_;
  }

 private:
  const std::size_t max_bytes_;
  mutable std::mutex mutex_;
  std::list<std::pair<std::uint64_t, Pixels>> order_;  // most recently used first
  std::unordered_map<std::uint64_t, decltype(order_)::iterator> index_;
  std::size_t bytes_ = 0;
};

}  // namespace fovea::io
