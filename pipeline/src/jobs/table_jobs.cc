// `fovea models`, `fovea encoders`, `fovea formats`: the registries as tables.
#include "jobs.h"

#include <algorithm>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

#include <fovea/io/formats.h>
#include <fovea/models/encoder.h>
#include <fovea/models/mil.h>
#include <fovea/models/segmentation.h>

#include "model_store.h"
#include "slide/words.h"

namespace fovea::pipeline {
namespace {

using Row = std::vector<std::string>;

std::string text_table(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths(rows.front().size(), 0);
  for (const Row& row : rows)
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  std::string text;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i + 1 < row.size(); ++i) text += row[i] + std::string(widths[i] - row[i].size() + 2, ' ');
    text += row.back() + "\n";
  }
  return text;
}

JobResult table_result(const std::vector<Row>& rows) {
  nlohmann::json list = nlohmann::json::array();
  for (auto row = std::next(rows.begin()); row != rows.end(); ++row) {
    nlohmann::json object;
    for (std::size_t i = 0; i < row->size(); ++i) object[rows.front()[i]] = (*row)[i];
    list.push_back(object);
  }
  JobResult result;
  result.text = text_table(rows);
  result.json = list.dump(2);
  return result;
}

std::vector<Row> model_rows() {
  std::vector<Row> rows{{"name", "task", "defaults", "description", "source"}};
  for (const models::MilRow& row : models::mil_models())
    rows.push_back({std::string(row.name), "slide", std::string(row.parameters), std::string(row.description),
                    std::string(row.source)});
  for (const models::SegRow& row : models::seg_models())
    rows.push_back({std::string(row.name), "mri", std::string(row.parameters), std::string(row.description),
                    std::string(row.source)});
  return rows;
}

/// "0.485,0.456,0.406"
std::string colours_text(const std::array<double, 3>& values) {
  std::string text;
  for (const double value : values) text += (text.empty() ? "" : ",") + slide::number_text(value);
  return text;
}

std::vector<Row> encoder_rows() {
  std::vector<Row> rows{
      {"name", "dim", "tile_px", "input_px", "mpp", "mean", "std", "weights", "description", "licence"}};
  for (const models::EncoderRow& row : models::encoders()) {
    const bool found = find_encoder_weights(std::string(row.name)).has_value();
    std::string mpp = std::to_string(row.info.mpp);
    mpp.resize(4);
    rows.push_back({std::string(row.name), std::to_string(row.info.dim), std::to_string(row.info.tile_px),
                    std::to_string(row.info.network_px()), mpp, colours_text(row.info.mean), colours_text(row.info.std),
                    found ? "installed" : "not found", std::string(row.description), std::string(row.licence)});
  }
  return rows;
}

std::vector<Row> format_rows() {
  std::vector<Row> rows{{"kind", "direction", "name", "extensions", "note"}};
  for (const io::FormatRow& row : io::formats())
    rows.push_back({std::string(row.kind), std::string(row.direction), std::string(row.name),
                    std::string(row.extensions), std::string(row.note)});
  return rows;
}

template <class Rows>
JobKind table_kind(std::string name, std::string summary, Rows rows) {
  JobKind kind;
  kind.name = std::move(name);
  kind.details = summary + ".";
  kind.summary = std::move(summary);
  kind.run = [rows](const JobValues&, const ProgressSink&, std::stop_token) { return table_result(rows()); };
  return kind;
}

}  // namespace

JobKind models_job() {
  return table_kind("models", "List the network architectures this program knows", model_rows);
}
JobKind encoders_job() {
  return table_kind("encoders", "List the tile encoders and whether their weights are installed", encoder_rows);
}
JobKind formats_job() {
  return table_kind("formats", "List the file formats this program reads and writes", format_rows);
}

}  // namespace fovea::pipeline
