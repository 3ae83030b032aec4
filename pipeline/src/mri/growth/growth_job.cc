// `mri growth`: two outlines of one head, from files to a report.
#include "jobs/jobs.h"

#include <algorithm>
#include <cmath>

#include <ATen/Parallel.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

#include "evaluation/embedded_image.h"
#include "evaluation/page.h"
#include "json_number.h"
#include "mri/evaluation/case_result.h"
#include "mri/growth/growth.h"
#include "mri/overlay.h"
#include "mri/registration.h"
#include "mri/resample.h"
#include "mri/same_grid.h"
#include "output_set.h"
#include "problems.h"
#include "progress.h"
#include "run_scope.h"
#include "slide/words.h"

namespace fovea::pipeline {
namespace mri {
namespace {

using Json = nlohmann::ordered_json;
using slide::fixed_text;

constexpr double kDaysPerYear = 365.25;
constexpr int kPictureWidth = 1000;
/// Kept, left behind, added.
const std::vector<std::array<double, 3>> kColours{{0.00, 0.62, 0.45}, {0.34, 0.71, 0.91}, {0.84, 0.37, 0.00}};

Json or_null(const std::optional<double>& value) {
  return value ? number_or_null(*value) : Json(nullptr);
}
std::string or_dash(const std::optional<double>& value, int decimals) {
  return value ? fixed_text(*value, decimals) : "–";
}

class GrowthRun {
 public:
  GrowthRun(const JobValues& values, const ProgressSink& sink, std::stop_token stop)
      : values_(values), days_(values.number("days")), out_(values.text("out")), meter_(sink, std::move(stop)) {
    std::vector<std::string> problems;
    if (!(days_ > 0 && days_ < 100'000)) problems.push_back("--days lies above 0");
    if (values.integer("label") < 0) problems.push_back("--label is not negative");
    if (!values.text("before-image").empty() && values.text("after-image").empty())
      problems.push_back("--before-image is registered to --after-image: give both");
    refuse_problems(problems, "mri growth");
  }

  JobResult run() {
    meter_.stage("reading", 0, 0.2);
    before_ = read("before");
    meter_.advance(0.5);
    after_ = read("after");
    align();
    meter_.stage("comparing", 0.6, 0.7);
    changes_ = lesion_changes(before_, after_, alignment_.moving_from_fixed_lps);
    if (changes_.empty()) notices_.push_back("neither outline holds a lesion");
    return write();
  }

 private:
  Outline read(const char* name) const {
    const std::filesystem::path path = values_.text(name);
    const io::Volume volume = io::read_volume(path);
    return {volume.geometry, mask_of(volume, path, static_cast<int>(values_.integer("label")))};
  }

  /// Where a point of the later head lies in the earlier scan: by the scans when both are given, else by the headers.
  void align() {
    if (values_.text("before-image").empty()) {
      if (!same_grid(before_.geometry, after_.geometry))
        notices_.push_back(
            "the two outlines lie on different grids: they were laid over each other by their headers, which is right "
            "only when both scans share a frame of reference or were registered before");
      return;
    }
    const io::Volume earlier = scan_of("before", before_.geometry), later = scan_of("after", after_.geometry);
    meter_.stage("registering", 0.2, 0.6);
    alignment_ = register_rigid(later, earlier, at::get_num_threads(), [&](double done) { meter_.advance(done); });
    if (!alignment_.accepted)
      notices_.push_back("the scans could not be registered (" + alignment_.problem +
                         "): the outlines were laid over each other by their headers; check the picture");
  }

  io::Volume scan_of(const std::string& name, const io::Geometry& outline) const {
    const std::filesystem::path path = values_.text(name + "-image");
    io::Volume volume = io::read_volume(path);
    if (!same_grid(volume.geometry, outline))
      throw Error(ErrorCode::kShape, path.filename().string(), "it does not lie on the grid of --" + name,
                  "Give the scan that --" + name + " was drawn on.");
    return volume;
  }

  bool registered() const { return alignment_.accepted && !alignment_.by_headers; }

  Json alignment_json() const {
    if (!registered()) return {{"by", "headers"}};
    return {
        {"by", "rigid registration of the scans"},
        {"metric_before", alignment_.metric_before},
        {"metric_after", alignment_.metric_after},
        {"moved_mm", alignment_.moved_mm},
        {"rotation_degrees", alignment_.rotation_degrees},
        {"restart_difference_mm", alignment_.restart_mm},
        {"before_from_after_lps",
         {{"linear", alignment_.moving_from_fixed_lps.linear}, {"offset", alignment_.moving_from_fixed_lps.offset}}}};
  }

  std::string alignment_text() const {
    if (alignment_.by_headers) return "The headers' alignment of the scans was kept: registration found none better.";
    if (!registered()) return "The outlines were laid over each other by their headers.";
    return "The earlier scan was registered to the later one: moved by " + fixed_text(alignment_.moved_mm, 1) +
           " mm and turned by " + fixed_text(alignment_.rotation_degrees, 1) + " degrees (mutual information " +
           fixed_text(-alignment_.metric_before, 3) + " before, " + fixed_text(-alignment_.metric_after, 3) +
           " after). Check in the picture that the outlines meet.";
  }

  LesionChange total() const {
    LesionChange all;
    for (const LesionChange& change : changes_) {
      all.before.insert(all.before.end(), change.before.begin(), change.before.end());
      all.after.insert(all.after.end(), change.after.begin(), change.after.end());
      all.volume_before.ml += change.volume_before.ml, all.volume_before.shell_ml += change.volume_before.shell_ml;
      all.volume_after.ml += change.volume_after.ml, all.volume_after.shell_ml += change.volume_after.shell_ml;
    }
    return all;
  }

  Json change_json(const LesionChange& change) const {
    const double before = change.volume_before.ml, after = change.volume_after.ml;
    return {{"verdict", change.verdict()},
            {"before_ml", before},
            {"before_uncertainty_ml", change.volume_before.uncertainty_ml()},
            {"after_ml", after},
            {"after_uncertainty_ml", change.volume_after.uncertainty_ml()},
            {"change_ml", change.change_ml()},
            {"change_uncertainty_ml", change.uncertainty_ml()},
            {"change_percent", or_null(change_percent(before, after))},
            {"change_ml_per_year", change.change_ml() / days_ * kDaysPerYear},
            {"doubling_days", or_null(doubling_days(before, after, days_))},
            {"parts_before", change.before.size()},
            {"parts_after", change.after.size()}};
  }

  Json json() const {
    Json json{{"fovea_growth", 1}, {"software", "fovea " + version()}, {"frame", "LPS, millimetres"}, {"days", days_}};
    json["alignment"] = alignment_json();
    json["definitions"] = {
        {"uncertainty",
         "the outline may lie anywhere within one voxel's shell: half the border voxels' volume either way"},
        {"verdict", "grown or shrunk only when the change exceeds the sum of both uncertainties"},
        {"lesion", "parts of the two outlines that overlap, or whose centroids lie within 5 mm"},
        {"doubling_days", "at the exponential rate between the two time points"}};
    json["total"] = changes_.empty() ? Json(nullptr) : change_json(total());
    json["lesions"] = Json::array();
    for (const LesionChange& change : changes_) {
      Json one = change_json(change);
      one["centroid_lps_mm"] = change.centroid_lps_mm;
      json["lesions"].push_back(std::move(one));
    }
    json["notices"] = notices_;
    json["disclaimer"] = "Research software. Not a medical device; not for clinical decisions.";
    return json;
  }

  std::vector<std::string> row(const std::string& name, const LesionChange& change) const {
    const double before = change.volume_before.ml, after = change.volume_after.ml;
    return {name,
            change.verdict(),
            fixed_text(before, 3) + " ± " + fixed_text(change.volume_before.uncertainty_ml(), 3),
            fixed_text(after, 3) + " ± " + fixed_text(change.volume_after.uncertainty_ml(), 3),
            fixed_text(change.change_ml(), 3) + " ± " + fixed_text(change.uncertainty_ml(), 3),
            or_dash(change_percent(before, after), 1),
            or_dash(doubling_days(before, after, days_), 0)};
  }

  /// The earlier outline on the later grid, with the later one: kept, left behind, added.
  io::LabelVolume combined() const {
    Grid earlier(before_.geometry.size);
    std::copy(before_.mask.begin(), before_.mask.end(), earlier.values.begin());
    const Affine before_from_after =
        compose(compose(inverse(lps_from_index(before_.geometry)), alignment_.moving_from_fixed_lps),
                lps_from_index(after_.geometry));
    const Grid there = resample(earlier, before_from_after, after_.geometry.size, Interpolation::kNearest,
                                Outside::kHalfVoxel, meter_.stop());
    io::LabelVolume labels{after_.geometry, std::vector<std::uint8_t>(after_.mask.size(), 0)};
    for (std::size_t i = 0; i < labels.values.size(); ++i) {
      const bool was = there.values[i] > 0, is = after_.mask[i] != 0;
      labels.values[i] = was && is ? 1 : was ? 2 : is ? 3 : 0;
    }
    return labels;
  }

  std::string page() const {
    evaluation::Page page("Growth between two scans");
    page.notice("Research software. Not a medical device; not for clinical decisions.");
    for (const std::string& notice : notices_) page.notice(notice);
    page.paragraph(fixed_text(days_, 0) + " days lie between the scans. " + alignment_text());
    std::vector<std::vector<std::string>> rows;
    if (!changes_.empty()) rows.push_back(row("all", total()));
    for (std::size_t i = 0; i < changes_.size(); ++i)
      rows.push_back(row("lesion " + std::to_string(i + 1), changes_[i]));
    page.table({"what", "verdict", "before ml", "after ml", "change ml", "change %", "doubling days"}, rows);
    if (!changes_.empty()) {
      const std::string caption = "Largest lesion. Green: in both outlines; blue: only before; orange: only after";
      page.figure(evaluation::embedded_png(draw_overlay(background(), combined(), changes_.front().centroid_lps_mm,
                                                        kColours, {caption, {"radiological view"}}),
                                           kPictureWidth, out_, caption),
                  caption + ".");
    }
    page.paragraph(
        "± is half the volume of the outline's border voxels: the outline may lie anywhere within one voxel's shell. A "
        "change within the sum of both is no certain change. Other scanners, sequences or contrast doses add to it.");
    return page.html();
  }

  io::Volume background() const {
    if (!values_.text("after-image").empty()) return scan_of("after", after_.geometry);
    io::Volume volume;
    volume.geometry = after_.geometry, volume.values.assign(after_.mask.size(), 0);
    return volume;
  }

  JobResult write() {
    meter_.stage("writing results", 0.7, 1);
    const OutputFolder folder(out_);
    JobResult result;
    result.json = json().dump(2) + "\n";
    const std::string html = page();
    OutputSet files(meter_.stop());
    files.add(out_ / "growth.json", [&](const auto& path) { io::write_file(path, result.json); });
    files.add(out_ / "report.html", [&](const auto& path) { io::write_file(path, html); });
    result.outputs = files.commit();
    result.notices = notices_;
    result.text = alignment_text() + "\n";
    for (std::size_t i = 0; i < changes_.size(); ++i) {
      const std::vector<std::string> cells = row("lesion " + std::to_string(i + 1), changes_[i]);
      result.text += cells[0] + ": " + cells[1] + ", " + cells[2] + " to " + cells[3] + " ml (" + cells[4] + " ml, " +
                     cells[5] + " %), doubling in " + cells[6] + " days\n";
    }
    return result;
  }

  const JobValues& values_;
  double days_;
  std::filesystem::path out_;
  ProgressMeter meter_;
  Outline before_, after_;
  Registration alignment_;  ///< before from after
  std::vector<LesionChange> changes_;
  std::vector<std::string> notices_;
};

}  // namespace
}  // namespace mri

JobKind mri_growth_job() {
  JobKind kind;
  kind.name = "mri growth";
  kind.summary = "Did lesions grow between two scans?";
  kind.details =
      "Compares two masks of one head lesion by lesion: change in ml and per cent, doubling time, new and vanished "
      "lesions, and what one voxel's shell of uncertainty allows to say.\n"
      "With --before-image and --after-image the scans are registered rigidly; else the masks are laid over each other "
      "by "
      "their headers, and the report says which. "
      "Writes growth.json and report.html.\n"
      "Exit codes: 0 done, 1 wrong usage, 3 could not run, 130 cancelled.\n"
      "Example: fovea mri growth --before may.nii.gz --after november.nii.gz --before-image may-t1c.nii.gz "
      "--after-image "
      "november-t1c.nii.gz --days 184 --out growth";
  kind.parameters = {
      {.name = "before", .type = ParameterType::kFile, .help = "Mask of the earlier scan", .required = true},
      {.name = "after", .type = ParameterType::kFile, .help = "Mask of the later scan", .required = true},
      {"before-image", ParameterType::kFile, "The earlier scan, registered to --after-image"},
      {"after-image", ParameterType::kFile, "The later scan, shown behind the outlines"},
      {.name = "days", .type = ParameterType::kNumber, .help = "Days between the scans", .required = true},
      {"label", ParameterType::kInteger, "The label that counts, 0 for any", std::int64_t{0}},
      {.name = "out", .type = ParameterType::kOutputFolder, .help = "Where to write", .required = true},
  };
  kind.run = [](const JobValues& values, const ProgressSink& sink, std::stop_token stop) {
    return mri::GrowthRun(values, sink, std::move(stop)).run();
  };
  return kind;
}

}  // namespace fovea::pipeline
