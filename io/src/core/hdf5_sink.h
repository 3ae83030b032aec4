// New HDF5 files on a driver of ours. The library does not survive a write that fails (a full disk) while it closes a
// file: it keeps the file open and crashes at the end of the process. Our driver never fails towards it: what the disk
// did not take is kept in memory, the error is remembered and told when we ask.
#pragma once

#include <filesystem>

#include "core/hdf5_handle.h"

namespace fovea::io::h5 {

/// Makes a file; throws std::system_error.
Handle create_file(const std::filesystem::path& path);

/// Throws std::system_error when the disk has refused a write to the file (made by create_file) that `object` is, or
/// lies in. Ask after every large write: until then refused bytes pile up in memory.
void check_written(hid_t object);

/// Everything to the disk, then check_written.
void flush(hid_t file);

}  // namespace fovea::io::h5
