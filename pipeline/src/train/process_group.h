// Processes that train one network together, over LibTorch's c10d (Gloo).
#pragma once

#include <chrono>
#include <cstdint>
#include <memory>
#include <stop_token>
#include <string>
#include <utility>
#include <vector>

#include <fovea/base/error.h>
#include <fovea/models/replicas.h>
#include <fovea/models/state.h>

#include "train/membership.h"

namespace fovea::pipeline::train {

/// Another process of the training is gone: nothing can be summed any more, what was is whole.
class PeerLost : public Error {
 public:
  using Error::Error;
};

struct Patience {
  std::chrono::seconds start{600};    ///< until all processes are there
  std::chrono::seconds step{1800};    ///< for the gradients of the others
  std::chrono::seconds first{86400};  ///< while rank 0 validates, evaluates and writes
};

struct Losses {
  double sum = 0;
  std::int64_t count = 0;
};

class ProcessGroup final : public models::Replicas {
 public:
  /// Returns when all are there. Error(kUsage) that names those that did not come, two of one rank, or processes that
  /// count differently; Error(kCancelled) on a stop request while waiting.
  explicit ProcessGroup(const Membership& membership, const std::stop_token& stop, Patience patience = {});
  ~ProcessGroup() override;
  ProcessGroup(const ProcessGroup&) = delete;
  ProcessGroup& operator=(const ProcessGroup&) = delete;

  std::int64_t rank() const override { return membership_.rank; }
  std::int64_t count() const override { return membership_.count; }
  bool first() const { return rank() == 0; }
  /// "rank 1 of 4"
  std::string name() const;
  void add_loss(double loss) override { mine_.sum += loss, ++mine_.count; }
  /// Those of all processes that gradients were summed for since the last call.
  Losses take_losses() { return std::exchange(all_, {}); }
  /// PeerLost, as all below.
  void sum_gradients(const std::vector<at::Tensor>& parameters) override;
  void average(const std::vector<at::Tensor>& values) override;
  std::vector<double> sum(const std::vector<double>& values);
  /// The text of rank 0, everywhere.
  std::string of_first(const std::string& text);
  /// The texts of all ranks, everywhere.
  std::vector<std::string> of_all(const std::string& text);
  /// The tensors of rank 0, in place, bit for bit.
  void copy_from_first(const models::StateDict& state);

 private:
  void sum_in_place(at::Tensor& values, std::chrono::seconds patience);

  class Link;
  Membership membership_;
  Patience patience_;
  Losses mine_, all_;
  std::unique_ptr<Link> link_;
};

}  // namespace fovea::pipeline::train
