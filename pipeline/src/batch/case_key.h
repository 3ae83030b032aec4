// What a result depends on, as one hash: a case whose key has not changed need not run again.
#pragma once

#include <filesystem>
#include <map>
#include <string>

#include "batch/manifest.h"

namespace fovea::pipeline::batch {

/// Inputs by path, size and time of change, or by content. A folder is all files below it; a .mrxs slide has the folder
/// of its name; an input that is not there is that.
class CaseKeys {
 public:
  explicit CaseKeys(bool by_content) : by_content_(by_content) {}
  /// SHA-256 of job, values, inputs and the program's version.
  std::string key_of(const Case& item);

 private:
  std::string identity_of(const std::filesystem::path& input);
  std::string file_identity(const std::filesystem::path& file);

  bool by_content_;
  std::map<std::string, std::string> hashes_;  ///< of contents: a thousand cases share one model
};

}  // namespace fovea::pipeline::batch
