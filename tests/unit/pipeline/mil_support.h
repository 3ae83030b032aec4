// Small sets of bags on disk for the tests of `mil train`.
#pragma once

#include <filesystem>
#include <fstream>
#include <functional>
#include <iterator>
#include <map>
#include <string>
#include <vector>

#include <ATen/ATen.h>

#include <fovea/io/bag.h>
#include <fovea/pipeline/job.h>

#include "file_text.h"
#include "shared.h"

namespace fovea::test {

inline io::FeatureBag feature_bag(const at::Tensor& rows) {
  const at::Tensor plain = rows.to(at::kFloat).contiguous();
  io::FeatureBag bag;
  bag.features = io::make_array<float>(
      std::span<const float>(plain.const_data_ptr<float>(), static_cast<std::size_t>(plain.numel())),
      {plain.size(0), plain.size(1)});
  for (std::int64_t i = 0; i < plain.size(0); ++i)
    bag.coords.push_back(256 * (i % 8)), bag.coords.push_back(256 * (i / 8));
  return bag;
}

inline void write_bag(const std::filesystem::path& file, const at::Tensor& rows) {
  io::write_bag(file, feature_bag(rows), io::BagLayout::kTrident);
}

/// N instances of noise, `width` features; in the first of them feature `hot` is raised.
inline at::Tensor marked_rows(std::int64_t instances, std::int64_t width, std::int64_t hot, std::uint64_t seed,
                              double height = 4) {
  at::manual_seed(seed);
  at::Tensor rows = at::randn({instances, width});
  if (hot >= 0) rows[0][hot] += height;
  return rows;
}

/// "007": names with leading zeros.
inline std::string numbered(int i) {
  const std::string digits = std::to_string(i);
  return std::string(digits.size() < 3 ? 3 - digits.size() : 0, '0') + digits;
}

/// Bags 000, 001, ... of two classes in `folder`/bags, and labels.csv with two slides a patient.
inline void write_two_classes(const std::filesystem::path& folder, int bags, std::int64_t width = 8) {
  std::filesystem::create_directories(folder / "bags");
  std::ofstream labels(folder / "labels.csv");
  labels << "case_id,slide_id,label\n";
  for (int i = 0; i < bags; ++i) {
    const int label = (i / 2) % 2;
    write_bag(folder / "bags" / (numbered(i) + ".h5"),
              marked_rows(6 + i % 5, width, label, static_cast<std::uint64_t>(i) + 1));
    labels << "0" << i / 2 << "," << numbered(i) << "," << (label ? "tumour" : "normal") << "\n";
  }
}

inline pipeline::JobRequest train_request(const std::filesystem::path& folder, const std::filesystem::path& out,
                                          std::vector<std::string> changes,
                                          std::map<std::string, pipeline::Value> more = {}) {
  pipeline::JobRequest request{"mil train", std::move(more)};
  request.values["bags"] = (folder / "bags").string(), request.values["out"] = out.string();
  request.values["labels"] = (folder / "labels.csv").string();
  request.values["threads"] = std::int64_t{1};
  request.values["set"] = std::move(changes);
  return request;
}

}  // namespace fovea::test
