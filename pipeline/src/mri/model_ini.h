// pre_processing.ini of a model folder, the way out (the way in: model_metadata.h).
#pragma once

#include <map>
#include <string>

namespace fovea::pipeline::mri {

/// Keys with their texts in the sections where Raidionics looks for them; keys that it does not know stand under
/// [Fovea].
std::string preprocessing_ini(const std::map<std::string, std::string>& keys);

}  // namespace fovea::pipeline::mri
