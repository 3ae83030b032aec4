// A PDF as a DICOM object: how a report travels to a PACS.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace fovea::io {

/// Encapsulated PDF of the patient and study of `source` (a DICOM file, or a folder whose first DICOM image is taken),
/// in a series of its own. `title`: what viewers list, no identifiers of its own. Atomic. Attributes of the source that
/// break their own rules are left out; their names are returned. Error(kUnsupported) when the source is no DICOM or
/// has no study, kCorrupt when `pdf` is none, kNotFound.
std::vector<std::string> write_encapsulated_pdf(const std::filesystem::path& path, const std::filesystem::path& pdf,
                                                const std::filesystem::path& source, const std::string& title);

}  // namespace fovea::io
