// Bags of noise that train in seconds: in those of class b one instance is raised.
#pragma once

#include <QString>

#include <filesystem>
#include <fstream>
#include <random>
#include <vector>

#include <fovea/io/bag.h>
#include <fovea/pipeline/job.h>

namespace fovea::gui::test {

inline void write_training_bags(const QString& folder, int bags = 20, const char* part = "") {
  namespace fs = std::filesystem;
  const fs::path root = folder.toStdString();
  fs::create_directories(root / "bags");
  std::ofstream labels(root / "labels.csv");
  labels << "slide_id,label\n";
  std::mt19937 random(1);
  std::normal_distribution<float> noise;
  constexpr std::int64_t kRows = 60, kWidth = 16;
  for (int i = 0; i < bags; ++i) {
    std::vector<float> rows(kRows * kWidth);
    for (float& value : rows) value = noise(random);
    if (i % 2) rows[3] += 5;
    io::FeatureBag bag;
    bag.features = io::make_array<float>(std::span<const float>(rows), {kRows, kWidth});
    const std::string name = part + std::string("bag") + std::to_string(i);
    io::write_bag(root / "bags" / (name + ".h5"), bag, io::BagLayout::kClam);
    labels << name << "," << (i % 2 ? "b" : "a") << "\n";
  }
}

inline pipeline::JobRequest training_request(const QString& folder, int epochs) {
  const std::string root = folder.toStdString();
  pipeline::JobRequest request;
  request.kind = "mil train";
  request.values["recipe"] = std::string("abmil");
  request.values["bags"] = root + "/bags";
  request.values["labels"] = root + "/labels.csv";
  request.values["out"] = root + "/run";
  request.values["threads"] = std::int64_t{1};
  request.values["set"] = std::vector<std::string>{"epochs=" + std::to_string(epochs)};
  return request;
}

}  // namespace fovea::gui::test
