#include "mil/data_set.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include <fovea/base/error.h>
#include <fovea/io/bag.h>

#include "mil/bag_files.h"
#include "mil/csv_bags.h"
#include "slide/csv_table.h"

namespace fovea::pipeline::mil {
namespace {

using evaluation::Task;

std::optional<double> as_number(const std::string& text) {
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size() || !std::isfinite(value)) return {};
  return value;
}

bool by_number(const std::string& a, const std::string& b) {
  const auto x = as_number(a), y = as_number(b);
  if (x && y && *x != *y) return *x < *y;
  return x.has_value() != y.has_value() ? x.has_value() : a < b;
}

std::vector<std::string> names_in(const std::string& label) {
  std::vector<std::string> names;
  for (std::size_t begin = 0; begin <= label.size();) {
    const std::size_t end = std::min(label.find(';', begin), label.size());
    if (end > begin) names.push_back(label.substr(begin, end - begin));
    begin = end + 1;
  }
  return names;
}

std::string cell(const slide::CsvRow& row, std::initializer_list<const char*> names) {
  for (const char* name : names)
    if (const auto found = row.find(name); found != row.end()) return found->second;
  return {};
}

/// What the table says, before anything is known about files and classes.
std::vector<Item> table_items(const std::filesystem::path& labels, const Recipe& recipe,
                              std::vector<LeftOut>& left_out) {
  const bool survival = recipe.task == Task::kSurvival;
  std::vector<std::string> required{"slide_id"};
  for (const char* name : {"time", "event"})
    if (survival) required.emplace_back(name);
  if (!survival) required.emplace_back("label");
  std::vector<Item> items;
  std::set<std::string> seen;
  for (const slide::CsvRow& row : slide::read_csv(labels, required)) {
    Item item;
    item.slide_id = row.at("slide_id");
    item.case_id = cell(row, {"case_id"});
    if (item.case_id.empty()) item.case_id = item.slide_id;
    item.split = cell(row, {"split"}), item.centre = cell(row, {"centre", "center"});
    item.label = cell(row, {"label"});
    const auto leave_out = [&](const std::string& reason) { left_out.push_back({item.slide_id, reason}); };
    if (item.slide_id.empty()) {
      leave_out("the row names no slide");
      continue;
    }
    if (!seen.insert(item.slide_id).second) {
      leave_out("the table names it more than once; its first row was taken");
      continue;
    }
    if (survival) {
      const auto time = as_number(row.at("time"));
      const std::string& event = row.at("event");
      if (!time || *time < 0 || (event != "0" && event != "1")) {
        leave_out("time is no number from 0, or event is neither 0 nor 1");
        continue;
      }
      item.target.time = *time, item.target.event = event == "1";
    } else if (item.label.empty() && recipe.task != Task::kMultiLabel) {
      leave_out("no label");
      continue;
    } else if (recipe.task == Task::kRegression) {
      const auto value = as_number(item.label);
      if (!value) {
        leave_out("the label is no number");
        continue;
      }
      item.target.value = *value;
    }
    items.push_back(std::move(item));
  }
  return items;
}

/// Labels that the bags store themselves.
std::vector<Item> stored_items(const std::map<std::string, BagFile>& files, std::vector<LeftOut>& left_out) {
  std::vector<Item> items;
  std::map<std::string, CsvBag> table;
  for (const auto& [name, file] : files) {
    Item item;
    item.case_id = item.slide_id = name;
    if (is_csv_bags(file.file)) {
      if (table.empty()) table = read_csv_bags(file.file);
      item.label = table.at(name).label;
    } else if (const auto label = io::read_bag(file.file, file.key).label) {
      item.label = std::to_string(*label);
    } else {
      left_out.push_back({name, "no label"});
      continue;
    }
    items.push_back(std::move(item));
  }
  return items;
}

void join_files(std::vector<Item>& items, const std::map<std::string, BagFile>& files, bool report_unlabelled,
                std::vector<LeftOut>& left_out) {
  std::set<std::string> named;
  std::vector<Item> kept;
  for (Item& item : items) {
    named.insert(item.slide_id);
    if (const auto found = files.find(item.slide_id); found != files.end()) {
      item.parts = {found->second};
      kept.push_back(std::move(item));
    } else {
      left_out.push_back({item.slide_id, "no features"});
    }
  }
  items = std::move(kept);
  if (!report_unlabelled) return;
  for (const auto& [name, file] : files)
    if (!named.contains(name)) left_out.push_back({name, "no label"});
}

std::vector<std::string> classes_of(const std::vector<Item>& items, const Recipe& recipe) {
  if (!recipe.classes.empty()) return recipe.classes;
  std::set<std::string, decltype(&by_number)> names(&by_number);
  for (const Item& item : items) {
    if (recipe.task == Task::kClassification) names.insert(item.label);
    if (recipe.task == Task::kMultiLabel)
      for (const std::string& name : names_in(item.label)) names.insert(name);
  }
  return {names.begin(), names.end()};
}

std::optional<std::size_t> index_of(const std::vector<std::string>& classes, const std::string& name) {
  const auto found = std::find(classes.begin(), classes.end(), name);
  return found == classes.end() ? std::nullopt : std::optional<std::size_t>(found - classes.begin());
}

/// False when the label names a class that is none.
bool number_label(Item& item, const std::vector<std::string>& classes, Task task) {
  if (task == Task::kClassification) {
    const auto index = index_of(classes, item.label);
    if (index) item.target.label = static_cast<std::int64_t>(*index);
    return index.has_value();
  }
  if (task != Task::kMultiLabel) return true;
  item.target.present.assign(classes.size(), 0);
  for (const std::string& name : names_in(item.label)) {
    const auto index = index_of(classes, name);
    if (!index) return false;
    item.target.present[*index] = 1;
  }
  return true;
}

void number_labels(DataSet& set, Task task) {
  std::vector<Item> kept;
  for (Item& item : set.items) {
    if (number_label(item, set.classes, task))
      kept.push_back(std::move(item));
    else
      set.left_out.push_back({item.slide_id, "unknown class '" + item.label + "'"});
  }
  set.items = std::move(kept);
}

void require_enough(const DataSet& set, Task task, const std::string& subject) {
  if (set.items.size() < 2)
    throw Error(ErrorCode::kUsage, subject,
                "only " + std::to_string(set.items.size()) + " of its slides can be used" +
                    (set.left_out.empty() ? "" : " (the first that cannot: " + set.left_out.front().reason + ")"),
                "Check that slide_id is the name of the feature file without its extension.");
  if (task == Task::kClassification && set.classes.size() < 2)
    throw Error(ErrorCode::kUsage, subject, "there is only one class", "Training needs bags of two classes or more.");
  if (task == Task::kMultiLabel && set.classes.empty())
    throw Error(ErrorCode::kUsage, subject, "no row names a class", "Join the names of a slide's classes by ';'.");
}

/// The patient's label is the largest; multi-label: everything that is present on a slide of the patient.
Target merged(const Target& a, const Target& b) {
  Target both = a.label >= b.label ? a : b;
  for (std::size_t i = 0; i < std::min(a.present.size(), b.present.size()); ++i)
    both.present[i] = std::max(a.present[i], b.present[i]);
  both.value = std::max(a.value, b.value);
  return both;
}

std::string label_of(const Target& target, const std::string& given, const std::vector<std::string>& classes) {
  if (target.label >= 0) return classes[static_cast<std::size_t>(target.label)];
  if (target.present.empty()) return given;
  std::string names;
  for (std::size_t i = 0; i < classes.size(); ++i)
    if (target.present[i] > 0) names += (names.empty() ? "" : ";") + classes[i];
  return names;
}

}  // namespace

