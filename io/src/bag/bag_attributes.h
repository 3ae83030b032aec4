// Attributes of CLAM's, TRIDENT's and our bag files (wsi.md section 3).
#pragma once

#include <map>
#include <string>

#include <fovea/io/bag.h>

#include "core/hdf5_handle.h"

namespace fovea::io {

using TextAttributes = std::map<std::string, std::string>;

/// What the attributes of any of the tools say of the tiles.
BagGeometry geometry_of(const TextAttributes& attributes);

/// Adds those of `object` that are not there yet.
void add_attributes(hid_t parent, const std::string& object, TextAttributes& out);

/// TRIDENT's attributes of `coords` and ours beside them (`object`: "coords", or "." for a file whose data sets have
/// none). `attributes` may give `overlap`.
void write_geometry(hid_t file, const std::string& object, const BagGeometry& geometry, const std::string& slide,
                    const TextAttributes& attributes);

/// CLAM's attributes of `coords` in a coordinates file.
void write_clam_attributes(hid_t file, const BagGeometry& geometry, const std::string& slide);

/// Those that write_geometry and the layouts do not write themselves, as text.
void write_further(hid_t file, const std::string& object, const TextAttributes& attributes);

}  // namespace fovea::io
