// Bags in memory: read, checked, kept as long as there is room, and read ahead of their use.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include <ATen/core/Tensor.h>

#include "mil/csv_bags.h"
#include "mil/data_set.h"

namespace fovea::pipeline::mil {

struct Bag {
  at::Tensor rows;                            ///< [N, D] float32, or float16 as stored when it is large
  at::Tensor coords;                          ///< int64 [N, 2]; undefined: unknown
  std::vector<std::int64_t> instance_labels;  ///< N, or empty
  /// What the file says of the features, of a patient's slides the first's file; empty: unknown.
  std::string encoder = {};
  std::optional<double> mpp = {};
  std::optional<std::int64_t> tile_px = {};
  std::int64_t bytes() const;
};

/// Thread-safe; one file is open at a time.
class BagStore {
 public:
  /// `cache_bytes`: bags of at most as many bytes in all stay in memory.
  explicit BagStore(std::int64_t cache_bytes) : room_(cache_bytes) {}

  /// As stored, the slides of a patient one below the other (their coordinates side by side). Error: unreadable, no
  /// instance, slides of different widths, NaN or infinite features.
  Bag load(const Item& item);
  bool full() const;

 private:
  Bag read_part(const BagFile& part);
  mutable std::mutex mutex_;
  std::int64_t room_;
  std::map<std::string, Bag> kept_;  ///< by slide_id
  std::map<std::filesystem::path, std::map<std::string, CsvBag>> tables_;
};

/// Width, encoder and scale of the bags as far as they were looked at, and those that cannot be used.
struct Survey {
  std::int64_t features = 0;  ///< of most of them
  std::int64_t median_instances = 0;
  bool coords = true;  ///< all of them say where their instances lie
  std::string encoder;
  std::optional<double> mpp;
  std::optional<std::int64_t> tile_px;
  std::vector<LeftOut> left_out;
};

/// Reads bags into the store until it is full (at least 16): what they are made of is known before training, and bad
/// ones are removed from `items`. Error(kUsage) when fewer than two are left. `progress`: 0..1, may throw.
Survey survey(BagStore& store, std::vector<Item>& items, const std::function<void(double)>& progress);

/// Mean and standard deviation (ddof 0) of the training instances, and how features are changed by them.
struct Standardisation {
  at::Tensor mean, deviation;  ///< [D] float32; undefined: features stay as they are
  double clip = 0;             ///< 0: none
  at::Tensor applied(const at::Tensor& rows) const;
};
Standardisation standardisation_of(BagStore& store, const std::vector<const Item*>& train, double clip);

/// A bag ready for the network, or what is wrong with it.
struct Delivery {
  const Item* item = nullptr;
  Bag bag;
  std::string problem;  ///< empty: none
};

/// Reads ahead in a thread of its own while the caller computes, until `ahead_bytes` wait. Of bags that are larger than
/// that one is in memory at a time.
class BagQueue {
 public:
  BagQueue(BagStore& store, std::vector<const Item*> order, std::int64_t features, const Standardisation& change,
           std::int64_t ahead_bytes);
  ~BagQueue();
  BagQueue(const BagQueue&) = delete;
  BagQueue& operator=(const BagQueue&) = delete;
  /// In order; as many as there are.
  Delivery next();

 private:
  void fill(const std::stop_token& stop);
  Delivery prepared(const Item& item) const;

  BagStore& store_;
  std::vector<const Item*> order_;
  std::int64_t features_;
  Standardisation change_;
  std::int64_t ahead_bytes_, waiting_bytes_ = 0;
  std::mutex mutex_;
  std::condition_variable_any changed_;
  std::deque<Delivery> waiting_;
  bool wanted_ = false;  ///< the caller waits
  std::jthread reader_;  ///< last: it uses all the others
};

}  // namespace fovea::pipeline::mil
