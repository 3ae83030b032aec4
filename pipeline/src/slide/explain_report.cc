// explain.html: the maps, the curves and the tiles of an explanation on one page.
#include <algorithm>
#include <cmath>

#include "evaluation/chart.h"
#include "evaluation/embedded_image.h"
#include "evaluation/page.h"
#include "slide/attention_figure.h"
#include "slide/explain_result.h"
#include "slide/words.h"

namespace fovea::pipeline::slide {
namespace {

using evaluation::Chart;
using evaluation::Page;
using evaluation::Point;
using evaluation::Series;

constexpr int kPageWidth = 900, kBranchWidth = 420;
constexpr std::int64_t kBranchesOnPage = 8;

void add_maps(Page& page, const Explanation& e, const ExplainOptions& options) {
  const Prediction& p = e.prediction;
  if (p.coords.empty() || p.footprint_px <= 0) return;
  page.section("Where the model looked");
  const auto figure = [&](std::int64_t branch, int width, const std::string& caption) {
    const DrawnValues drawn =
        drawn_values(branch_attention(p.attention_softmax, p.branches, branch), options.scale, options.zoom);
    page.figure(
        evaluation::embedded_png(attention_figure(p, branch, options.heatmap, drawn), width, options.out, caption),
        caption);
  };
  figure(-1, kPageWidth, p.branches > 1 ? "Mean of " + std::to_string(p.branches) + " maps." : "Attention.");
  for (std::int64_t k = 0; p.branches > 1 && k < std::min(p.branches, kBranchesOnPage); ++k)
    figure(k, kBranchWidth, "Branch " + std::to_string(k) + ".");
}

std::string curve_chart(const std::vector<RemovalPoint>& curve, const std::string& title, const std::string& x,
                        const std::string& y) {
  Chart chart{title, {x, 0, 1}, {y, 0, 1}, {}};
  Series random{"random order", {}}, attention{"by attention", {}, {}, {}, Series::Style::kLineAndDots};
  random.colour = 1;
  for (const RemovalPoint& point : curve) {
    attention.points.push_back({point.share, point.probability});
    if (std::isnan(point.random)) continue;
    random.points.push_back({point.share, point.random});
    random.band_low.push_back({point.share, point.random_low});
    random.band_high.push_back({point.share, point.random_high});
  }
  if (!random.points.empty()) chart.series.push_back(std::move(random));
  chart.series.push_back(std::move(attention));
  return evaluation::chart_svg(chart);
}

std::string cell(const std::optional<double>& value) {
  return value && std::isfinite(*value) ? fixed_text(*value, 3) : "–";
}

void add_agreement(Page& page, const Explanation& e) {
  std::vector<std::string> header{"map", "Spearman", "Spearman of size"};
  for (const Overlap& overlap : e.agreement.overlaps) header.push_back("top " + std::to_string(overlap.k));
  std::vector<std::vector<std::string>> rows;
  const auto add = [&](const std::string& name, const Agreement& agreement) {
    std::vector<std::string>& row = rows.emplace_back(1, name);
    row.push_back(cell(agreement.spearman)), row.push_back(cell(agreement.spearman_absolute));
    for (const Overlap& overlap : agreement.overlaps) row.push_back(cell(overlap.share));
  };
  add("mean", e.agreement);
  for (std::size_t k = 0; k < e.branches.size(); ++k) add("branch " + std::to_string(k), e.branches[k]);
  page.table(header, rows);
  page.paragraph(
      "Attention beside gradient x input, which says to first order what each tile adds to the result. Spearman: the "
      "two "
      "as they are, and with the size of gradient x input alone. Top k: the share of the k most attended tiles that "
      "are "
      "also among the k largest in size.");
}

void add_curves(Page& page, const Explanation& e) {
  page.section("Does the result hang on the attended tiles?");
  page.figure(curve_chart(e.curves.deletion, "Deletion", "share of tiles removed", e.score),
              "The most attended tiles go first. Falls faster than at random when the result hangs on them.");
  page.figure(curve_chart(e.curves.insertion, "Insertion", "share of tiles present", e.score),
              "The most attended tiles come first. Shaded: range of the random orders.");
  const auto area = [](const std::vector<RemovalPoint>& curve, double RemovalPoint::*height) {
    return cell(area_under(curve, height));
  };
  page.table({"curve", "area by attention", "area at random"},
             {{"deletion", area(e.curves.deletion, &RemovalPoint::probability),
               area(e.curves.deletion, &RemovalPoint::random)},
              {"insertion", area(e.curves.insertion, &RemovalPoint::probability),
               area(e.curves.insertion, &RemovalPoint::random)}});
  page.paragraph(
      "Attention explains part of the decision, not all of it: the features already hold context, the "
      "classifier weighs what was pooled, and bags without tiles were never seen in training.");
}

void add_tiles(Page& page, const Explanation& e, const std::filesystem::path& folder) {
  if (e.top.empty()) return;
  const Prediction& p = e.prediction;
  page.section("Most attended tiles");
  std::vector<std::vector<std::string>> rows;
  for (std::size_t rank = 0; rank < e.top.size(); ++rank) {
    const auto index = static_cast<std::size_t>(e.top[rank].index);
    const std::string place =
        p.coords.empty() ? "unknown"
                         : std::to_string(p.coords[2 * index]) + ", " + std::to_string(p.coords[2 * index + 1]);
    const std::string number = std::to_string(rank + 1);
    if (!e.top[rank].picture.pixels.empty())
      page.figure(evaluation::embedded_png(e.top[rank].picture, 160, folder, "tile " + number),
                  number + ": at " + place + ", attention " + number_text(e.attention[index], 3));
    rows.push_back({number, place, number_text(e.attention[index], 3), number_text(e.gradient[index], 3),
                    fixed_text(e.top[rank].alone[static_cast<std::size_t>(e.target)], 3)});
  }
  page.table({"rank", "x, y on level 0", "attention", "gradient x input", "alone"}, rows);
  page.paragraph("Alone: what the model says of a bag that holds this tile and nothing else.");
}

void add_embedding(Page& page, const Explanation& e) {
  if (e.plane.empty()) return;
  const Prediction& p = e.prediction;
  page.section("Instances in two dimensions");
  std::vector<Point> points;
  for (const PlanePoint& point : e.plane) points.push_back({point.first, point.second});
  for (std::int64_t k = -1; k < (p.branches > 1 ? std::min(p.branches, kBranchesOnPage) : 0); ++k) {
    const std::vector<float> ranks = percentile_ranks(branch_attention(p.attention_softmax, p.branches, k));
    std::vector<float> shown;
    for (const std::int64_t index : e.embedded) shown.push_back(ranks[static_cast<std::size_t>(index)]);
    page.figure(evaluation::cloud_svg({e.plane_method + (k < 0 ? ", mean attention" : ", branch " + std::to_string(k)),
                                       "rank", points, shown, 0, 1}),
                std::to_string(points.size()) + " of " + std::to_string(p.tiles) +
                    " instances, coloured by the percentile rank of their attention.");
  }
  page.paragraph("Distances in such a picture mean little; neighbourhoods mean more: trustworthiness " +
                 fixed_text(e.plane_trust, 3) + " of 1 (12 neighbours).");
}

}  // namespace

std::string explain_html(const Explanation& e, const ExplainOptions& options) {
  const Prediction& p = e.prediction;
  Page page("What a slide model looked at");
  page.notice(
      "For research only. Not a medical device; not for clinical decisions. Attention shows where the network "
      "looked, not where disease is.");
  std::vector<std::vector<std::string>> classes;
  for (std::size_t c = 0; c < p.labels.size(); ++c) classes.push_back({p.labels[c], fixed_text(p.bag_prob[c], 3)});
  page.table({"class", "probability"}, classes);
  page.paragraph("Explained: " + e.score + ", from " + std::to_string(p.tiles) + " tiles. Attention: entropy " +
                 fixed_text(normalised_entropy(entropy(e.attention), p.tiles), 3) + " of 1, the ten strongest hold " +
                 fixed_text(top_mass(e.attention, 10), 3) + ".");
  if (!p.notices.empty()) page.list(p.notices);
  add_maps(page, e, options);
  add_curves(page, e);
  page.section("Attention and gradient x input");
  add_agreement(page, e);
  add_tiles(page, e, options.out);
  add_embedding(page, e);
  page.section("Provenance");
  page.table({"what", "value"}, {{"Fovea", version()},
                                 {"architecture", p.model.architecture},
                                 {"SHA-256 of the model", p.model.sha256},
                                 {"SHA-256 of the features", p.bag_sha256},
                                 {"encoder", p.bag_encoder.empty() ? "unknown" : p.bag_encoder},
                                 {"scale of the maps", options.scale == "raw" ? "authors" : options.scale},
                                 {"seed", std::to_string(options.seed)}});
  return page.html();
}

}  // namespace fovea::pipeline::slide
