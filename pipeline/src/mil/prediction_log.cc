#include "mil/prediction_log.h"

#include <algorithm>
#include <map>
#include <sstream>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

#include "slide/csv_table.h"
#include "slide/words.h"

namespace fovea::pipeline::mil {
namespace {

namespace fs = std::filesystem;
constexpr const char *kRows = "predictions.unfinished.csv", *kMasses = "concentration.unfinished.csv",
                     *kFingerprint = "unfinished.fingerprint";
constexpr const char* kMassHeader = "slide_id,k,mass\n";

std::string text_of(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  std::ostringstream text;
  text << stream.rdbuf();
  return text.str();
}

/// Without what an interruption left after the last line end.
void drop_half_line(const fs::path& path) {
  const std::string text = text_of(path);
  fs::resize_file(path, text.rfind('\n') == std::string::npos ? 0 : text.rfind('\n') + 1);
}

void append(std::ofstream& stream, const std::string& text, const fs::path& path) {
  stream << text << std::flush;
  if (!stream)
    throw Error(ErrorCode::kWriteFailed, path.filename().string(), "the disk did not take the last row",
                "Free some space and run again: finished bags are kept.");
}

}  // namespace

const std::vector<std::size_t>& concentration_steps() {
  static const std::vector<std::size_t> kSteps = [] {
    std::vector<std::size_t> steps;
    for (std::size_t k = 1; k <= 100; k += k < 20 ? 1 : 5) steps.push_back(k);
    return steps;
  }();
  return kSteps;
}

PredictionLog::PredictionLog(fs::path folder, const evaluation::PredictionTable& empty, const std::string& fingerprint)
    : folder_(std::move(folder)), shape_(empty) {
  const bool resumes =
      fs::exists(path(kRows)) && fs::exists(path(kMasses)) && text_of(path(kFingerprint)) == fingerprint;
  if (resumes) {
    drop_half_line(path(kRows)), drop_half_line(path(kMasses));
    for (const auto& row : slide::read_csv(path(kRows), {"slide_id"})) done_.insert(row.at("slide_id"));
    resumed_ = done_.size();
  } else {
    io::write_file(path(kFingerprint), fingerprint);
    io::write_file(path(kRows), evaluation::prediction_header(shape_));
    io::write_file(path(kMasses), kMassHeader);
  }
  rows_.open(path(kRows), std::ios::app | std::ios::binary);
  concentration_.open(path(kMasses), std::ios::app | std::ios::binary);
}

void PredictionLog::add(const evaluation::PredictionRow& row, const std::vector<double>& concentration) {
  std::string masses;
  for (std::size_t i = 0; i < concentration.size(); ++i)
    masses += slide::csv_cell(row.slide_id) + "," + std::to_string(concentration_steps()[i]) + "," +
              slide::number_text(concentration[i], 6) + "\n";
  append(concentration_, masses, path(kMasses));  // first: a row is what says that a bag is done
  append(rows_, evaluation::prediction_line(shape_, row), path(kRows));
  done_.insert(row.slide_id);
}

std::vector<fs::path> PredictionLog::finish(const evaluation::PredictionTable& empty) {
  rows_.close(), concentration_.close();
  evaluation::PredictionTable table = evaluation::read_predictions(path(kRows));
  table.task = empty.task;
  const auto by_slide = [](const auto& a, const auto& b) { return a.slide_id < b.slide_id; };
  std::stable_sort(table.rows.begin(), table.rows.end(), by_slide);
  // A bag that was interrupted between the two tables has its masses twice.
  std::map<std::pair<std::string, std::size_t>, std::string> masses;
  for (const auto& row : slide::read_csv(path(kMasses), {"slide_id", "k", "mass"}))
    if (done_.contains(row.at("slide_id"))) masses[{row.at("slide_id"), std::stoul(row.at("k"))}] = row.at("mass");
  std::string concentration = kMassHeader;
  for (const auto& [key, mass] : masses)
    concentration += slide::csv_cell(key.first) + "," + std::to_string(key.second) + "," + mass + "\n";
  io::write_file(path("concentration.csv"), concentration);
  evaluation::write_predictions(path("predictions.csv"), table);
  for (const char* name : {kRows, kMasses, kFingerprint}) fs::remove(path(name));
  return {path("predictions.csv"), path("concentration.csv")};
}

}  // namespace fovea::pipeline::mil
