#include "mil/prediction_log.h"

#include <algorithm>
#include <map>
#include <sstream>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

#include "mil/bag_prediction.h"
#include "slide/csv_table.h"
#include "slide/words.h"

namespace fovea::pipeline::mil {
namespace {

namespace fs = std::filesystem;
constexpr const char *kRows = "predictions.unfinished.csv", *kMasses = "concentration.unfinished.csv",
                     *kFingerprint = "unfinished.fingerprint";

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
    io::write_file(path(kMasses), kConcentrationHeader);
  }
  rows_.open(path(kRows), std::ios::app | std::ios::binary);
  concentration_.open(path(kMasses), std::ios::app | std::ios::binary);
}

void PredictionLog::add(const evaluation::PredictionRow& row, const std::vector<double>& concentration) {
  append(concentration_, concentration_lines(row.slide_id, concentration),
         path(kMasses));  // first: a row is what says that a bag is done
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
  std::string concentration = kConcentrationHeader;
  for (const auto& [key, mass] : masses)
    concentration += slide::csv_cell(key.first) + "," + std::to_string(key.second) + "," + mass + "\n";
  io::write_file(path("concentration.csv"), concentration);
  evaluation::write_predictions(path("predictions.csv"), table);
  for (const char* name : {kRows, kMasses, kFingerprint}) fs::remove(path(name));
  return {path("predictions.csv"), path("concentration.csv")};
}

}  // namespace fovea::pipeline::mil
