#include "mri/training/cases.h"

#include <algorithm>
#include <cctype>
#include <set>

#include <fovea/base/error.h>

#include "mil/splits.h"
#include "problems.h"
#include "lower_case.h"
#include "slide/csv_table.h"

namespace fovea::pipeline::mri::training {
namespace {

namespace fs = std::filesystem;

std::string cell(const slide::CsvRow& row, const char* column) {
  const auto found = row.find(column);
  return found == row.end() ? std::string{} : found->second;
}

/// Ids name files of the run.
bool plain_id(const std::string& id) {
  return !id.empty() && id != "." && id != ".." && id.find_first_of("/\\\n\r") == std::string::npos;
}

class Problems {
 public:
  explicit Problems(std::string subject) : subject_(std::move(subject)) {}
  void add(std::size_t row, const std::string& problem) {
    if (++count_ <= kShown) lines_.push_back("line " + std::to_string(row + 2) + " " + problem);
  }
  void refuse() const {
    if (count_ == 0) return;
    const std::string more = count_ > kShown ? ", and " + std::to_string(count_ - kShown) + " more" : "";
    throw Error(ErrorCode::kUsage, subject_, joined(lines_, "; ") + more, "Correct the table.");
  }

 private:
  static constexpr std::size_t kShown = 10;
  std::string subject_;
  std::vector<std::string> lines_;
  std::size_t count_ = 0;
};

void take_groups(Case& each, const slide::CsvRow& row) {
  each.patient = cell(row, "patient"), each.split = cell(row, "split"), each.fold = cell(row, "fold");
  each.centre = cell(row, "centre");
  if (each.patient.empty()) each.patient = each.id;
}

bool known_class(const Recipe& recipe, const std::string& name) {
  return std::find(recipe.classes.begin(), recipe.classes.end(), name) != recipe.classes.end();
}

void refuse_empty(const std::vector<Case>& cases, const std::string& subject, const std::string& remedy) {
  if (cases.empty()) throw Error(ErrorCode::kUsage, subject, "no case in it can be used", remedy);
}

}  // namespace

bool is_picture(const fs::path& path) {
  const std::string extension = lower_case(path.extension().string());
  return extension == ".png" || extension == ".jpg" || extension == ".jpeg" || extension == ".tif";
}

std::vector<Case> read_cases(const fs::path& table, const Recipe& recipe) {
  const std::vector<std::string> columns = slide::csv_columns(table);
  const auto has = [&](const std::string& name) {
    return std::find(columns.begin(), columns.end(), name) != columns.end();
  };
  const char* id_column = has("case") ? "case" : "id";
  std::vector<std::string> required{id_column, "label"};
  if (recipe.modalities.size() == 1) required.push_back(recipe.modalities.front());
  const std::vector<slide::CsvRow> rows = slide::read_csv(table, required);
  Problems problems(table.filename().string());
  std::vector<Case> cases;
  std::set<std::string> ids;
  const auto file = [&](const std::string& text, std::size_t row) {
    const fs::path path = text.empty() ? fs::path{} : table.parent_path() / text;
    std::error_code ignored;
    if (!path.empty() && !fs::exists(path, ignored)) problems.add(row, "names a file that does not exist");
    return path;
  };
  for (std::size_t r = 0; r < rows.size(); ++r) {
    Case each;
    each.id = cell(rows[r], id_column);
    if (!plain_id(each.id)) problems.add(r, "has a case that is no name for a file");
    if (!ids.insert(each.id).second) problems.add(r, "names a case again");
    bool any = false;
    for (const std::string& modality : recipe.modalities) {
      each.images.push_back(file(cell(rows[r], modality.c_str()), r));
      any = any || !each.images.back().empty();
    }
    if (!any) problems.add(r, "has no image");
    each.label = file(cell(rows[r], "label"), r);
    if (each.label.empty()) problems.add(r, "has no label");
    each.class_name = cell(rows[r], "class");
    if (any && is_picture(each.label) && each.class_name.empty()) each.class_name = recipe.classes.front();
    if (is_picture(each.label) && !known_class(recipe, each.class_name)) continue;
    take_groups(each, rows[r]);
    cases.push_back(std::move(each));
  }
  problems.refuse();
  refuse_empty(cases, table.filename().string(), "List one case a line.");
  return cases;
}

std::vector<Case> read_slice_folder(const fs::path& folder, const Recipe& recipe) {
  if (recipe.modalities.size() != 1)
    throw Error(ErrorCode::kUsage, "--slices", "a folder of slices has one modality, the recipe several",
                "List the cases in a table (--cases).");
  const fs::path index = folder / "index.csv";
  std::error_code ignored;
  if (!fs::is_regular_file(index, ignored))
    throw Error(ErrorCode::kNotFound, index.string(), "the list of slices cannot be read",
                "Give a folder with index.csv, images/ and masks/.");
  const std::vector<slide::CsvRow> rows = slide::read_csv(index, {"id", "class"});
  Problems problems(index.string());
  std::set<std::string> seen;
  std::vector<Case> cases;
  for (std::size_t r = 0; r < rows.size(); ++r) {
    Case each;
    each.id = cell(rows[r], "id"), each.class_name = cell(rows[r], "class");
    seen.insert(each.class_name);
    if (!plain_id(each.id)) problems.add(r, "has an id that is no file name");
    if (!known_class(recipe, each.class_name)) continue;
    each.images = {folder / "images" / (each.id + ".png")}, each.label = folder / "masks" / (each.id + ".png");
    take_groups(each, rows[r]);
    cases.push_back(std::move(each));
  }
  problems.refuse();
  refuse_empty(cases, index.string(),
               "Its classes are: " + joined({seen.begin(), seen.end()}, ", ") + "; the recipe wants " +
                   joined(recipe.classes, ", ") + ".");
  return cases;
}

namespace {

/// Drawing is the MIL trainer's: patients stay whole, classes are spread evenly.
std::vector<Fold> drawn(const std::vector<Case>& cases, const FoldOptions& options, std::vector<std::string>& notices) {
  std::vector<mil::Item> items;
  for (const Case& each : cases) {
    mil::Item item;
    item.case_id = each.patient, item.slide_id = each.id, item.label = each.class_name, item.split = each.split;
    items.push_back(std::move(item));
  }
  mil::SplitOptions split;
  split.folds = options.folds, split.seed = options.seed;
  split.val_share = options.val_share, split.test_share = options.test_share;
  const mil::Splits splits = mil::make_splits(items, split);
  notices.insert(notices.end(), splits.notices.begin(), splits.notices.end());
  std::vector<Fold> folds;
  for (std::size_t i = 0; i < splits.folds.size(); ++i)
    folds.push_back({std::to_string(i), splits.folds[i].train, splits.folds[i].val, splits.folds[i].test});
  return folds;
}

Fold by_fold(const std::vector<Case>& cases, const FoldOptions& options) {
  Fold fold;
  fold.name = options.val_fold;
  for (std::size_t i = 0; i < cases.size(); ++i) {
    if (cases[i].fold == options.val_fold)
      fold.val.push_back(i);
    else if (!options.test_fold.empty() && cases[i].fold == options.test_fold)
      fold.test.push_back(i);
    else
      fold.train.push_back(i);
  }
  if (fold.val.empty())
    throw Error(ErrorCode::kUsage, "--val-fold", "no case is of fold '" + options.val_fold + "'",
                "Check the column fold of the table.");
  return fold;
}

void check(const std::vector<Case>& cases, const Fold& fold) {
  if (fold.train.empty())
    throw Error(ErrorCode::kUsage, "mri train", "no case is left to train on", "Check the splits and shares.");
  std::map<std::string, const std::vector<std::size_t>*> part_of;
  for (const auto* part : {&fold.train, &fold.val, &fold.test})
    for (const std::size_t i : *part)
      if (part_of.try_emplace(cases[i].patient, part).first->second != part)
        throw Error(ErrorCode::kUsage, "mri train", "cases of one patient are in two parts of a split",
                    "Give all cases of a patient to one part.");
}

}  // namespace

std::vector<Fold> make_folds(const std::vector<Case>& cases, const FoldOptions& options,
                             std::vector<std::string>& notices) {
  std::vector<Fold> folds =
      options.val_fold.empty() ? drawn(cases, options, notices) : std::vector<Fold>{by_fold(cases, options)};
  for (const Fold& fold : folds) check(cases, fold);
  return folds;
}

std::string fold_csv(const std::vector<Case>& cases, const Fold& fold) {
  std::string text = "case,part\n";
  for (const auto& [part, name] : {std::pair{&fold.train, "train"}, {&fold.val, "val"}, {&fold.test, "test"}})
    for (const std::size_t i : *part) text += slide::csv_cell(cases[i].id) + "," + name + "\n";
  return text;
}

}  // namespace fovea::pipeline::mri::training
