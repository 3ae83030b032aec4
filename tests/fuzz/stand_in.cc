// The table of jobs and the log as small as they can be, so that the fuzzers need neither LibTorch nor ITK.
#include <fovea/pipeline/job.h>

#include "log/log.h"

namespace fovea::pipeline {

std::span<const JobKind> job_kinds() {
  using T = ParameterType;
  static const std::vector<JobKind> kinds = [] {
    JobKind kind;
    kind.name = "slide tiles";
    kind.parameters = {
        {.name = "slides", .type = T::kFileList, .help = "slides", .required = true, .positional = true},
        {.name = "out", .type = T::kOutputFolder, .help = "out", .required = true},
        {.name = "mpp", .type = T::kNumber, .help = "scale"},
        {.name = "tile", .type = T::kInteger, .help = "edge"},
        {.name = "read-tiles", .type = T::kFlag, .help = "read", .fallback = false},
        {.name = "overlap", .type = T::kText, .help = "overlap"},
        {.name = "method", .type = T::kChoice, .help = "method", .fallback = std::string("a"), .choices = {"a", "b"}},
        {.name = "table", .type = T::kOutputFile, .help = "table"},
        {.name = "labels", .type = T::kTextList, .help = "labels"}};
    return std::vector<JobKind>{kind};
  }();
  return kinds;
}

std::string version() {
  return "fuzz";
}
void set_verbose(bool) {}
void log_info(std::string_view) {}
void log_warning(std::string_view) {}

}  // namespace fovea::pipeline
