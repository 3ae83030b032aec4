// What a DICOM file says of itself, read up to its identifiers and no further.
#pragma once

#include <filesystem>

#include <fovea/io/pacs.h>

namespace fovea::io::pacs {

/// Nothing in `calling_ae` and `bytes`. Unreadable files and those without identifiers have an empty instance UID.
ReceivedObject object_header(const std::filesystem::path& file);

}  // namespace fovea::io::pacs