DataSet read_data_set(const std::filesystem::path& bags, const std::filesystem::path& labels, const Recipe& recipe) {
  const auto files = find_bags(bags);
  if (labels.empty() && recipe.task != Task::kClassification)
    throw Error(ErrorCode::kUsage, "--labels", "this task needs a table of labels", "Pass --labels.");
  DataSet set;
  set.items = labels.empty() ? stored_items(files, set.left_out) : table_items(labels, recipe, set.left_out);
  join_files(set.items, files, !labels.empty(), set.left_out);
  set.classes = classes_of(set.items, recipe);
  number_labels(set, recipe.task);
  require_enough(set, recipe.task, labels.empty() ? bags.filename().string() : labels.filename().string());
  return set;
}

std::vector<Item> per_patient(std::vector<Item> items, const Recipe& recipe, const std::vector<std::string>& classes) {
  if (recipe.patients == Patients::kSeparate) return items;
  std::map<std::string, Target> targets;
  for (const Item& item : items) {
    const auto [at, is_new] = targets.try_emplace(item.case_id, item.target);
    if (!is_new) at->second = merged(at->second, item.target);
  }
  for (Item& item : items) {
    item.target = targets.at(item.case_id);
    item.label = label_of(item.target, item.label, classes);
  }
  if (recipe.patients == Patients::kMaximum) return items;
  std::map<std::string, std::size_t> place;
  std::vector<Item> joined;
  for (Item& item : items) {
    const auto [at, is_new] = place.try_emplace(item.case_id, joined.size());
    if (is_new) {
      joined.push_back(std::move(item));
      continue;
    }
    Item& patient = joined[at->second];
    patient.slide_id += ";" + item.slide_id;
    patient.parts.insert(patient.parts.end(), item.parts.begin(), item.parts.end());
  }
  return joined;
}

}  // namespace fovea::pipeline::mil
