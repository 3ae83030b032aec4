#include "mil/splits.h"

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <utility>

#include <fovea/base/error.h>

#include "mil/given_splits.h"
#include "slide/random_source.h"

namespace fovea::pipeline::mil {
namespace {

using Cases = std::map<std::string, std::vector<std::size_t>>;  ///< case_id -> items

Cases cases_of(const std::vector<Item>& items) {
  Cases cases;
  for (std::size_t i = 0; i < items.size(); ++i) cases[items[i].case_id].push_back(i);
  return cases;
}

/// What stratification holds equal: the class, the combination of classes, whether there was an event; nothing for
/// values, whose quarters are made below.
std::string stratum_of(const Item& item) {
  std::string key = std::to_string(item.target.label) + (item.target.event ? "e" : "");
  for (const float present : item.target.present) key += present > 0 ? '1' : '0';
  return key;
}

/// The names of the cases of every stratum, shuffled.
std::vector<std::vector<std::string>> strata_of(const std::vector<Item>& items, const Cases& cases,
                                                const std::vector<std::string>& names, std::uint64_t seed) {
  std::vector<double> values;
  for (const std::string& name : names) values.push_back(items[cases.at(name).front()].target.value);
  std::vector<double> sorted = values;
  std::sort(sorted.begin(), sorted.end());
  std::map<std::string, std::vector<std::string>> strata;
  for (std::size_t i = 0; i < names.size(); ++i) {
    std::string key;
    for (const std::size_t item : cases.at(names[i])) key = std::max(key, stratum_of(items[item]));
    const auto below = std::lower_bound(sorted.begin(), sorted.end(), values[i]) - sorted.begin();
    strata[key + "/" + std::to_string(4 * below / static_cast<std::ptrdiff_t>(sorted.size()))].push_back(names[i]);
  }
  slide::RandomSource random(seed);
  std::vector<std::vector<std::string>> shuffled;
  for (auto& [key, members] : strata) {
    random.shuffle(members);
    shuffled.push_back(std::move(members));
  }
  return shuffled;
}

std::vector<std::string> names_of(const Cases& cases) {
  std::vector<std::string> names;
  for (const auto& [name, items] : cases) names.push_back(name);
  return names;
}

/// A share of every stratum, never all of it.
std::set<std::string> drawn(const std::vector<Item>& items, const Cases& cases, const std::vector<std::string>& names,
                            double share, std::uint64_t seed) {
  std::set<std::string> chosen;
  if (!(share > 0) || names.empty()) return chosen;
  for (const auto& members : strata_of(items, cases, names, seed)) {
    const auto wanted = static_cast<std::size_t>(std::llround(share * static_cast<double>(members.size())));
    const std::size_t count = std::min(wanted, members.size() - 1);
    chosen.insert(members.begin(), members.begin() + static_cast<std::ptrdiff_t>(count));
  }
  return chosen;
}

/// The rest of the test cases: some for validation, the others for training.
Split with_validation(const std::vector<Item>& items, const Cases& cases, const std::set<std::string>& test,
                      const SplitOptions& options, std::uint64_t seed) {
  std::vector<std::string> rest;
  for (const auto& [name, members] : cases)
    if (!test.contains(name)) rest.push_back(name);
  const std::set<std::string> val = drawn(items, cases, rest, options.val_share, seed);
  Split split;
  for (std::size_t i = 0; i < items.size(); ++i)
    (test.contains(items[i].case_id)  ? split.test
     : val.contains(items[i].case_id) ? split.val
                                      : split.train)
        .push_back(i);
  return split;
}

std::vector<Split> drawn_folds(const std::vector<Item>& items, const Cases& cases, const SplitOptions& options) {
  if (cases.size() < static_cast<std::size_t>(options.folds))
    throw Error(
        ErrorCode::kUsage, "--folds",
        std::to_string(cases.size()) + " patients cannot be dealt to " + std::to_string(options.folds) + " folds",
        "Choose fewer folds.");
  std::vector<std::set<std::string>> tests(static_cast<std::size_t>(options.folds));
  std::size_t next = 0;
  for (const auto& members : strata_of(items, cases, names_of(cases), options.seed))
    for (const std::string& name : members) tests[next++ % tests.size()].insert(name);
  std::vector<Split> folds;
  for (std::size_t fold = 0; fold < tests.size(); ++fold)
    folds.push_back(with_validation(items, cases, tests[fold], options, options.seed + 1000 * (fold + 1)));
  return folds;
}

Split by_column(const std::vector<Item>& items, std::vector<std::string>& notices) {
  Split split;
  std::size_t unnamed = 0;
  for (std::size_t i = 0; i < items.size(); ++i) {
    const std::string& part = items[i].split;
    if (part == "train" || part == "training")
      split.train.push_back(i);
    else if (part == "val" || part == "valid" || part == "validation")
      split.val.push_back(i);
    else if (part == "test" || part == "testing")
      split.test.push_back(i);
    else
      ++unnamed;
  }
  if (unnamed > 0)
    notices.push_back(std::to_string(unnamed) + " slides whose split is none of train, val, test are not used.");
  return split;
}

Split by_centre(const std::vector<Item>& items, const Cases& cases, const SplitOptions& options) {
  const std::set<std::string> centres(options.test_centres.begin(), options.test_centres.end());
  std::set<std::string> test, known;
  for (const Item& item : items) {
    known.insert(item.centre);
    if (centres.contains(item.centre)) test.insert(item.case_id);
  }
  for (const std::string& centre : centres)
    if (!known.contains(centre))
      throw Error(ErrorCode::kUsage, "--test-centres", "no slide is of the centre '" + centre + "'",
                  "Check the column centre of the labels.");
  return with_validation(items, cases, test, options, options.seed + 1);
}

void check(const std::vector<Item>& items, const std::vector<Split>& folds) {
  for (std::size_t fold = 0; fold < folds.size(); ++fold) {
    const Split& split = folds[fold];
    const std::string subject = "split " + std::to_string(fold);
    if (split.train.empty())
      throw Error(ErrorCode::kUsage, subject, "no slide is left to train on", "Check the splits and shares.");
    std::map<std::string, int> part_of;
    for (const auto& [number, part] : {std::pair{0, &split.train}, {1, &split.val}, {2, &split.test}})
      for (const std::size_t index : *part)
        if (part_of.try_emplace(items[index].case_id, number).first->second != number)
          throw Error(ErrorCode::kUsage, subject, "slides of one patient are in two of its parts",
                      "Give all slides of a case_id to one part.");
  }
}

/// Figures of a class with so few patients mean little, and some folds have none of it.
void warn_of_rare_classes(const std::vector<Item>& items, std::size_t folds, std::vector<std::string>& notices) {
  std::map<std::string, std::set<std::string>> cases;
  for (const Item& item : items)
    if (item.target.label >= 0) cases[item.label].insert(item.case_id);
  for (const auto& [label, members] : cases)
    if (members.size() < std::max<std::size_t>(folds, 3))
      notices.push_back("Class '" + label + "' has " + std::to_string(members.size()) +
                        (members.size() == 1 ? " patient" : " patients") +
                        ": not every part can have one, and its figures mean little.");
}

}  // namespace

Splits make_splits(const std::vector<Item>& items, const SplitOptions& options) {
  const Cases cases = cases_of(items);
  const bool column = std::any_of(items.begin(), items.end(), [](const Item& item) { return !item.split.empty(); });
  Splits splits;
  if (!options.splits.empty())
    splits = given_splits(options.splits, items);
  else if (options.folds > 1)
    splits.folds = drawn_folds(items, cases, options);
  else if (!options.test_centres.empty())
    splits.folds = {by_centre(items, cases, options)};
  else if (column)
    splits.folds = {by_column(items, splits.notices)};
  else
    splits.folds = {with_validation(items, cases,
                                    drawn(items, cases, names_of(cases), options.test_share, options.seed), options,
                                    options.seed + 1)};
  check(items, splits.folds);
  warn_of_rare_classes(items, splits.folds.size(), splits.notices);
  return splits;
}

std::string split_csv(const std::vector<Item>& items, const Split& split) {
  std::string text = ",train,val,test\n";
  const std::size_t rows = std::max({split.train.size(), split.val.size(), split.test.size()});
  const auto cell = [&](const std::vector<std::size_t>& part, std::size_t row) {
    if (row >= part.size()) return std::string{};
    const std::string& id = items[part[row]].slide_id;
    if (id.find_first_of(",\"") == std::string::npos) return id;
    std::string quoted = "\"";
    for (const char c : id) quoted += c == '"' ? "\"\"" : std::string(1, c);
    return quoted + '"';
  };
  for (std::size_t row = 0; row < rows; ++row)
    text += std::to_string(row) + "," + cell(split.train, row) + "," + cell(split.val, row) + "," +
            cell(split.test, row) + "\n";
  return text;
}

}  // namespace fovea::pipeline::mil
