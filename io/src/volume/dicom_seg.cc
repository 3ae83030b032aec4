#include <fovea/io/dicom_seg.h>

#include <algorithm>
#include <charconv>
#include <cmath>
#include <memory>

#include <dcmtk/config/osconfig.h>
#include <dcmtk/dcmdata/dctk.h>
#include <dcmtk/dcmfg/fgderimg.h>
#include <dcmtk/dcmfg/fgfracon.h>
#include <dcmtk/dcmfg/fgpixmsr.h>
#include <dcmtk/dcmfg/fgplanor.h>
#include <dcmtk/dcmfg/fgplanpo.h>
#include <dcmtk/dcmseg/segdoc.h>
#include <dcmtk/dcmseg/segment.h>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>

#include "volume/dicom_modules.h"
#include "volume/dicom_series.h"
#include "volume/volume_readers.h"

namespace fovea::io {
namespace {

namespace fs = std::filesystem;
constexpr double kSamePlaceMm = 0.1;
constexpr std::size_t kLongString = 64, kShortString = 16;

void check(const OFCondition& condition, const char* what) {
  if (condition.bad())
    throw Error(ErrorCode::kWriteFailed, "DICOM SEG", std::string(what) + " failed: " + condition.text(),
                "Write .seg.nrrd instead, and report the series' kind to us.");
}

/// A decimal string of DICOM has at most 16 characters: as many digits as fit.
std::string decimal(double value) {
  char text[64];
  for (int digits = 15; digits > 0; --digits) {
    const auto end = std::to_chars(text, text + sizeof text, value, std::chars_format::general, digits).ptr;
    if (end - text <= static_cast<std::ptrdiff_t>(kShortString)) return {text, end};
  }
  return "0";
}

OFString of(const std::string& text, std::size_t longest = kLongString) {
  return OFString(text.substr(0, longest).c_str());
}

CodeSequenceMacro code_of(const DicomCode& code) {
  return {of(code.value, kShortString), of(code.scheme, kShortString), of(code.meaning)};
}

class Writer {
 public:
  Writer(const LabelVolume& labels, const std::vector<DicomSegment>& segments, const DicomSeries& series)
      : labels_(labels), segments_(segments), series_(series), g_(labels.geometry) {}

  std::vector<std::string> write(const fs::path& path) {
    OFLog::configure(OFLogger::OFF_LOG_LEVEL);
    if (g_.size[0] != series_.columns || g_.size[1] != series_.rows)
      throw Error(ErrorCode::kShape, path.filename().string(), "the labels do not lie on the series' slices",
                  "Segment the series itself.");
    create();
    const std::vector<std::string> dropped = import_source();
    add_segments();
    add_shared_groups();
    add_frames();
    write_with(path, [&](const fs::path& temporary) {
      check(seg_->saveFile(temporary.c_str(), EXS_LittleEndianExplicit), "saving");
    });
    return dropped;
  }

 private:
  void create() {
    const IODGeneralEquipmentModule::EquipmentInfo equipment("Fovea", "Fovea", "1", of(segments_.front().algorithm));
    const ContentIdentificationMacro content("1", "SEGMENTATION", "Automatic segmentation, research only", "Fovea");
    DcmSegmentation* made = nullptr;
    check(DcmSegmentation::createBinarySegmentation(made, static_cast<Uint16>(series_.rows),
                                                    static_cast<Uint16>(series_.columns), equipment, content),
          "creating the object");
    seg_.reset(made);
    check(seg_->getSeries().setSeriesNumber("300"), "numbering the series");
    check(seg_->getSeries().setSeriesDescription("Segmentation (Fovea, research only)"), "describing the series");
  }

  std::vector<std::string> import_source() {
    DcmFileFormat file;
    check(file.loadFile(series_.slices.front().path.c_str(), EXS_Unknown, EGL_noChange, DCM_MaxReadLength,
                        ERM_autoDetect),
          "reading the source");
    std::vector<std::string> dropped = drop_invalid(*file.getDataset());
    check(seg_->importFromSourceImage(*file.getDataset()), "taking over patient and study");
    return dropped;
  }

  void add_segments() {
    for (const DicomSegment& segment : segments_) {
      DcmSegment* made = nullptr;
      check(DcmSegment::create(made, of(segment.name), code_of(segment.category), code_of(segment.type),
                               DcmSegTypes::SAT_AUTOMATIC, of(segment.algorithm)),
            "describing a segment");
      Uint16 number = 0;
      check(seg_->addSegment(made, number), "adding a segment");
    }
  }

