// What the listener does with an arriving series: the first rule that fits says which model, and where results go.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <fovea/io/pacs.h>
#include <fovea/pipeline/job.h>

namespace fovea::pipeline::pacs {

struct Rule {
  std::string name;
  std::vector<std::string> calling_ae;       ///< empty = any
  std::string modality = "MR", description;  ///< the description holds this text, in any case; empty = any
  std::map<std::string, Value> segment;      ///< values of `mri segment`: model and options
  std::string destination;                   ///< a key of Rules::destinations
  bool send_seg = true, send_pdf = true;
};

struct Rules {
  std::vector<Rule> rules;
  std::map<std::string, io::PacsPeer> destinations;
  /// Nothing when none fits.
  const Rule* fitting(const std::string& calling_ae, const std::string& modality, const std::string& description) const;
  const Rule* named(const std::string& name) const;
};

/// `ae` is ours, for the way back. Relative paths count from the file's folder. Error(kUsage) with everything that is
/// wrong: unknown keys, missing models, options that `mri segment` does not have.
Rules read_rules(const std::filesystem::path& path, const std::string& ae);

}  // namespace fovea::pipeline::pacs
