#include <fovea/io/dicom_index.h>

#include <gdcmReader.h>
#include <gdcmStringFilter.h>
#include <gdcmTrace.h>

namespace fovea::io {
namespace {

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\0')) text.pop_back();
  return text;
}

}  // namespace

std::optional<DicomHeader> read_dicom_header(const std::filesystem::path& file) {
  gdcm::Trace::WarningOff();
  gdcm::Trace::ErrorOff();
  gdcm::Trace::DebugOff();
  try {
    gdcm::Reader reader;
    reader.SetFileName(file.c_str());
    if (!reader.ReadUpToTag(gdcm::Tag(0x7fe0, 0x0010))) return {};
    gdcm::StringFilter filter;
    filter.SetFile(reader.GetFile());
    const auto text = [&](std::uint16_t group, std::uint16_t element) {
      return trimmed(filter.ToString(gdcm::Tag(group, element)));
    };
    DicomHeader header;
    header.patient_id = text(0x0010, 0x0020);
    header.study_uid = text(0x0020, 0x000d), header.series_uid = text(0x0020, 0x000e);
    header.modality = text(0x0008, 0x0060), header.description = text(0x0008, 0x103e);
    header.has_pixels = !text(0x0028, 0x0010).empty() && !text(0x0028, 0x0011).empty();
    if (header.series_uid.empty()) return {};  // no DICOM, whatever the parser made of it
    return header;
  } catch (const std::exception&) {
    return {};
  }
}

}  // namespace fovea::io
