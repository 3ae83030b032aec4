#include "mil/csv_bags.h"

#include <charconv>
#include <fstream>
#include <string_view>
#include <utility>

#include <ATen/ops/empty.h>

#include <fovea/base/error.h>

namespace fovea::pipeline::mil {
namespace {

constexpr std::size_t kBefore = 2;  // label and bag

std::vector<std::string_view> cells_of(std::string_view line) {
  std::vector<std::string_view> cells;
  while (!line.empty() && (line.back() == '\r' || line.back() == ' ')) line.remove_suffix(1);
  for (std::size_t begin = 0; begin <= line.size();) {
    const std::size_t end = std::min(line.find(',', begin), line.size());
    cells.push_back(line.substr(begin, end - begin));
    begin = end + 1;
  }
  return cells;
}

[[noreturn]] void refuse(const std::filesystem::path& path, std::size_t line, const std::string& problem) {
  throw Error(ErrorCode::kCorrupt, path.filename().string(), "line " + std::to_string(line) + " " + problem,
              "Give label, bag and the same number of features on every line, without a header.");
}

struct Growing {
  std::string label;
  std::vector<float> values;
};

/// "1.0" as a class is "1": some of these tables write every cell as a float.
std::string label_of(std::string_view cell) {
  if (cell.size() > 2 && cell.substr(cell.size() - 2) == ".0") cell.remove_suffix(2);
  return std::string(cell);
}

std::pair<std::map<std::string, Growing>, std::size_t> read(const std::filesystem::path& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    throw Error(ErrorCode::kNotFound, path.filename().string(), "the table of instances cannot be read",
                "Check the path and its permissions.");
  std::map<std::string, Growing> bags;
  std::size_t width = 0, number = 0;
  for (std::string line; std::getline(stream, line);) {
    ++number;
    const auto cells = cells_of(line);
    if (cells.size() == 1 && cells[0].empty()) continue;
    if (cells.size() <= kBefore) refuse(path, number, "holds no features");
    if (width == 0) width = cells.size() - kBefore;
    if (cells.size() - kBefore != width) refuse(path, number, "is not as wide as the first");
    Growing& bag = bags[label_of(cells[1])];
    if (bag.values.empty()) bag.label = label_of(cells[0]);
    for (std::size_t i = kBefore; i < cells.size(); ++i) {
      float value = 0;
      const auto [end, error] = std::from_chars(cells[i].data(), cells[i].data() + cells[i].size(), value);
      if (error != std::errc{} || end != cells[i].data() + cells[i].size())
        refuse(path, number, "holds something that is no number");
      bag.values.push_back(value);
    }
  }
  return {std::move(bags), width};
}

}  // namespace

bool is_csv_bags(const std::filesystem::path& path) {
  return path.extension() == ".csv";
}

std::vector<std::string> csv_bag_names(const std::filesystem::path& path) {
  std::vector<std::string> names;
  for (const auto& [name, bag] : read(path).first) names.push_back(name);
  return names;
}

std::map<std::string, CsvBag> read_csv_bags(const std::filesystem::path& path) {
  const auto [growing, width] = read(path);
  std::map<std::string, CsvBag> bags;
  for (const auto& [name, bag] : growing) {
    const auto columns = static_cast<std::int64_t>(width);
    at::Tensor rows = at::empty({static_cast<std::int64_t>(bag.values.size()) / columns, columns}, at::kFloat);
    std::copy(bag.values.begin(), bag.values.end(), rows.mutable_data_ptr<float>());
    bags.emplace(name, CsvBag{bag.label, std::move(rows)});
  }
  return bags;
}

}  // namespace fovea::pipeline::mil
