// Bags in one table of instances, as the classic sets (MUSK, UCSB) come: label, bag, features..., without a header.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <ATen/core/Tensor.h>

namespace fovea::pipeline::mil {

struct CsvBag {
  std::string label;  ///< of its first instance
  at::Tensor rows;    ///< [N, D] float32
};

bool is_csv_bags(const std::filesystem::path& path);  ///< by name
std::vector<std::string> csv_bag_names(const std::filesystem::path& path);
/// The whole table, by bag. Error(kCorrupt) naming the line that has another width or holds no numbers.
std::map<std::string, CsvBag> read_csv_bags(const std::filesystem::path& path);

}  // namespace fovea::pipeline::mil
