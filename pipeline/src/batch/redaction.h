// Messages without the names of files, which often are the names of patients.
#pragma once

#include <string>
#include <vector>

#include "batch/manifest.h"

namespace fovea::pipeline::batch {

class Redaction {
 public:
  /// Of the request's inputs and of `work`, where its outputs are.
  Redaction(const JobRequest& request, const std::filesystem::path& work);
  /// Paths, file names and their stems (of three letters and more, as whole words) become "input" or "input 2"; the
  /// folder of the outputs vanishes.
  std::string operator()(std::string text) const;

 private:
  struct Rule {
    std::string found, instead;
    bool word = false;  ///< only between characters that are no letters or digits
  };
  std::vector<Rule> rules_;
};

}  // namespace fovea::pipeline::batch
