// explain.json, maps, gallery and tables of an explanation.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include <nlohmann/json.hpp>

#include <fovea/io/atomic_file.h>
#include <fovea/io/attention_export.h>

#include "json_number.h"
#include "output_set.h"
#include "slide/attention_figure.h"
#include "slide/csv_table.h"
#include "slide/explain_result.h"
#include "slide/score_map.h"
#include "slide/words.h"

namespace fovea::pipeline::slide {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t kDrawnBranches = 16;

Json optional_number(const std::optional<double>& value) {
  return value ? number_or_null(*value) : Json(nullptr);
}

Json agreement_json(const Agreement& agreement) {
  Json json{{"spearman", optional_number(agreement.spearman)},
            {"spearman_absolute", optional_number(agreement.spearman_absolute)},
            {"top_overlap", Json::array()}};
  for (const Overlap& overlap : agreement.overlaps)
    json["top_overlap"].push_back({{"k", overlap.k}, {"share", overlap.share}});
  return json;
}

Json curve_json(const std::vector<RemovalPoint>& curve) {
  Json json{{"area_attention", number_or_null(area_under(curve, &RemovalPoint::probability))},
            {"area_random", number_or_null(area_under(curve, &RemovalPoint::random))},
            {"points", Json::array()}};
  for (const RemovalPoint& point : curve)
    json["points"].push_back({{"share", point.share},
                              {"instances", point.instances},
                              {"by_attention", number_or_null(point.probability)},
                              {"random", number_or_null(point.random)},
                              {"random_low", number_or_null(point.random_low)},
                              {"random_high", number_or_null(point.random_high)}});
  return json;
}

bool placed(const Prediction& p) {
  return !p.coords.empty() && p.footprint_px > 0;
}

/// Level-0 size of the slide, or what the tiles need.
std::pair<std::int64_t, std::int64_t> extent_of(const Prediction& p) {
  if (p.slide) return {p.slide->levels.front().width, p.slide->levels.front().height};
  if (p.bag_geometry && p.bag_geometry->width > 0) return {p.bag_geometry->width, p.bag_geometry->height};
  std::int64_t width = 0, height = 0;
  const auto edge = static_cast<std::int64_t>(std::ceil(p.footprint_px));
  for (std::size_t i = 0; i + 1 < p.coords.size(); i += 2)
    width = std::max(width, p.coords[i] + edge), height = std::max(height, p.coords[i + 1] + edge);
  return {width, height};
}

double mpp_of(const Prediction& p) {
  if (p.slide && p.slide->scale) return p.slide->scale->mpp;
  return p.bag_geometry ? p.bag_geometry->mpp_level0.value_or(0) : 0;
}

MapGrid grid_of(const Explanation& e) {
  const auto [width, height] = extent_of(e.prediction);
  MapGrid grid = map_grid(width, height, e.prediction.footprint_px, mpp_of(e.prediction));
  if (e.overview.pixels.empty()) return grid;
  grid.pixel_px = e.overview_grid.frame.pixel_px;  // the overview's own pixels, so that it needs no resampling
  grid.width = std::max(1, static_cast<int>(std::ceil(static_cast<double>(width) / grid.pixel_px)));
  grid.height = std::max(1, static_cast<int>(std::ceil(static_cast<double>(height) / grid.pixel_px)));
  grid.mpp = mpp_of(e.prediction) * grid.pixel_px;
  return grid;
}

std::string map_name(std::int64_t branch) {
  return branch < 0 ? "mean" : "branch_" + std::to_string(branch);
}

void add_maps(OutputSet& files, const Explanation& e, const ExplainOptions& options) {
  const Prediction& p = e.prediction;
  const MapGrid grid = grid_of(e);
  const std::int64_t branches = p.branches > 1 ? std::min(p.branches, kDrawnBranches) : 0;
  for (std::int64_t branch = -1; branch < branches; ++branch) {
    const DrawnValues drawn =
        drawn_values(branch_attention(p.attention_softmax, p.branches, branch), options.scale, options.zoom);
    const HeatmapContent content{p.coords, drawn.value, p.footprint_px, {}};
    files.add(options.out / ("heatmap_" + map_name(branch) + ".png"),
              [&](const auto& path) { io::write_png(path, attention_figure(p, branch, options.heatmap, drawn)); });
    files.add(options.out / ("attention_" + map_name(branch) + ".tif"),
              [&](const auto& path) { write_score_map(path, content, grid); });
    if (branch >= 0) continue;
    HeatmapStyle style = options.heatmap;
    if (e.overview.pixels.empty()) style.alpha = 1;  // there is nothing below to see
    files.add(options.out / "overlay_mean.tif", [&](const auto& path) {
      const MaskFrame& frame = e.overview_grid.frame;
      write_overlay_map(path, content, grid, style, e.overview.pixels.empty() ? nullptr : &e.overview,
                        static_cast<int>(std::lround(frame.origin_x / grid.pixel_px)),
                        static_cast<int>(std::lround(frame.origin_y / grid.pixel_px)));
    });
  }
}

void add_tile_files(OutputSet& files, const Explanation& e, const ExplainOptions& options) {
  const Prediction& p = e.prediction;
  const DrawnValues drawn = drawn_values(e.attention, options.scale, options.zoom);
  std::vector<std::vector<float>> ranks;
  for (std::int64_t k = 0; k < p.branches && p.branches > 1; ++k)
    ranks.push_back(percentile_ranks(branch_attention(p.attention_softmax, p.branches, k)));
  io::TileAttention tiles{p.coords,    p.footprint_px, p.attention_raw, p.attention_softmax,
                          drawn.value, drawn.name,     p.branches};
  tiles.more.emplace_back("gradient_x_input", e.gradient);
  for (std::size_t k = 0; k < ranks.size(); ++k)
    tiles.more.emplace_back("attention_percentile_branch_" + std::to_string(k), ranks[k]);
  files.add(options.out / "heatmap.geojson", [&](const auto& path) { io::write_geojson(path, tiles, {}); });
  files.add(options.out / "attention.h5", [&](const auto& path) { io::write_attention_h5(path, tiles); });
}

std::string tile_name(const Explanation& e, std::size_t rank) {
  const auto at = static_cast<std::size_t>(2 * e.top[rank].index);
  std::string number = std::to_string(rank + 1);
  if (number.size() < 3) number.insert(0, 3 - number.size(), '0');
  return number + "_x" + std::to_string(e.prediction.coords[at]) + "_y" + std::to_string(e.prediction.coords[at + 1]) +
         ".png";
}

}  // namespace

