#include "batch/manifest.h"

#include <algorithm>
#include <cctype>
#include <set>
#include <span>
#include <utility>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/hash.h>

#include "jobs/value_text.h"
#include "nearest_name.h"
#include "problems.h"
#include "slide/csv_table.h"

namespace fovea::pipeline::batch {
namespace {

namespace fs = std::filesystem;
using slide::CsvTable;

constexpr const char* kCaseColumn = "case";
constexpr const char* kJobColumn = "job";
constexpr std::size_t kProblemsShown = 100, kLongestName = 80;

const Parameter* parameter_of(const JobKind& kind, const std::string& name) {
  const auto found = std::find_if(kind.parameters.begin(), kind.parameters.end(),
                                  [&](const Parameter& parameter) { return parameter.name == name; });
  return found == kind.parameters.end() ? nullptr : &*found;
}

const JobKind* find_kind(const std::string& name) {
  for (const JobKind& kind : job_kinds())
    if (kind.name == name && name != "batch") return &kind;  // a batch of batches would share no leases
  return nullptr;
}

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t"), last = text.find_last_not_of(" \t");
  return first == std::string::npos ? std::string{} : text.substr(first, last - first + 1);
}

std::string absolute_in(const fs::path& folder, const std::string& path) {
  return (folder / path).lexically_normal().string();
}

/// Requests and results are JSON, which holds nothing else.
bool is_utf8(const std::string& text) {
  try {
    return !nlohmann::json(text).dump().empty();
  } catch (const nlohmann::json::exception&) {
    return false;
  }
}

struct Given {
  std::string text;
  fs::path folder;  ///< that relative paths count from
};
using Values = std::map<std::string, Given>;

class Reader {
 public:
  explicit Reader(const ManifestOptions& options)
      : options_(options),
        table_(slide::read_csv_table(options.manifest)),
        folder_(fs::absolute(options.manifest).parent_path()) {}

  std::vector<Case> cases() {
    check_columns();
    for (const CsvTable::Row& row : table_.rows) {
      Case item;
      item.line = row.line;
      if (read(row, item)) cases_.push_back(std::move(item));
    }
    if (cases_.empty() && problems_.empty()) problem(1, "the manifest has no cases");
    refuse();
    return std::move(cases_);
  }

 private:
  void problem(std::int64_t line, const std::string& words) {
    if (problems_.size() < kProblemsShown) problems_.push_back("line " + std::to_string(line) + ": " + words);
    ++problem_count_;
  }

  void check_columns() {
    std::set<std::string> met;
    for (std::string& column : table_.columns) {
      column = trimmed(column);
      if (!is_utf8(column)) column.clear(), problem(1, "a column's name is no UTF-8 text; save the table as UTF-8");
      if (!met.insert(column).second) problem(1, "the column '" + column + "' comes twice");
    }
    if (table_.open_quote > 0) problem(table_.open_quote, "a quote is opened and never closed");
    if (met.count(kJobColumn) == 0 && options_.job.empty())
      problem(1, "there is no column 'job'; add it, or name the job of all rows with --job");
  }

  bool read(const CsvTable::Row& row, Case& item) {
    if (row.cells.size() > table_.columns.size()) {
      problem(row.line, "it has " + std::to_string(row.cells.size()) + " cells under " +
                            std::to_string(table_.columns.size()) + " columns");
      return false;
    }
    for (const std::string& cell : row.cells)
      if (!is_utf8(cell)) {
        problem(row.line, "it holds bytes that are no UTF-8 text; save the table as UTF-8");
        return false;
      }
    Values given;
    for (const auto& [key, text] : options_.fixed) given[key] = {text, fs::current_path()};
    std::string id, job = options_.job;
    for (std::size_t i = 0; i < row.cells.size(); ++i) {
      const std::string cell = trimmed(row.cells[i]);
      if (cell.empty()) continue;
      const std::string& column = table_.columns[i];
      if (column == kCaseColumn)
        id = cell;
      else if (column == kJobColumn)
        job = cell;
      else
        given[column] = {cell, folder_};
    }
    item.request.kind = job;
    const bool named = name(item, id, given);
    return fill(item, given) && named;
  }

  /// An id of the content is the same wherever the row moves to.
  bool name(Case& item, const std::string& id, const Values& given) {
    if (id.empty()) {
      std::string content = item.request.kind;
      for (const auto& [key, each] : given) content += '\n' + key + '\t' + each.text;
      item.id = "case-" + io::sha256(std::as_bytes(std::span(content))).substr(0, 12);
    } else if (!is_safe_name(id)) {
      problem(item.line, "its case id cannot be a file name (letters, digits, '.', '-' and '_', at most 80)");
      return false;
    } else {
      item.id = id;
    }
    const auto [found, fresh] = lines_.emplace(item.id, item.line);
    if (!fresh)
      problem(item.line,
              (id.empty() ? "it repeats line " : "its case id was given on line ") + std::to_string(found->second));
    return fresh;
  }

