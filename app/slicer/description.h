// A module's self-description in the XML of 3D Slicer's execution model.
#pragma once

#include <string>

#include "module.h"

namespace fovea::slicer {

/// Starts with the XML declaration and ends with a line break: the answer to --xml and the shipped .xml, byte for byte.
std::string description_xml(const Module& module);
/// For --help.
std::string help_text(const Module& module);

}  // namespace fovea::slicer
