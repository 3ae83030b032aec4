// DICOM series to a volume. Slices are placed by their positions alone; every trap of mri-io.md 2.1 is refused or
// handled here.
#include <algorithm>
#include <cmath>
#include <cstring>

#include <gdcmImageReader.h>
#include <itkGDCMImageIO.h>
#include <itkImageFileReader.h>

#include <fovea/base/error.h>

#include "volume/dicom_series.h"
#include "volume/itk_bridge.h"
#include "volume/volume_readers.h"

namespace fovea::io {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kPlausibleSlices = 8;
constexpr double kSamePositionMm = 1e-3, kStepShare = 0.01, kStepMm = 0.01, kMaxTiltDegrees = 0.5;
constexpr const char* kEnhancedMr = "1.2.840.10008.5.1.4.1.1.4.1";

double dot(const std::array<double, 3>& a, const std::array<double, 3>& b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}

std::string mm(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.2f", value);
  return text;
}

/// Usual distance of neighbouring slices along the normal, from their positions; 0 for one slice.
double usual_step(const DicomSeries& s) {
  std::vector<double> along;
  for (const DicomSlice& slice : s.slices) along.push_back(dot(slice.position, s.normal()));
  std::sort(along.begin(), along.end());
  std::vector<double> steps;
  for (std::size_t i = 1; i < along.size(); ++i)
    if (along[i] - along[i - 1] > kSamePositionMm) steps.push_back(along[i] - along[i - 1]);
  if (steps.empty()) return 0;
  std::nth_element(steps.begin(), steps.begin() + static_cast<std::ptrdiff_t>(steps.size() / 2), steps.end());
  return steps[steps.size() / 2];
}

std::string described(const DicomSeries& s) {
  std::string text = s.modality + " '" + (s.description.empty() ? "no description" : s.description) + "' " +
                     std::to_string(s.columns) + " x " + std::to_string(s.rows) + " x " +
                     std::to_string(s.slices.size());
  if (s.has_geometry)
    text += " of " + mm(s.column_spacing) + " x " + mm(s.row_spacing) + " x " + mm(usual_step(s)) + " mm";
  return text;
}

/// Why a series is no volume that can be read; empty when it may be.
std::string obstacle(const DicomSeries& s) {
  if (s.image_type.find("MOSAIC") != std::string::npos)
    return "Siemens mosaic images (many slices tiled into one picture)";
  if (s.sop_class == kEnhancedMr || s.frames > 1)
    return "an enhanced multi-frame file, whose slices may have different geometry";
  if (s.samples != 1) return "colour pictures";
  if (s.modality != "MR") return "of modality " + (s.modality.empty() ? "unknown" : s.modality) + ", not MR";
  if (!s.has_geometry) return "without position, orientation or pixel spacing";
  return {};
}

std::string obstacle_remedy(const DicomSeries& s) {
  if (s.image_type.find("MOSAIC") != std::string::npos)
    return "Convert it to NIfTI with a tool that splits mosaics (dcm2niix).";
  if (s.sop_class == kEnhancedMr || s.frames > 1)
    return "Export it as classic single-frame MR, or convert it to NIfTI (dcm2niix).";
  return "Choose an MR series of cross-sections.";
}

std::string listing(const std::vector<DicomSeries>& all) {
  std::string text;
  for (std::size_t i = 0; i < all.size(); ++i)
    text += (i ? "; " : "") + std::to_string(i + 1) + ": " + described(all[i]);
  return text;
}

const DicomSeries& named_series(const std::string& subject, const std::vector<DicomSeries>& all,
                                const std::string& wanted) {
  std::vector<const DicomSeries*> found;
  for (std::size_t i = 0; i < all.size(); ++i)
    if (wanted == std::to_string(i + 1)) return all[i];
  for (const DicomSeries& s : all)
    if (s.description.find(wanted) != std::string::npos || s.uid == wanted) found.push_back(&s);
  if (found.size() == 1) return *found[0];
  throw Error(ErrorCode::kNotFound, subject,
              (found.empty() ? "no series matches '" : "several series match '") + wanted + "' (" + listing(all) + ")",
              "Give its number with --series.");
}

const DicomSeries& chosen_series(const std::string& subject, const std::vector<DicomSeries>& all,
                                 const VolumeReadOptions& options) {
  if (!options.series.empty()) return named_series(subject, all, options.series);
  std::vector<const DicomSeries*> plausible;
  for (const DicomSeries& s : all)
    if (obstacle(s).empty() && s.slices.size() >= kPlausibleSlices) plausible.push_back(&s);
  if (plausible.size() == 1) return *plausible[0];
  if (plausible.size() > 1)
    throw Error(ErrorCode::kUsage, subject, "the folder holds several series that may be meant (" + listing(all) + ")",
                "Choose one with --series NUMBER.");
  if (all.size() == 1) return all[0];
  if (std::none_of(all.begin(), all.end(), [](const DicomSeries& s) { return obstacle(s).empty(); }))
    throw Error(ErrorCode::kUnsupported, subject,
                "the folder holds only " + obstacle(all[0]) + " (" + listing(all) + ")", obstacle_remedy(all[0]));
  throw Error(ErrorCode::kUnsupported, subject,
              "no series in it is a volume of at least " + std::to_string(kPlausibleSlices) + " MR slices (" +
                  listing(all) + ")",
              "Choose the folder of one MR series, or name one with --series.");
}

/// Which of several was taken; empty where there was no choice.
std::string choice_of(const std::vector<DicomSeries>& all, const DicomSeries& chosen) {
  if (all.size() < 2) return {};
  std::string others;
  std::size_t number = 0;
  for (std::size_t i = 0; i < all.size(); ++i) {
    if (&all[i] == &chosen) {
      number = i + 1;
    } else {
      others += (others.empty() ? "" : "; ") + std::to_string(i + 1) + ": " + described(all[i]);
    }
  }
  return "series " + std::to_string(number) + " of the folder was read: " + described(chosen) + " (others: " + others +
         ")";
}

/// A slice with its place along the normal.
struct Placed {
  double along = 0;
  const DicomSlice* slice = nullptr;
};

bool same_pixels(const fs::path& a, const fs::path& b) {
  const auto pixels = [](const fs::path& path) {
    gdcm::ImageReader reader;
    reader.SetFileName(path.c_str());
    std::vector<char> buffer;
    if (reader.Read()) {
      buffer.resize(reader.GetImage().GetBufferLength());
      reader.GetImage().GetBuffer(buffer.data());
    }
    return buffer;
  };
  const auto first = pixels(a);
  return !first.empty() && first == pixels(b);
}

/// Sorted along the normal; exact duplicates dropped with a notice, different slices at one place refused.
std::vector<Placed> placed_slices(const std::string& subject, const DicomSeries& series,
                                  std::vector<std::string>& notices) {
  std::vector<Placed> placed;
  const auto normal = series.normal();
  for (const DicomSlice& slice : series.slices) placed.push_back({dot(slice.position, normal), &slice});
  std::sort(placed.begin(), placed.end(), [](const Placed& a, const Placed& b) { return a.along < b.along; });
  std::vector<Placed> unique;
  int dropped = 0;
  for (const Placed& one : placed) {
    if (unique.empty() || one.along - unique.back().along > kSamePositionMm) {
      unique.push_back(one);
      continue;
    }
    if (!same_pixels(unique.back().slice->path, one.slice->path))
      throw Error(ErrorCode::kUnsupported, subject,
                  "two different slices lie at the same position (" + mm(one.along) + " mm along the normal)",
                  "The folder may mix two acquisitions or time points: separate them.");
    ++dropped;
  }
  if (dropped > 0)
    notices.push_back(std::to_string(dropped) + " duplicate slice" + (dropped > 1 ? "s were" : " was") + " dropped");
  return unique;
}

void check_tilt(const std::string& subject, const DicomSeries& series, const std::vector<Placed>& slices) {
  const auto &first = slices.front().slice->position, &last = slices.back().slice->position;
  const std::array<double, 3> way{last[0] - first[0], last[1] - first[1], last[2] - first[2]};
  const double length = std::sqrt(dot(way, way)),
               cosine = std::min(1.0, std::abs(dot(way, series.normal())) / std::max(length, 1e-12));
  const double degrees = std::acos(cosine) * 180 / 3.14159265358979323846;
  if (degrees > kMaxTiltDegrees)
    throw Error(ErrorCode::kUnsupported, subject,
                "the slices are stacked at an angle of " + mm(degrees) + " degrees to their normal (gantry tilt)",
                "Resample the series to a regular grid first.");
}

/// The usual distance of neighbours; a gap or an irregular step is refused unless the caller resamples.
double checked_step(const std::string& subject, const std::vector<Placed>& slices, bool accept_irregular,
                    bool& irregular) {
  std::vector<double> steps;
  for (std::size_t i = 1; i < slices.size(); ++i) steps.push_back(slices[i].along - slices[i - 1].along);
  std::vector<double> sorted = steps;
  std::nth_element(sorted.begin(), sorted.begin() + static_cast<std::ptrdiff_t>(sorted.size() / 2), sorted.end());
  const double step = sorted[sorted.size() / 2];
  for (std::size_t i = 0; i < steps.size(); ++i) {
    if (std::abs(steps[i] - step) <= std::max(kStepMm, kStepShare * step)) continue;
    irregular = true;
    if (accept_irregular) continue;
    const double missing = steps[i] / step - 1;
    const std::string what =
        missing > 0.5 ? "about " + std::to_string(static_cast<int>(std::lround(missing))) + " slice(s) are missing"
                      : "the slice distance is irregular";
    throw Error(ErrorCode::kUnsupported, subject,
                what + " between slices " + std::to_string(i + 1) + " and " + std::to_string(i + 2) + " (" +
                    mm(steps[i]) + " mm apart instead of " + mm(step) + ")",
                "Copy the whole series, or pass --accept-irregular-slices to interpolate.");
  }
  return step;
}

std::vector<float> read_slice(const std::string& subject, const DicomSlice& slice, const DicomSeries& series) {
  try {
    auto reader = itk::ImageFileReader<itk::Image<float, 3>>::New();
    auto image_io = itk::GDCMImageIO::New();
    reader->SetImageIO(image_io);
    reader->SetFileName(slice.path.string());
    reader->Update();
    const auto count = static_cast<std::size_t>(series.rows) * static_cast<std::size_t>(series.columns);
    if (reader->GetOutput()->GetBufferedRegion().GetNumberOfPixels() != count)
      throw Error(ErrorCode::kCorrupt, subject, "a slice has another size than its header says",
                  "Copy the series again.");
    const float* first = reader->GetOutput()->GetBufferPointer();
    return {first, first + count};
  } catch (const itk::ExceptionObject& exception) {
    throw Error(ErrorCode::kCorrupt, subject, "a slice cannot be read (" + reason_of(exception) + ")",
                "Copy the series again; a file may be truncated.");
  }
}

Geometry geometry_of(const DicomSeries& series, const std::vector<Placed>& slices, double step) {
  Geometry g;
  const auto normal = series.normal();
  g.size = {series.columns, series.rows, static_cast<std::int64_t>(slices.size())};
  g.spacing_mm = {series.column_spacing, series.row_spacing, step};  // PixelSpacing is (y, x)
  g.origin_mm = slices.front().slice->position;
  for (std::size_t row = 0; row < 3; ++row) {
    g.direction[3 * row] = series.orientation[row];
    g.direction[3 * row + 1] = series.orientation[3 + row];
    g.direction[3 * row + 2] = normal[row];
  }
  return g;
}

/// Slices at irregular places onto a regular grid, linearly between neighbours.
std::vector<float> interpolated(const std::vector<std::vector<float>>& planes, const std::vector<Placed>& slices,
                                double step, std::int64_t count) {
  std::vector<float> values;
  std::size_t below = 0;
  for (std::int64_t k = 0; k < count; ++k) {
    const double along = slices.front().along + static_cast<double>(k) * step;
    while (below + 2 < slices.size() && slices[below + 1].along <= along) ++below;
    const double span = slices[below + 1].along - slices[below].along;
    const auto share = static_cast<float>(std::clamp((along - slices[below].along) / span, 0.0, 1.0));
    for (std::size_t i = 0; i < planes[below].size(); ++i)
      values.push_back(planes[below][i] * (1 - share) + planes[below + 1][i] * share);
  }
  return values;
}

Volume read_series(const std::string& subject, const DicomSeries& series, const VolumeReadOptions& options) {
  if (const std::string problem = obstacle(series); !problem.empty())
    throw Error(ErrorCode::kUnsupported, subject, "the series is " + problem, obstacle_remedy(series));
  Volume volume;
  volume.modality = series.modality;
  if (!series.choice.empty()) volume.notices.push_back(series.choice);
  const auto slices = placed_slices(subject, series, volume.notices);
  if (slices.size() < 2)
    throw Error(ErrorCode::kUnsupported, subject, "this is one 2-D slice, not a volume",
                "Give the folder of the whole series.");
  check_memory(subject, static_cast<double>(series.rows) * series.columns * static_cast<double>(slices.size()),
               options);
  check_tilt(subject, series, slices);
  bool irregular = false;
  const double step = checked_step(subject, slices, options.accept_irregular_slices, irregular);
  volume.geometry = geometry_of(series, slices, step);
  std::vector<std::vector<float>> planes;
  for (const Placed& placed : slices) {
    auto plane = read_slice(subject, *placed.slice, series);
    if (irregular)
      planes.push_back(std::move(plane));
    else
      volume.values.insert(volume.values.end(), plane.begin(), plane.end());
  }
  if (irregular) {
    volume.geometry.size[2] =
        static_cast<std::int64_t>(std::floor((slices.back().along - slices.front().along) / step + 0.5)) + 1;
    volume.values = interpolated(planes, slices, step, volume.geometry.size[2]);
    volume.notices.push_back("the slices are not evenly spaced: the volume was interpolated onto a regular grid of " +
                             mm(step) + " mm");
  }
  finish_volume(subject, volume);
  return volume;
}

}  // namespace