  bool fill(Case& item, const Values& given) {
    const JobKind* kind = find_kind(item.request.kind);
    if (!kind) {
      if (item.request.kind.empty())
        problem(item.line, "it names no job");
      else
        problem(item.line, "unknown job '" + item.request.kind + "'" + meant(item.request.kind, job_kinds()));
      return false;
    }
    const std::size_t before = problem_count_;
    for (const auto& [key, each] : given) add(*kind, item, key, each);
    if (problem_count_ > before) return false;
    try {
      JobValues(*kind, request_in(item, "."));
    } catch (const Error& error) {
      problem(item.line, error.problem());
      return false;
    }
    return true;
  }

  template <class Named>
  static std::string meant(const std::string& name, const Named& all) {
    std::vector<std::string> known;
    for (const auto& each : all) known.push_back(each.name);
    return " (did you mean '" + nearest_name(name, known) + "'?)";
  }

  void add(const JobKind& kind, Case& item, const std::string& key, const Given& given) {
    const Parameter* parameter = parameter_of(kind, key);
    if (!parameter) {
      // A column for another job of the same manifest is empty in this row, so this one is meant.
      problem(item.line, "'" + key + "' is not an option of " + kind.name + meant(key, kind.parameters));
      return;
    }
    if (parameter->type == ParameterType::kOutputFolder) {
      problem(item.line, "'" + key + "' is decided by the batch (OUT/cases/ID); leave it out");
      return;
    }
    if (parameter->type == ParameterType::kOutputFile && !is_safe_name(given.text)) {
      problem(item.line, "'" + key + "' must be a plain file name; it is written into OUT/cases/ID");
      return;
    }
    item.request.values[key] = value_of(*parameter, given);
  }

  static Value value_of(const Parameter& parameter, const Given& given) {
    if (parameter.type == ParameterType::kFile || parameter.type == ParameterType::kFolder)
      return absolute_in(given.folder, given.text);
    Value value = value_of_text(parameter, given.text);
    if (parameter.type == ParameterType::kFileList)
      for (std::string& path : std::get<std::vector<std::string>>(value)) path = absolute_in(given.folder, path);
    return value;
  }

  void refuse() const {
    if (problem_count_ == 0) return;
    std::string all = std::to_string(problem_count_) + (problem_count_ == 1 ? " problem" : " problems") + ":\n  " +
                      joined(problems_, "\n  ");
    if (problem_count_ > problems_.size())
      all += "\n  and " + std::to_string(problem_count_ - problems_.size()) + " more";
    throw Error(ErrorCode::kUsage, options_.manifest.filename().string(), all + "\nNothing was started",
                "Correct the manifest; fovea JOB --help lists a job's options.");
  }

  const ManifestOptions& options_;
  CsvTable table_;
  fs::path folder_;
  std::vector<Case> cases_;
  std::map<std::string, std::int64_t> lines_;
  std::vector<std::string> problems_;
  std::size_t problem_count_ = 0;
};

}  // namespace

bool is_safe_name(const std::string& name) {
  return !name.empty() && name.size() <= kLongestName && name.front() != '.' &&
         std::all_of(name.begin(), name.end(),
                     [](unsigned char c) { return c < 128 && (std::isalnum(c) || c == '.' || c == '-' || c == '_'); });
}

std::vector<Case> read_manifest(const ManifestOptions& options) {
  return Reader(options).cases();
}

JobRequest request_in(const Case& item, const fs::path& folder) {
  JobRequest request = item.request;
  for (const Parameter& parameter : job_kind(request.kind).parameters) {
    if (parameter.type == ParameterType::kOutputFolder) request.values[parameter.name] = folder.string();
    if (parameter.type != ParameterType::kOutputFile) continue;
    if (const auto found = request.values.find(parameter.name); found != request.values.end())
      found->second = (folder / std::get<std::string>(found->second)).string();
  }
  return request;
}

std::vector<Input> inputs_of(const JobRequest& request) {
  std::vector<Input> inputs;
  std::error_code ignored;
  for (const Parameter& parameter : job_kind(request.kind).parameters) {
    const auto found = request.values.find(parameter.name);
    if (found == request.values.end()) continue;
    const auto* text = std::get_if<std::string>(&found->second);
    // A text may name a file as well: an encoder is a name or a path.
    const bool file = parameter.type == ParameterType::kFile || parameter.type == ParameterType::kFolder ||
                      (parameter.type == ParameterType::kText && text && text->find('/') != std::string::npos &&
                       fs::exists(*text, ignored));
    if (text && file) inputs.push_back({parameter.name, *text});
    if (parameter.type == ParameterType::kFileList)
      for (const std::string& path : std::get<std::vector<std::string>>(found->second))
        inputs.push_back({parameter.name, path});
  }
  return inputs;
}

}  // namespace fovea::pipeline::batch
