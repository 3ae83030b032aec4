#include "mil/given_splits.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <utility>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

#include "slide/csv_table.h"

namespace fovea::pipeline::mil {
namespace {

namespace fs = std::filesystem;

struct Names {
  std::vector<std::string> train, val, test;
};

[[noreturn]] void refuse(const fs::path& path, const std::string& problem) {
  throw Error(ErrorCode::kUsage, path.filename().string(), problem,
              "Give CLAM's splits_<k>.csv (columns train, val, test), ACMIL's split_<k>.json, a folder of them, or a "
              "table with slide_id and fold.");
}

/// The items of a name: a slide, one of the slides of a joined bag, else a patient.
class Finder {
 public:
  explicit Finder(const std::vector<Item>& items) {
    for (std::size_t i = 0; i < items.size(); ++i) {
      const std::string& ids = items[i].slide_id;
      by_slide_[ids].insert(i), by_case_[items[i].case_id].insert(i);
      for (std::size_t begin = 0; begin <= ids.size();) {
        const std::size_t end = std::min(ids.find(';', begin), ids.size());
        by_slide_[ids.substr(begin, end - begin)].insert(i);
        begin = end + 1;
      }
    }
  }
  const std::set<std::size_t>& find(const std::string& name) const {
    static const std::set<std::size_t> none;
    for (const auto* table : {&by_slide_, &by_case_})
      if (const auto found = table->find(name); found != table->end()) return found->second;
    return none;
  }

 private:
  std::map<std::string, std::set<std::size_t>> by_slide_, by_case_;
};

Names names_in_json(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  const auto json = nlohmann::json::parse(stream, nullptr, false);
  if (!json.is_object() || !json.contains("train_names")) refuse(path, "it holds no train_names");
  try {
    const auto list = [&](const char* key) { return json.value(key, std::vector<std::string>{}); };
    return {list("train_names"), list("val_names"), list("test_names")};
  } catch (const nlohmann::json::exception&) {
    refuse(path, "its names are not lists of texts");
  }
}

Names names_in_csv(const fs::path& path) {
  Names names;
  for (const slide::CsvRow& row : slide::read_csv(path, {"train"}))
    for (const auto& [column, part] : {std::pair{"train", &names.train}, {"val", &names.val}, {"test", &names.test}})
      if (const auto found = row.find(column); found != row.end() && !found->second.empty())
        part->push_back(found->second);
  return names;
}

bool has_columns(const fs::path& path, const std::vector<std::string>& columns) {
  try {
    slide::read_csv(path, columns);
    return true;
  } catch (const Error& error) {
    if (error.code() != ErrorCode::kCorrupt) throw;
    return false;
  }
}

/// splits_10 comes after splits_9. By-products such as splits_0_bool.csv are no splits.
std::vector<fs::path> files_in(const fs::path& folder) {
  std::map<std::pair<int, int>, fs::path> files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    for (const auto& [kind, prefix, suffix] : {std::tuple{0, "splits_", ".csv"}, {1, "split_", ".json"}}) {
      const std::string head = prefix, tail = suffix;
      if (name.size() <= head.size() + tail.size() || name.rfind(head, 0) != 0 || !name.ends_with(tail)) continue;
      const std::string number = name.substr(head.size(), name.size() - head.size() - tail.size());
      if (number.size() < 6 && number.find_first_not_of("0123456789") == std::string::npos)
        files[{kind, std::stoi(number)}] = entry.path();
    }
  }
  std::vector<fs::path> sorted;
  for (auto& [key, file] : files)
    if (key.first == files.begin()->first.first) sorted.push_back(file);
  return sorted;
}

std::string count_text(std::size_t count, const std::string& what) {
  return std::to_string(count) + " " + what;
}

/// A fold of the table is the test part of a split; validation is not drawn here, the others train.
Splits from_fold_table(const fs::path& path, const std::string& id, const std::vector<Item>& items) {
  const Finder finder(items);
  std::map<std::string, std::set<std::size_t>> folds;
  std::set<std::size_t> named;
  for (const slide::CsvRow& row : slide::read_csv(path, {id, "fold"})) {
    const auto& found = finder.find(row.at(id));
    folds[row.at("fold")].insert(found.begin(), found.end());
    named.insert(found.begin(), found.end());
  }
  std::vector<std::pair<std::string, std::set<std::size_t>>> ordered(folds.begin(), folds.end());
  std::stable_sort(ordered.begin(), ordered.end(),
                   [](const auto& a, const auto& b) { return a.first.size() < b.first.size(); });
  Splits splits;
  for (const auto& [name, members] : ordered) {
    if (members.empty()) continue;
    Split& split = splits.folds.emplace_back();
    for (const std::size_t item : named) (members.contains(item) ? split.test : split.train).push_back(item);
  }
  if (named.size() < items.size())
    splits.notices.push_back(count_text(items.size() - named.size(), "bags are in no fold and are not used."));
  return splits;
}

void add_part(const std::vector<std::string>& names, const Finder& finder, std::vector<std::size_t>& part,
              std::size_t& missing) {
  std::set<std::size_t> found;
  for (const std::string& name : names) {
    const auto& items = finder.find(name);
    missing += items.empty();
    found.insert(items.begin(), items.end());
  }
  part.assign(found.begin(), found.end());
}

}  // namespace

Splits given_splits(const fs::path& path, const std::vector<Item>& items) {
  std::error_code ignored;
  if (!fs::exists(path, ignored))
    throw Error(ErrorCode::kNotFound, path.string(), "there are no such splits", "Check --splits.");
  const bool folder = fs::is_directory(path);
  if (!folder && path.extension() == ".csv")
    for (const char* id : {"slide_id", "bag_id", "case_id"})
      if (has_columns(path, {id, "fold"})) return from_fold_table(path, id, items);
  const std::vector<fs::path> files = folder ? files_in(path) : std::vector<fs::path>{path};
  if (files.empty()) refuse(path, "the folder holds no splits");
  const Finder finder(items);
  Splits splits;
  for (const fs::path& file : files) {
    if (file.extension() != ".json" && !has_columns(file, {"train"})) refuse(file, "it has no column train");
    const Names names = file.extension() == ".json" ? names_in_json(file) : names_in_csv(file);
    Split& split = splits.folds.emplace_back();
    std::size_t missing = 0;
    add_part(names.train, finder, split.train, missing);
    add_part(names.val, finder, split.val, missing);
    add_part(names.test, finder, split.test, missing);
    if (missing > 0)
      splits.notices.push_back(file.filename().string() + ": " +
                               count_text(missing, "of its slides are not among the bags and are left out."));
    const std::size_t used = split.train.size() + split.val.size() + split.test.size();
    if (used < items.size())
      splits.notices.push_back(file.filename().string() + ": " +
                               count_text(items.size() - used, "bags are in none of its parts and are not used."));
  }
  return splits;
}

}  // namespace fovea::pipeline::mil
