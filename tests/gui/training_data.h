// Bags and volumes of noise that train in seconds.
#pragma once

#include <QString>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <random>
#include <vector>

#include <fovea/io/bag.h>
#include <fovea/io/volume.h>
#include <fovea/pipeline/job.h>

namespace fovea::test {

/// In those of class b one instance is raised.
inline void write_training_bags(const QString& folder, int bags = 20) {
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
    const std::string name = "bag" + std::to_string(i);
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

/// Noise with a bright ball at `x`; the ball alone as `label`.
inline void write_ball(const std::filesystem::path& image, const std::filesystem::path& label, int seed, double x) {
  io::Geometry g;
  g.size = {22, 20, 9}, g.spacing_mm = {1, 1.1, 2.4}, g.origin_mm = {-10, 5, 3};
  io::Volume volume{g, {}};
  io::LabelVolume ball{g, {}};
  std::mt19937 random(static_cast<unsigned>(seed));
  std::uniform_real_distribution<float> noise(0, 100);
  for (std::int64_t k = 0; k < g.size[2]; ++k)
    for (std::int64_t j = 0; j < g.size[1]; ++j)
      for (std::int64_t i = 0; i < g.size[0]; ++i) {
        const bool in = std::hypot(double(i) - x, (double(j) - 10) * 1.1, (double(k) - 4) * 2.4) < 4.5;
        ball.values.push_back(in);
        volume.values.push_back(300 + noise(random) + (in ? 500.F : 0.F));
      }
  io::write_volume(image, volume);
  io::write_label_map(label, ball);
}

/// Writes four cases of two modalities, <n>_swan.nii.gz and <n>_dwi.nii.gz, for a small recurrent network.
inline pipeline::JobRequest scan_training_request(const std::filesystem::path& folder) {
  std::ofstream table(folder / "cases.csv");
  table << "case,label,split,swan,dwi\n";
  for (int i = 0; i < 4; ++i) {
    const std::string id = std::to_string(i);
    write_ball(folder / (id + "_swan.nii.gz"), folder / (id + "_label.nii.gz"), i, 8 + i);
    write_ball(folder / (id + "_dwi.nii.gz"), folder / (id + "_label.nii.gz"), 10 + i, 8 + i);
    table << id << "," << id << "_label.nii.gz," << (i == 3 ? "val" : "train") << "," << id << "_swan.nii.gz," << id
          << "_dwi.nii.gz\n";
  }
  pipeline::JobRequest request;
  request.kind = "mri train";
  request.values["recipe"] = std::string("upattllstm");
  request.values["cases"] = (folder / "cases.csv").string();
  request.values["out"] = (folder / "run").string();
  request.values["bootstrap"] = std::int64_t{0};
  request.values["threads"] = std::int64_t{1};
  request.values["set"] = std::vector<std::string>{"data.modalities=[\"swan\",\"dwi\"]",
                                                   "network.filters=[8,16]",
                                                   "data.size=[24,24,4]",
                                                   "data.spacing_mm=0",
                                                   "epochs=2",
                                                   "batch=2",
                                                   "data.classes=[\"ball\"]"};
  return request;
}

}  // namespace fovea::test