bool is_dicom(const fs::path& path) {
  return fs::is_directory(path) || is_dicom_file(path);
}

DicomSeries dicom_series_at(const fs::path& path, const VolumeReadOptions& options) {
  const std::string subject = path.string();
  const auto all = scan_dicom_folder(fs::is_directory(path)       ? path
                                     : path.parent_path().empty() ? fs::path(".")
                                                                  : path.parent_path());
  if (all.empty())
    throw Error(ErrorCode::kUnsupported, subject, "the folder holds no DICOM images",
                "Choose the folder of one MR series.");
  if (fs::is_directory(path)) {
    const DicomSeries& chosen = chosen_series(subject, all, options);
    DicomSeries series = chosen;
    series.choice = choice_of(all, chosen);
    return series;
  }
  for (const DicomSeries& series : all)
    for (const DicomSlice& slice : series.slices)
      if (fs::equivalent(slice.path, path)) return series;
  throw Error(ErrorCode::kUnsupported, subject, "this DICOM file holds no image",
              "Choose the folder of one MR series.");
}

Volume read_dicom(const fs::path& path, const VolumeReadOptions& options) {
  silence_itk();
  return read_series(path.string(), dicom_series_at(path, options), options);
}

std::vector<SeriesInfo> list_series(const fs::path& folder) {
  std::vector<SeriesInfo> list;
  for (const DicomSeries& series : scan_dicom_folder(folder)) {
    SeriesInfo info{series.description, series.modality, {}, series.uid};
    info.geometry.size = {series.columns, series.rows, static_cast<std::int64_t>(series.slices.size())};
    info.geometry.spacing_mm = {series.column_spacing, series.row_spacing, usual_step(series)};
    list.push_back(info);
  }
  return list;
}

}  // namespace fovea::io
