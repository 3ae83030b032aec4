#include "slide/prediction.h"

#include <algorithm>

#include <nlohmann/json.hpp>

#include "slide/attention_values.h"
#include "slide/live_view.h"
#include "slide/words.h"

namespace fovea::pipeline::slide {
namespace {

using Json = nlohmann::ordered_json;

constexpr int kSchemaVersion = 1;
constexpr const char* kResearchUse =
    "Research software. Not a medical device; not for clinical decisions. Attention shows where the network looked, "
    "not where disease is.";

std::vector<std::size_t> by_probability(const Prediction& p) {
  std::vector<std::size_t> order(p.bag_prob.size());
  for (std::size_t i = 0; i < order.size(); ++i) order[i] = i;
  std::stable_sort(order.begin(), order.end(),
                   [&](std::size_t a, std::size_t b) { return p.bag_prob[a] > p.bag_prob[b]; });
  return order;
}

std::span<const float> branch_of(const std::vector<float>& values, std::int64_t branch, std::int64_t branches) {
  const std::size_t count = values.size() / static_cast<std::size_t>(branches);
  return std::span<const float>(values).subspan(static_cast<std::size_t>(branch) * count, count);
}

Json concentration(std::span<const float> attention, std::int64_t tiles) {
  const double h = entropy(attention);
  return {
      {"entropy", h}, {"entropy_normalised", normalised_entropy(h, tiles)}, {"top10_mass", top_mass(attention, 10)}};
}

Json attention_json(const Prediction& p) {
  Json json = concentration(branch_attention(p.attention_softmax, p.branches, -1), p.tiles);
  json["entropy_unit"] = "nat; normalised: divided by ln N";
  Json branches = Json::array();
  for (std::int64_t k = 0; k < p.branches; ++k)
    branches.push_back(concentration(branch_of(p.attention_softmax, k, p.branches), p.tiles));
  json["branches"] = branches;
  return json;
}

Json classes_json(const Prediction& p) {
  Json classes = Json::array();
  for (std::size_t i = 0; i < p.bag_prob.size(); ++i)
    classes.push_back(
        {{"index", i}, {"name", p.labels[i]}, {"probability", p.bag_prob[i]}, {"logit", p.bag_logits[i]}});
  return classes;
}

Json scale_json(const Prediction& p) {
  const io::PixelScale& scale = *p.slide->scale;
  const ReadPlan& plan = *p.plan;
  return {{"mpp_level0", scale.mpp},      {"mpp_x", scale.mpp_x},
          {"mpp_y", scale.mpp_y},         {"source", scale.source},
          {"estimated", scale.estimated}, {"mpp_wanted", plan.mpp_wanted},
          {"mpp_tile", plan.mpp_tile},    {"level_read", plan.level},
          {"read_px", plan.read_px},      {"footprint_px", plan.footprint_px},
          {"step_px", plan.step_px},      {"tile_px", plan.tile_px},
          {"overlap_px", plan.overlap_px}};
}

Json slide_json(const Prediction& p, const PredictOptions& options) {
  const io::SlideInfo& info = *p.slide;
  Json json{{"identity", info.identity},
            {"vendor", info.vendor},
            {"width", info.levels.front().width},
            {"height", info.levels.front().height},
            {"levels", info.levels.size()}};
  if (info.objective_power) json["objective_power"] = *info.objective_power;
  if (options.slide_name) json["file_name"] = options.slide.filename().string();
  return json;
}

Json tissue_json(const Prediction& p, const TissueOptions& rules) {
  const Tissue& tissue = *p.tissue;
  Json json{{"method", tissue.method}, {"area_mm2", tissue.area_mm2}, {"regions", tissue.regions.size()}};
  if (tissue.mask.pixels.empty()) return json;
  json.update({{"threshold", tissue.threshold},
               {"mask_mpp", tissue.grid.frame.mpp},
               {"mask_width", tissue.mask.width},
               {"mask_height", tissue.mask.height},
               {"median_px", rules.median_px},
               {"closing_px", rules.closing_px},
               {"min_region_mm2", rules.min_region_mm2},
               {"min_hole_mm2", rules.min_hole_mm2}});
  if (tissue.unreadable_blocks > 0) json["unreadable_blocks"] = tissue.unreadable_blocks;
  return json;
}

Json bag_json(const Prediction& p, const PredictOptions& options) {
  Json json{{"sha256", p.bag_sha256}, {"encoder", p.bag_encoder.empty() ? Json(nullptr) : Json(p.bag_encoder)}};
  if (p.bag_geometry && p.bag_geometry->mpp_level0) json["mpp_level0"] = *p.bag_geometry->mpp_level0;
  if (p.bag_geometry && p.bag_geometry->mpp_target) json["mpp_tile"] = *p.bag_geometry->mpp_target;
  if (p.footprint_px > 0) json["footprint_px"] = p.footprint_px;
  if (options.slide_name) json["file_name"] = options.features.filename().string();
  return json;
}

/// Paths become base names; what is named after a slide (it, its results, its group in a bag file) is left out unless
/// asked for.
Json request_json(const JobRequest& request, bool with_names) {
  Json values = Json::object();
  for (const auto& [name, value] : request.values) {
    const bool after_slide = name == "slide" || name == "features" || name == "features-key" || name == "out" ||
                             name == "dump" || name == "tissue-mask";
    const auto* text = std::get_if<std::string>(&value);
    if (after_slide && !with_names) {
      values[name] = "(left out)";
    } else if (text && text->find('/') != std::string::npos) {
      values[name] = std::filesystem::path(*text).filename().string();
    } else {
      std::visit([&](const auto& held) { values[name] = held; }, value);
    }
  }
  return {{"kind", request.kind}, {"values", values}};
}

Json model_json(const ModelDescription& description) {
  Json json{{"architecture", description.architecture},
            {"sha256", description.sha256},
            {"parameters", description.parameters}};
  if (auto card = description.metadata.find("fovea.card"); card != description.metadata.end())
    json["card"] = card->second;
  return json;
}

Json provenance_json(const Prediction& p, const PredictOptions& options, const JobRequest& request) {
  Json json{{"program", "fovea"}, {"version", version()}, {"model", model_json(p.model)}};
  if (p.encoder) {
    json["encoder"] = {{"name", p.encoder_name}, {"sha256", p.encoder->sha256}, {"width", p.feature_width}};
  } else {
    json["encoder"] = {{"name", p.encoder_name.empty() ? Json(nullptr) : Json(p.encoder_name)},
                       {"width", p.feature_width}};
  }
  json["device"] = "cpu";
  json["request"] = request_json(request, options.slide_name);
  return json;
}

}  // namespace

Json prediction_json(const Prediction& p, const PredictOptions& options, const JobRequest& request) {
  const std::size_t best = by_probability(p).front();
  Json json;
  json["fovea_prediction"] = kSchemaVersion;
  json["notice"] = kResearchUse;
  json["predicted_class"] = {{"index", best}, {"name", p.labels[best]}, {"probability", p.bag_prob[best]}};
  json["classes"] = classes_json(p);
  json["tiles"] = {{"used", p.tiles}};
  if (p.slide) json["tiles"].update({{"positions_in_slide", p.positions}, {"unreadable", p.unreadable}});
  json["attention"] = attention_json(p);
  if (p.live) json["live"] = live_json(*p.live, p.labels);
  if (p.slide) {
    json["tissue"] = tissue_json(p, options.tissue);
    json["scale"] = scale_json(p);
    json["slide"] = slide_json(p, options);
  } else {
    json["features"] = bag_json(p, options);
  }
  json["drawn"] = {{"scale", options.heatmap_scale},
                   {"branch", options.branch < 0 ? Json("mean") : Json(options.branch)}};
  json["provenance"] = provenance_json(p, options, request);
  json["notices"] = p.notices;
  return json;
}

std::string prediction_text(const Prediction& p) {
  std::string text;
  if (p.live) {
    for (const LiveCheckpoint& checkpoint : p.live->checkpoints) text += live_text(checkpoint, p.labels) + "\n";
    if (p.live->stopped_early) text += early_stop_text(*p.live) + "\n";
  }
  for (const std::size_t i : by_probability(p)) text += fixed_text(p.bag_prob[i], 3) + "  " + p.labels[i] + "\n";
  const std::vector<float> attention = branch_attention(p.attention_softmax, p.branches, -1);
  text += std::to_string(p.tiles) + " tiles";
  if (p.tissue && !p.tissue->mask.pixels.empty())
    text += " on " + number_text(p.tissue->area_mm2, 3) + " mm2 of tissue";
  text += "; attention entropy " + fixed_text(normalised_entropy(entropy(attention), p.tiles), 2) +
          " of ln N, ten strongest tiles hold " + fixed_text(100 * top_mass(attention, 10), 0) + " %\n";
  return text;
}

}  // namespace fovea::pipeline::slide
