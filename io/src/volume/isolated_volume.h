// A volume decoded by a helper process under limits: a crash, a hang or a bomb there is an error here.
#pragma once

#include "volume/volume_readers.h"

namespace fovea::io {

/// read_volume in a helper. Its errors, and Error(kCorrupt) when it does not survive the file.
Volume read_volume_apart(const std::filesystem::path& path, const VolumeReadOptions& options);

/// The helper's life: takes its limits from the request, answers once. Returns its exit code.
int serve_volume(int socket, int memory);

}  // namespace fovea::io
