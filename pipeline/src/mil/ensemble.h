// One trained model, or several that vote: the mean of their probabilities.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "mil/bag_store.h"
#include "mil/task_head.h"
#include "model_store.h"

namespace fovea::pipeline::mil {

/// What an ensemble says of one bag.
struct BagVerdict {
  evaluation::PredictionRow row;    ///< probabilities or value, prediction, attention figures; no ids
  std::int64_t maps = 1;            ///< K: attention maps of the one model, or one (its mean) a model
  std::vector<float> raw, softmax;  ///< [K, N]
  std::vector<float> mean;          ///< [N], over all maps
};

class Ensemble {
 public:
  /// Error when a file is no MIL model, or when they differ in task, classes or width of features.
  explicit Ensemble(const std::vector<std::filesystem::path>& models);

  const TaskHead& head() const { return members_.front().head; }
  std::int64_t features() const { return members_.front().loaded.model->config().features; }
  std::size_t size() const { return members_.size(); }
  std::string encoder() const;      ///< name that training stored; empty: unknown
  std::string fingerprint() const;  ///< SHA-256 of the weight files, joined
  /// Error(kCorrupt) when the result is not finite.
  BagVerdict verdict(const Bag& bag) const;

 private:
  struct Member {
    LoadedMil loaded;
    TaskHead head;
    Standardisation change;
  };
  std::vector<Member> members_;
};

/// model.safetensors of every seed and fold of a run, in order. Error(kNotFound) when there is none.
std::vector<std::filesystem::path> models_of_run(const std::filesystem::path& run);

}  // namespace fovea::pipeline::mil