nlohmann::ordered_json explain_json(const Explanation& e, const ExplainOptions& options) {
  const Prediction& p = e.prediction;
  Json json{{"fovea_explanation", 1},
            {"version", version()},
            {"architecture", p.model.architecture},
            {"model_sha256", p.model.sha256},
            {"features_sha256", p.bag_sha256},
            {"tiles", p.tiles},
            {"branches", p.branches},
            {"labels", p.labels},
            {"probabilities", p.bag_prob},
            {"target", p.labels.at(static_cast<std::size_t>(e.target))},
            {"scale", options.scale == "raw" ? "authors" : options.scale},
            {"seed", options.seed},
            {"entropy", normalised_entropy(entropy(e.attention), p.tiles)},
            {"top10_mass", top_mass(e.attention, 10)},
            {"gradient_x_input", agreement_json(e.agreement)},
            {"gradient_x_input_by_branch", Json::array()},
            {"deletion", curve_json(e.curves.deletion)},
            {"insertion", curve_json(e.curves.insertion)}};
  for (const Agreement& branch : e.branches) json["gradient_x_input_by_branch"].push_back(agreement_json(branch));
  if (!e.plane_method.empty())
    json["embedding"] = {{"method", e.plane_method}, {"points", e.plane.size()}, {"trustworthiness", e.plane_trust}};
  json["note"] = "Attention explains part of the decision, not all of it. For research only.";
  json["notices"] = p.notices;
  return json;
}

std::string top_tiles_csv(const Explanation& e) {
  const Prediction& p = e.prediction;
  const std::vector<float> ranks = percentile_ranks(e.attention);
  std::string text = "minx,miny,width,height";
  for (const std::string& label : p.labels) text += "," + csv_cell("prob_" + label);
  text += ",attention,attention_percentile,gradient_x_input,rank\n";
  const std::string edge = p.footprint_px > 0 ? number_text(p.footprint_px, 9) : "";
  for (std::size_t rank = 0; rank < e.top.size(); ++rank) {
    const auto index = static_cast<std::size_t>(e.top[rank].index);
    text +=
        p.coords.empty() ? "," : std::to_string(p.coords[2 * index]) + "," + std::to_string(p.coords[2 * index + 1]);
    text += "," + edge + "," + edge;
    for (const float probability : e.top[rank].alone) text += "," + exact_text(probability);
    text += "," + exact_text(e.attention[index]) + "," + exact_text(ranks[index]) + "," +
            exact_text(e.gradient[index]) + "," + std::to_string(rank + 1) + "\n";
  }
  return text;
}

std::vector<std::filesystem::path> write_explanation(const Explanation& e, const ExplainOptions& options,
                                                     const std::stop_token& stop) {
  OutputSet files(stop);
  if (placed(e.prediction)) {
    add_maps(files, e, options);
    add_tile_files(files, e, options);
    for (std::size_t rank = 0; rank < e.top.size(); ++rank) {
      if (e.top[rank].picture.pixels.empty()) continue;
      std::filesystem::create_directories(options.out / "top_tiles");
      files.add(options.out / "top_tiles" / tile_name(e, rank),
                [&](const auto& path) { io::write_png(path, e.top[rank].picture); });
    }
  }
  const auto add = [&](const char* name, const std::string& text) {
    files.add(options.out / name, [&](const auto& path) { io::write_file(path, text); });
  };
  add("top_tiles.csv", top_tiles_csv(e));
  add("explain.html", explain_html(e, options));
  add("explain.json", explain_json(e, options).dump(2) + "\n");
  return files.commit();
}

}  // namespace fovea::pipeline::slide
