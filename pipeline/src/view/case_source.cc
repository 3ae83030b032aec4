#include <fovea/pipeline/case_source.h>

#include <algorithm>
#include <map>
#include <set>

#include <fovea/base/error.h>
#include <fovea/io/dicom_index.h>
#include <fovea/io/hash.h>

#include "progress.h"

namespace fovea::pipeline {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kSlideEndings[] = {".svs", ".ndpi", ".vms", ".vmu",     ".scn", ".mrxs",
                                              ".tif", ".tiff", ".bif", ".svslide", ".czi"};
constexpr std::string_view kPictureEndings[] = {".png", ".jpg", ".jpeg"};  // slides when given by name
constexpr std::string_view kScanEndings[] = {".nii", ".nii.gz", ".nrrd", ".nhdr", ".mha", ".mhd", ".hdr"};

bool ends_with_any(const fs::path& path, std::span<const std::string_view> endings) {
  std::string name = path.filename().string();
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  return std::any_of(endings.begin(), endings.end(), [&](std::string_view end) { return name.ends_with(end); });
}

/// Files of ours beside an input: segmentations and probabilities are results, not cases.
bool holds_results(const fs::path& folder) {
  std::error_code ignored;
  for (const char* name : {"prediction.json", "report.json", "explanation.json", "segmentation.nii.gz"})
    if (fs::exists(folder / name, ignored)) return true;
  return false;
}

/// DICOM files of one study (of one series for slides).
struct Group {
  bool slide = false;
  std::string patient, modality;
  std::set<std::string> series;
  std::set<fs::path> folders;
  fs::path first;
};

fs::path common_folder(const std::set<fs::path>& folders) {
  fs::path common = *folders.begin();
  for (const fs::path& folder : folders)
    while (std::mismatch(common.begin(), common.end(), folder.begin(), folder.end()).first != common.end())
      common = common.parent_path();
  return common;
}

class Sorter {
 public:
  explicit Sorter(std::stop_token stop) : stop_(std::move(stop)) {}

  void add_folder(const fs::path& folder) {
    std::error_code error;
    fs::recursive_directory_iterator walk(folder, fs::directory_options::skip_permission_denied, error), end;
    for (; !error && walk != end; walk.increment(error)) {
      throw_if_stopped(stop_);
      const fs::path& path = walk->path();
      std::error_code ignored;
      if (walk->is_directory(ignored)) {
        const bool hidden = path.filename().string().starts_with(".");
        if (hidden || holds_results(path) || fs::exists(fs::path(path.string() + ".mrxs"), ignored))
          walk.disable_recursion_pending();
      } else if (walk->is_regular_file(ignored)) {
        add_found(path);
      }
    }
  }

  void add_file(const fs::path& path) {
    if (add_found(path)) return;
    if (ends_with_any(path, kPictureEndings)) return add_plain(SourceKind::kSlide, path);
    sources_.push_back(
        {SourceKind::kUnknown, path, {}, {}, "this file is neither a slide nor a scan that can be read"});
  }

  std::vector<CaseSource> finish() {
    for (const auto& [key, group] : groups_) {
      CaseSource source;
      source.kind = group.slide ? SourceKind::kSlide : SourceKind::kScan;
      const fs::path folder = common_folder(group.folders);
      source.path = alone_in(folder, key) ? folder : group.first;
      source.patient = group.patient;
      source.detail = group.modality + ", " + std::to_string(group.series.size()) + " series";
      sources_.push_back(std::move(source));
    }
    std::stable_sort(sources_.begin(), sources_.end(), [](const auto& a, const auto& b) { return a.path < b.path; });
    return std::move(sources_);
  }

 private:
  bool add_found(const fs::path& path) {
    if (ends_with_any(path, kSlideEndings)) return add_plain(SourceKind::kSlide, path), true;
    if (ends_with_any(path, kScanEndings)) return add_plain(SourceKind::kScan, path), true;
    const std::string ending = path.extension().string();
    // DICOM files are called *.dcm, 1.2.840.*, IM0001 or anything without an ending.
    if (ending != ".dcm" && ending != ".ima" && ending != ".IMA" && ending.size() > 1 && !std::isdigit(ending[1]))
      return false;
    const auto header = io::read_dicom_header(path);
    if (!header || !header->has_pixels) return false;
    add_dicom(path, *header);
    return true;
  }

  void add_plain(SourceKind kind, const fs::path& path) {
    sources_.push_back({kind, path, {}, path.extension().string(), {}});
  }

  void add_dicom(const fs::path& path, const io::DicomHeader& header) {
    const bool slide = header.modality == "SM";
    const std::string key = header.patient_id + "\n" + header.study_uid + "\n" + (slide ? header.series_uid : "");
    Group& group = groups_[key];
    if (group.series.empty()) {
      group.slide = slide, group.modality = header.modality, group.first = path;
      const std::string identity = header.patient_id.empty() ? header.study_uid : header.patient_id;
      group.patient = io::sha256(std::as_bytes(std::span<const char>(identity))).substr(0, 12);
    }
    group.series.insert(header.series_uid);
    group.folders.insert(path.parent_path());
  }

  /// A folder stands for a study only when no other study lies in it.
  bool alone_in(const fs::path& folder, const std::string& key) const {
    for (const auto& [other, group] : groups_) {
      if (other == key) continue;
      for (const fs::path& place : group.folders)
        if (std::mismatch(folder.begin(), folder.end(), place.begin(), place.end()).first == folder.end()) return false;
    }
    return true;
  }

  std::stop_token stop_;
  std::vector<CaseSource> sources_;
  std::map<std::string, Group> groups_;
};

}  // namespace

std::vector<CaseSource> find_case_sources(const fs::path& path, std::stop_token stop) {
  std::error_code ignored;
  if (!fs::exists(path, ignored))
    throw Error(ErrorCode::kNotFound, path.filename().string(), "there is no such file or folder", "Check the path.");
  Sorter sorter(std::move(stop));
  if (fs::is_directory(path, ignored))
    sorter.add_folder(path);
  else
    sorter.add_file(path);
  return sorter.finish();
}

}  // namespace fovea::pipeline
