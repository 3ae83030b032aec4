#include "mri/report_page.h"

#include <algorithm>

#include <fovea/io/pdf.h>
#include <fovea/pipeline/job.h>

#include "evaluation/embedded_image.h"
#include "evaluation/page.h"
#include "mri/overlay.h"
#include "slide/words.h"

namespace fovea::pipeline::mri {
namespace {

using evaluation::Page;
using slide::fixed_text;

/// A report in the making, whatever it becomes.
class Sheet {
 public:
  virtual ~Sheet() = default;
  virtual void section(const std::string& heading) = 0;
  virtual void paragraph(const std::string& text) = 0;
  virtual void notice(const std::string& text) = 0;
  virtual void table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) = 0;
  virtual void picture(const io::Image& image, const std::string& caption) = 0;
};

class HtmlSheet : public Sheet {
 public:
  HtmlSheet(const std::string& title, std::filesystem::path scratch) : page(title), scratch_(std::move(scratch)) {}
  void section(const std::string& heading) override { page.section(heading); }
  void paragraph(const std::string& text) override { page.paragraph(text); }
  void notice(const std::string& text) override { page.notice(text); }
  void table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) override {
    page.table(header, rows);
  }
  void picture(const io::Image& image, const std::string& caption) override {
    page.figure(evaluation::embedded_png(image, kPictureWidth, scratch_, caption), caption);
  }
  Page page;

 private:
  static constexpr int kPictureWidth = 1000;  // sharp enough across a printed page
  std::filesystem::path scratch_;
};

constexpr const char* kDisclaimer = "Research software. Not a medical device; not for clinical decisions.";

class PdfSheet : public Sheet {
 public:
  explicit PdfSheet(const std::string& title) : document(title, kDisclaimer) {}
  void section(const std::string& heading) override { document.heading(heading); }
  void paragraph(const std::string& text) override { document.paragraph(text); }
  void notice(const std::string& text) override { document.notice(text); }
  void table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows) override {
    document.table(header, rows);
  }
  void picture(const io::Image& image, const std::string& caption) override { document.picture(image, caption); }
  io::PdfDocument document;
};

constexpr std::size_t kPictures = 3, kRows = 40;

std::string mm_or_dash(const std::optional<double>& value) {
  return value ? fixed_text(*value, 1) : "–";
}

std::string point_text(const Vec3& p) {
  return fixed_text(p[0], 1) + ", " + fixed_text(p[1], 1) + ", " + fixed_text(p[2], 1);
}

void add_totals(Sheet& page, const Report& r) {
  std::vector<std::vector<std::string>> rows;
  for (std::size_t label = 1; label < r.labels.size(); ++label) {
    double ml = 0;
    std::size_t lesions = 0, counted = 0;
    for (const Finding& f : r.findings)
      if (f.lesion.label == static_cast<int>(label))
        ml += f.lesion.volume_ml, ++lesions, counted += !f.below_size_limit;
    rows.push_back({r.labels[label], std::to_string(lesions), std::to_string(counted), fixed_text(ml, 3),
                    counted > 1 ? "yes" : "no"});
  }
  page.table({"label", "regions", "above the size limit", "ml in all", "multifocal"}, rows);
}

void add_lesions(Sheet& page, const Report& r) {
  page.section("Regions");
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < std::min(kRows, r.findings.size()); ++i) {
    const Lesion& l = r.findings[i].lesion;
    const Laterality& side = r.findings[i].laterality;
    rows.push_back({std::to_string(i + 1) + " " + r.labels[static_cast<std::size_t>(l.label)],
                    fixed_text(l.volume_ml, 3), fixed_text(l.longest_diameter_mm, 1),
                    fixed_text(l.longest_axial_diameter_mm, 1) + " × " + fixed_text(l.axial_width_mm, 1), side.side,
                    mm_or_dash(side.centroid_distance_mm), point_text(l.centroid_lps_mm),
                    fixed_text(l.mean_probability, 2) + " / " + fixed_text(l.max_probability, 2),
                    r.findings[i].below_size_limit ? "yes" : ""});
  }
  page.table({"region", "ml", "longest mm", "axial mm", "side", "from midline mm", "centroid LPS mm",
              "probability mean / max", "below size limit"},
             rows);
  if (r.findings.size() > kRows)
    page.paragraph("The largest " + std::to_string(kRows) + " of " + std::to_string(r.findings.size()) +
                   "; lesions.csv holds all.");
}

/// Which modalities there were, how they were aligned, and which of them each region was seen in.
void add_modalities(Sheet& page, const Report& r) {
  if (r.modalities.empty()) return;
  page.section("Modalities");
  std::vector<std::vector<std::string>> rows;
  for (const Modality& m : r.modalities)
    rows.push_back({m.name, m.present ? m.alignment : "absent: " + m.problem,
                    m.registration ? fixed_text(m.registration->moved_mm, 1) : "–",
                    m.registration ? fixed_text(m.registration->rotation_degrees, 1) : "–"});
  page.table({"modality", "alignment", "moved mm", "turned degrees"}, rows);
  if (r.findings.empty() || r.findings.front().modality_weights.empty()) return;
  std::vector<std::string> header{"region"};
  for (const auto& [name, weight] : r.findings.front().modality_weights) header.push_back(name);
  rows.clear();
  for (std::size_t i = 0; i < std::min(kRows, r.findings.size()); ++i) {
    rows.push_back({std::to_string(i + 1) + ": " + r.findings[i].dominant_modality()});
    for (const auto& [name, weight] : r.findings[i].modality_weights) rows.back().push_back(fixed_text(weight, 2));
  }
  page.table(header, rows);
  page.paragraph(
      "How much the network looked at each modality within a region (they sum to 1); the one it looked at most is "
      "named.");
}