  void add_shared_groups() {
    FGPixelMeasures measures;
    check(measures.setPixelSpacing(of(decimal(g_.spacing_mm[1]) + "\\" + decimal(g_.spacing_mm[0]))), "pixel spacing");
    check(measures.setSliceThickness(of(decimal(g_.spacing_mm[2]))), "slice thickness");
    check(measures.setSpacingBetweenSlices(of(decimal(g_.spacing_mm[2]))), "slice spacing");
    check(seg_->addForAllFrames(measures), "adding pixel measures");
    const auto& d = g_.direction;
    const std::unique_ptr<FGPlaneOrientationPatient> orientation(
        FGPlaneOrientationPatient::createMinimal(of(decimal(d[0])), of(decimal(d[3])), of(decimal(d[6])),
                                                 of(decimal(d[1])), of(decimal(d[4])), of(decimal(d[7]))));
    if (!orientation) check(EC_InvalidValue, "plane orientation");
    check(seg_->addForAllFrames(*orientation), "adding the orientation");
    char uid[100];
    const OFString organisation(dcmGenerateUniqueIdentifier(uid));
    check(seg_->getDimensions().addDimensionIndex(DCM_ReferencedSegmentNumber, organisation,
                                                  DCM_SegmentIdentificationSequence, "Segment"),
          "adding a dimension");
    check(seg_->getDimensions().addDimensionIndex(DCM_ImagePositionPatient, organisation, DCM_PlanePositionSequence,
                                                  "Position"),
          "adding a dimension");
  }

  void add_frames() {
    const auto area = static_cast<std::size_t>(g_.size[0] * g_.size[1]);
    std::vector<Uint8> pixels(area);
    bool any = false;
    for (std::size_t s = 0; s < segments_.size(); ++s)
      for (std::int64_t k = 0; k < g_.size[2]; ++k) {
        const std::uint8_t* slice = labels_.values.data() + static_cast<std::size_t>(k) * area;
        std::transform(slice, slice + area, pixels.begin(),
                       [&](std::uint8_t v) { return static_cast<Uint8>(v == segments_[s].label_value); });
        if (std::find(pixels.begin(), pixels.end(), 1) == pixels.end()) continue;
        add_frame(pixels, s + 1, k);
        any = true;
      }
    // The standard wants a frame; an empty one says that nothing was found.
    std::fill(pixels.begin(), pixels.end(), Uint8{0});
    if (!any) add_frame(pixels, 1, 0);
  }

  void add_frame(std::vector<Uint8>& pixels, std::size_t segment, std::int64_t k) {
    const auto place = g_.point_lps({0, 0, static_cast<double>(k)});
    const std::unique_ptr<FGPlanePosPatient> position(
        FGPlanePosPatient::createMinimal(of(decimal(place[0])), of(decimal(place[1])), of(decimal(place[2]))));
    if (!position) check(EC_InvalidValue, "plane position");
    FGFrameContent content;
    check(content.setDimensionIndexValues(static_cast<Uint32>(segment), 0), "dimension values");
    check(content.setDimensionIndexValues(static_cast<Uint32>(k + 1), 1), "dimension values");
    OFVector<FGBase*> groups;
    groups.push_back(position.get());
    groups.push_back(&content);
    const std::unique_ptr<FGDerivationImage> derivation = derivation_at(place);
    if (derivation) groups.push_back(derivation.get());
    check(seg_->addFrame(pixels.data(), static_cast<Uint16>(segment), groups), "adding a frame");
  }

  /// The source slice there; nothing where the volume was interpolated between slices.
  std::unique_ptr<FGDerivationImage> derivation_at(const std::array<double, 3>& place) const {
    for (const DicomSlice& slice : series_.slices) {
      const auto& p = slice.position;
      if (std::hypot(p[0] - place[0], p[1] - place[1], p[2] - place[2]) > kSamePlaceMm) continue;
      DcmFileFormat file;
      if (file.loadFileUntilTag(slice.path.c_str(), EXS_Unknown, EGL_noChange, DCM_MaxReadLength, ERM_autoDetect,
                                DCM_StudyInstanceUID)
              .bad())
        return nullptr;
      OFString sop_class, instance;
      file.getDataset()->findAndGetOFString(DCM_SOPClassUID, sop_class);
      file.getDataset()->findAndGetOFString(DCM_SOPInstanceUID, instance);
      ImageSOPInstanceReferenceMacro* made = nullptr;
      if (ImageSOPInstanceReferenceMacro::create(sop_class, instance, {}, made).bad()) return nullptr;
      const std::unique_ptr<ImageSOPInstanceReferenceMacro> reference(made);
      OFVector<ImageSOPInstanceReferenceMacro> references;
      references.push_back(*reference);
      return std::unique_ptr<FGDerivationImage>(DcmSegmentation::createDerivationImageFG(references, ""));
    }
    return nullptr;
  }

  const LabelVolume& labels_;
  const std::vector<DicomSegment>& segments_;
  const DicomSeries& series_;
  const Geometry& g_;
  std::unique_ptr<DcmSegmentation> seg_;
};

}  // namespace

bool is_dicom_source(const fs::path& source) {
  return is_dicom(source);
}

std::vector<std::string> write_dicom_seg(const fs::path& path, const LabelVolume& labels,
                                         const std::vector<DicomSegment>& segments, const fs::path& source,
                                         const VolumeReadOptions& options) {
  if (!is_dicom(source))
    throw Error(ErrorCode::kUnsupported, source.filename().string(),
                "a DICOM SEG needs a DICOM series as its source: patient and study are taken from it, never invented",
                "Segment the DICOM series, or leave --dicom-seg out.");
  if (segments.empty()) throw Error(ErrorCode::kInternal, "DICOM SEG", "no segment is named");
  return Writer(labels, segments, dicom_series_at(source, options)).write(path);
}

}  // namespace fovea::io
