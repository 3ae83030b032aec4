#include "slide/live_view.h"

#include <algorithm>
#include <utility>

#include <ATen/TensorOperators.h>
#include <ATen/ops/tensor.h>
#include <nlohmann/json.hpp>

#include <fovea/io/attention_export.h>

#include "slide/attention_values.h"
#include "slide/bag_pooler.h"
#include "slide/visiting_order.h"
#include "slide/words.h"

namespace fovea::pipeline::slide {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kPicture = "heatmap_live.png";
constexpr const char* kAttention = "attention_live.h5";  // for programs that draw it themselves

double share_of(const LiveCheckpoint& checkpoint) {
  return static_cast<double>(checkpoint.seen) / static_cast<double>(checkpoint.of);
}

std::string share_text(const LiveCheckpoint& checkpoint) {
  return number_text(100 * share_of(checkpoint), 3) + " % (" + std::to_string(checkpoint.seen) + " of " +
         std::to_string(checkpoint.of) + " tiles)";
}

template <class T>
Json or_null(const std::optional<T>& value) {
  return value ? Json(*value) : Json(nullptr);
}

Json checkpoint_json(const LiveCheckpoint& checkpoint, const std::vector<std::string>& labels) {
  Json probabilities = Json::object();
  for (std::size_t i = 0; i < labels.size(); ++i) probabilities[labels[i]] = checkpoint.probabilities[i];
  return {{"seen", checkpoint.seen},
          {"of", checkpoint.of},
          {"fraction", share_of(checkpoint)},
          {"leading", labels[static_cast<std::size_t>(checkpoint.leading)]},
          {"probabilities", probabilities},
          {"unseen_mass_bound", or_null(checkpoint.mass_bound)},
          {"moved", or_null(checkpoint.moved)},
          {"stability", or_null(checkpoint.stability)}};
}

void write_attention(const std::filesystem::path& path, const Prediction& p, const PredictOptions& options) {
  const DrawnValues drawn =
      drawn_values(branch_attention(p.attention_softmax, p.branches, options.branch), options.heatmap_scale);
  io::write_attention_h5(
      path, {p.coords, p.footprint_px, p.attention_raw, p.attention_softmax, drawn.value, drawn.name, p.branches});
}

}  // namespace

Json live_json(const LiveReport& report, const std::vector<std::string>& labels) {
  Json checkpoints = Json::array();
  for (const LiveCheckpoint& checkpoint : report.checkpoints)
    checkpoints.push_back(checkpoint_json(checkpoint, labels));
  const LiveCheckpoint& last = report.checkpoints.back();
  Json json{{"stopped_early", report.stopped_early},
            {"seen", last.seen},
            {"of", last.of},
            {"fraction_seen", share_of(last)},
            {"threshold", or_null(report.threshold)}};
  if (report.stopped_early) json["reason"] = early_stop_text(report);
  if (!last.mass_bound) json["unseen_mass_bound"] = "no bound: this model's attention scores grow with the instance";
  json["checkpoints"] = checkpoints;
  return json;
}

std::string live_text(const LiveCheckpoint& checkpoint, const std::vector<std::string>& labels) {
  const auto leading = static_cast<std::size_t>(checkpoint.leading);
  std::string text = "after " + share_text(checkpoint) + ": " + labels[leading] + " " +
                     fixed_text(checkpoint.probabilities[leading], 3);
  text += ", stability " + (checkpoint.stability ? fixed_text(*checkpoint.stability, 3) : "not known yet");
  text += ", unseen tiles could take ";
  if (!checkpoint.mass_bound) return text + "any share of the attention (no bound)";
  return text + fixed_text(*std::max_element(checkpoint.mass_bound->begin(), checkpoint.mass_bound->end()), 3) +
         " of the attention at most";
}

std::string early_stop_text(const LiveReport& report) {
  if (!report.stopped_early) return {};
  const LiveCheckpoint& last = report.checkpoints.back();
  return "stopped early after " + share_text(last) + ": the leading class is estimated to stay with probability " +
         fixed_text(*last.stability, 3) + ", " + number_text(*report.threshold) + " was asked for";
}

namespace {

at::Tensor places_in(const std::vector<std::int64_t>& coords, const std::vector<std::int64_t>& order) {
  if (coords.size() != 2 * order.size()) return {};
  return at::tensor(corners_of(coords, order), at::kLong).reshape({-1, 2});
}

}  // namespace

LiveView::LiveView(const PredictOptions& options, const Network& network, Prediction& prediction, std::int64_t tiles,
                   ProgressMeter& meter)
    : options_(options),
      network_(network),
      prediction_(prediction),
      meter_(meter),
      order_(visiting_order(prediction.coords, tiles,
                            prediction.plan ? static_cast<double>(prediction.plan->step_px) : prediction.footprint_px)),
      live_(network.model, tiles, options.stop_when_stable, places_in(prediction.coords, order_)),
      partial_(prediction) {}

LiveView::~LiveView() {
  std::error_code ignored;
  for (const char* name : {kPicture, kAttention}) std::filesystem::remove(options_.out / name, ignored);
}

bool LiveView::push(const at::Tensor& rows) {
  return live_.push(
      network_.change.applied(rows),
      [this](const LiveCheckpoint& checkpoint, const models::MilOutput& running) { show(checkpoint, running); });
}

void LiveView::show(const LiveCheckpoint& checkpoint, const models::MilOutput& running) {
  if (!prediction_.coords.empty() && prediction_.footprint_px > 0) {
    partial_.coords =
        corners_of(prediction_.coords, std::span(order_).first(static_cast<std::size_t>(checkpoint.seen)));
    partial_.notices.clear();
    take_output(partial_, running);
    io::write_png(options_.out / kPicture, prediction_figure(partial_, options_));
    write_attention(options_.out / kAttention, partial_, options_);
  }
  meter_.advance(share_of(checkpoint), live_text(checkpoint, prediction_.labels),
                 Json{{"live", checkpoint_json(checkpoint, prediction_.labels)}}.dump());
}

void LiveView::run(const at::Tensor& rows, std::int64_t piece) {
  for (const at::Tensor& some : at::tensor(order_).split(piece)) {
    throw_if_stopped(meter_.stop());
    if (!push(rows.index_select(0, some).to(at::kFloat))) break;
  }
  pool(rows, piece);
}

void LiveView::pool(const at::Tensor& rows, std::int64_t piece) {
  std::vector<std::int64_t> seen(order_.begin(), order_.begin() + live_.seen());
  std::sort(seen.begin(), seen.end());
  const bool all = static_cast<std::int64_t>(seen.size()) == rows.size(0);
  const at::Tensor indices = at::tensor(seen);
  if (!all && !prediction_.coords.empty()) prediction_.coords = corners_of(prediction_.coords, seen);
  BagPooler pooler(network_.model, options_.chunk, prediction_.coords);
  for (std::int64_t begin = 0; begin < indices.size(0); begin += piece) {
    throw_if_stopped(meter_.stop());
    const std::int64_t end = std::min(begin + piece, indices.size(0));
    const at::Tensor some = all ? rows.slice(0, begin, end) : rows.index_select(0, indices.slice(0, begin, end));
    pooler.push(network_.change.applied(some.to(at::kFloat)).contiguous());
  }
  const models::MilOutput output = pooler.finish();
  take_output(prediction_, output);
  prediction_.live = live_.finish(output);
  if (const std::string text = early_stop_text(*prediction_.live); !text.empty()) prediction_.notices.push_back(text);
}

}  // namespace fovea::pipeline::slide