void add_reading(Sheet& page, const Report& r) {
  page.section("How to read this");
  page.paragraph(
      "Volumes are voxels of the scan's own grid times their volume; diameters are between voxel centres. Axial mm: "
      "longest diameter in one slice, and the extent of that slice's part across it. Probabilities are the network's "
      "own "
      "and say how firmly it decided, not how likely a disease is. Below the size limit: smaller than " +
      slide::number_text(r.below_size_mm3) + " mm³; listed, but not counted for multifocality.");
  if (!r.midline)
    page.paragraph("The middle of the head was not looked for or not found: sides are unknown.");
  else
    page.paragraph(
        "Sides come from the plane about which the image is most symmetric (correlation with its mirror image " +
        fixed_text(r.midline->symmetry, 2) +
        (r.midline->sure ? "). Shift of the midline by a mass is not accounted for."
                         : "); that is not sure enough to tell left from right: sides are unknown."));
}

void add_origin(Sheet& page, const Report& r) {
  page.section("Model and input");
  std::vector<std::vector<std::string>> rows{
      {"software", "Fovea " + version()}, {"network", r.model.architecture}, {"weights, SHA-256", r.model.sha256}};
  for (const double threshold : r.thresholds) rows.push_back({"threshold", slide::number_text(threshold)});
  for (const InputFacts& input : r.inputs) {
    const io::Geometry& g = input.geometry;
    rows.push_back({"volume", std::to_string(g.size[0]) + " × " + std::to_string(g.size[1]) + " × " +
                                  std::to_string(g.size[2]) + " voxels of " + fixed_text(g.spacing_mm[0], 2) + " × " +
                                  fixed_text(g.spacing_mm[1], 2) + " × " + fixed_text(g.spacing_mm[2], 2) + " mm"});
    rows.push_back({"content, SHA-256", input.content_hash});
  }
  page.table({"what", "value"}, rows);
}

std::string title_of(const ReportView& view) {
  return view.pseudonym.empty() ? "MRI segmentation" : "MRI segmentation: " + view.pseudonym;
}

void fill(Sheet& page, const ReportView& view) {
  page.notice(kDisclaimer);
  for (const std::string& notice : view.report.notices) page.notice(notice);
  add_totals(page, view.report);
  page.section("Pictures");
  for (const ReportPicture& picture : view.pictures) page.picture(picture.image, picture.caption);
  if (!view.report.findings.empty()) add_lesions(page, view.report);
  add_modalities(page, view.report);
  add_reading(page, view.report);
  add_origin(page, view.report);
}

}  // namespace

Vec3 lesion_view(const io::LabelVolume& labels, const Lesion& lesion) {
  const io::Geometry& g = labels.geometry;
  double best = -1;
  Vec3 centre = lesion.centroid_lps_mm;
  for (std::int64_t k = lesion.box.begin[2]; k < lesion.box.end[2]; ++k)
    for (std::int64_t j = lesion.box.begin[1]; j < lesion.box.end[1]; ++j)
      for (std::int64_t i = lesion.box.begin[0]; i < lesion.box.end[0]; ++i) {
        if (labels.values[static_cast<std::size_t>((k * g.size[1] + j) * g.size[0] + i)] != lesion.label) continue;
        const Vec3 p = g.point_lps({static_cast<double>(i), static_cast<double>(j), static_cast<double>(k)});
        double distance = 0;
        for (std::size_t a = 0; a < 3; ++a)
          distance += (p[a] - lesion.centroid_lps_mm[a]) * (p[a] - lesion.centroid_lps_mm[a]);
        if (best < 0 || distance < best) best = distance, centre = p;
      }
  return centre;
}

std::vector<ReportPicture> report_pictures(const Report& r, const io::LabelVolume& labels, const io::Volume& image,
                                           const std::vector<std::array<double, 3>>& colours) {
  std::vector<ReportPicture> pictures;
  const auto add = [&](const Vec3& centre, const std::string& caption) {
    pictures.push_back(
        {draw_overlay(image, labels, centre, colours, {caption, {"radiological view: patient's right on the left"}}),
         caption});
  };
  if (r.findings.empty()) add(centre_of(labels.geometry), "Nothing reached the threshold; middle of the volume");
  for (std::size_t i = 0; i < std::min(kPictures, r.findings.size()); ++i) {
    const Lesion& l = r.findings[i].lesion;
    add(lesion_view(labels, l), "Region " + std::to_string(i + 1) + ": " + r.labels[static_cast<std::size_t>(l.label)] +
                                    ", " + fixed_text(l.volume_ml, 3) + " ml");
  }
  return pictures;
}

std::string segment_html(const ReportView& view, const std::filesystem::path& scratch) {
  HtmlSheet sheet(title_of(view), scratch);
  fill(sheet, view);
  return sheet.page.html();
}

void write_segment_pdf(const std::filesystem::path& path, const ReportView& view) {
  PdfSheet sheet(title_of(view));
  fill(sheet, view);
  sheet.document.save(path);
}

}  // namespace fovea::pipeline::mri
