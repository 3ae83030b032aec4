// Before a job starts: which models there are, and what would keep a request from running.
#pragma once

#include <filesystem>
#include <stop_token>
#include <string>
#include <vector>

#include <fovea/pipeline/job.h>

namespace fovea::pipeline {

/// What a model says of itself; nothing is loaded beyond that where the file says it.
struct ModelFacts {
  std::filesystem::path path;
  std::string name;  ///< file name without ending
  std::string task;  ///< "mil", "segmentation", "encoder"; empty: see problem
  std::string architecture, encoder, card;
  std::vector<std::string> labels;
  double mpp = 0;  ///< of slide models, 0 = not said
  std::int64_t tile_px = 0;
  std::string problem;  ///< why it cannot be used, one sentence
};

/// Weight files and Raidionics folders of a folder, by name. A folder that is not there has none.
std::vector<ModelFacts> models_in(const std::filesystem::path& folder, std::stop_token stop = {});

/// Why a job of this kind ("slide predict", "mri segment") cannot use the model; empty when it can.
std::string misfit(const ModelFacts& model, std::string_view job_kind);

struct PreflightCheck {
  enum class State { kGood, kNote, kBad };
  std::string name;  ///< "scale", "encoder", ...: a stable key
  State state = State::kGood;
  std::string sentence;
};

/// Looks at the input's header, the model, the encoder's weights and the output folder, without computing anything.
/// The job may start when nothing is kBad. Only what the request names is looked at.
std::vector<PreflightCheck> preflight(const JobRequest& request, std::stop_token stop = {});

}  // namespace fovea::pipeline
