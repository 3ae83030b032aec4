#include "volume/dicom_series.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <map>
#include <sstream>

#include <gdcmAttribute.h>
#include <gdcmReader.h>
#include <gdcmStringFilter.h>
#include <gdcmTrace.h>

namespace fovea::io {
namespace {

namespace fs = std::filesystem;

std::string trimmed(std::string text) {
  while (!text.empty() && (text.back() == ' ' || text.back() == '\0')) text.pop_back();
  return text;
}

/// "1\2\3" as numbers, in the C locale whatever the user's is.
std::vector<double> numbers(const std::string& text) {
  std::vector<double> values;
  std::stringstream stream(text);
  for (std::string part; std::getline(stream, part, '\\');) {
    std::istringstream one(part);
    one.imbue(std::locale::classic());
    double value = 0;
    if (one >> value) values.push_back(value);
  }
  return values;
}

class Header {
 public:
  explicit Header(const gdcm::File& file) { filter_.SetFile(file); }
  std::string text(std::uint16_t group, std::uint16_t element) {
    return trimmed(filter_.ToString(gdcm::Tag(group, element)));
  }
  int whole(std::uint16_t group, std::uint16_t element, int otherwise) {
    const auto values = numbers(text(group, element));
    return values.empty() ? otherwise : static_cast<int>(values[0]);
  }

 private:
  gdcm::StringFilter filter_;
};

struct Scanned {
  DicomSeries series;  // with no slices
  DicomSlice slice;
};

bool scan_file(const fs::path& path, Scanned& out) {
  gdcm::Reader reader;
  reader.SetFileName(path.c_str());
  if (!reader.ReadUpToTag(gdcm::Tag(0x7fe0, 0x0010))) return false;
  Header header(reader.GetFile());
  DicomSeries& s = out.series;
  s.uid = header.text(0x0020, 0x000e);
  s.rows = header.whole(0x0028, 0x0010, 0);
  s.columns = header.whole(0x0028, 0x0011, 0);
  if (s.rows < 1 || s.columns < 1) return false;  // no image: a report, a DICOMDIR, presentation state
  s.description = header.text(0x0008, 0x103e);
  s.modality = header.text(0x0008, 0x0060);
  s.sop_class = header.text(0x0008, 0x0016);
  s.image_type = header.text(0x0008, 0x0008);
  s.samples = header.whole(0x0028, 0x0002, 1);
  s.frames = header.whole(0x0028, 0x0008, 1);
  const auto spacing = numbers(header.text(0x0028, 0x0030)), position = numbers(header.text(0x0020, 0x0032)),
             orientation = numbers(header.text(0x0020, 0x0037));
  s.has_geometry = spacing.size() == 2 && position.size() == 3 && orientation.size() == 6;
  if (s.has_geometry) {
    s.row_spacing = spacing[0], s.column_spacing = spacing[1];
    std::copy_n(orientation.begin(), 6, s.orientation.begin());
    std::copy_n(position.begin(), 3, out.slice.position.begin());
  }
  out.slice.path = path;
  return true;
}

/// A series is one acquisition on one in-plane grid: a localiser in three planes is three.
std::string key_of(const DicomSeries& s) {
  std::string key = s.uid + "|" + std::to_string(s.rows) + "x" + std::to_string(s.columns) + "|" +
                    s.image_type.substr(0, s.image_type.find("\\MOSAIC"));
  char text[32];
  for (double value : s.orientation) {
    std::snprintf(text, sizeof text, "|%d", static_cast<int>(std::lround(value * 100)));
    key += text;
  }
  for (double value : {s.row_spacing, s.column_spacing}) {
    std::snprintf(text, sizeof text, "|%d", static_cast<int>(std::lround(value * 1000)));
    key += text;
  }
  return key;
}

}  // namespace

std::array<double, 3> DicomSeries::normal() const {
  const auto& o = orientation;
  return {o[1] * o[5] - o[2] * o[4], o[2] * o[3] - o[0] * o[5], o[0] * o[4] - o[1] * o[3]};
}

bool is_dicom_file(const fs::path& path) {
  gdcm::Trace::WarningOff();
  gdcm::Trace::ErrorOff();
  gdcm::Trace::DebugOff();
  Scanned scanned;
  return scan_file(path, scanned);
}

std::vector<DicomSeries> scan_dicom_folder(const fs::path& folder) {
  gdcm::Trace::WarningOff();
  gdcm::Trace::ErrorOff();
  gdcm::Trace::DebugOff();
  std::vector<fs::path> files;
  for (const auto& entry : fs::recursive_directory_iterator(folder, fs::directory_options::skip_permission_denied))
    if (entry.is_regular_file()) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  std::map<std::string, DicomSeries> grouped;
  std::vector<std::string> order;
  for (const fs::path& file : files) {
    Scanned scanned;
    if (!scan_file(file, scanned)) continue;
    const std::string key = key_of(scanned.series);
    auto [place, fresh] = grouped.try_emplace(key, scanned.series);
    if (fresh) order.push_back(key);
    place->second.slices.push_back(scanned.slice);
  }
  std::vector<DicomSeries> series;
  for (const std::string& key : order) series.push_back(std::move(grouped[key]));
  return series;
}

}  // namespace fovea::io
