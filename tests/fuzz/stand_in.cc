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
    JobKind segment;
    segment.name = "mri segment";
    segment.parameters = {
        {.name = "volumes", .type = T::kFileList, .help = "volumes", .positional = true},
        {.name = "modality", .type = T::kTextList, .help = "modalities"},
        {.name = "model", .type = T::kFile, .help = "model", .required = true},
        {.name = "out", .type = T::kOutputFolder, .help = "out", .required = true},
        {.name = "threshold", .type = T::kNumber, .help = "threshold"},
        {.name = "min-component-ml", .type = T::kNumber, .help = "smallest", .fallback = 0.1},
        {.name = "compat", .type = T::kChoice, .help = "pipeline", .fallback = std::string("a"), .choices = {"a", "b"}},
        {.name = "label-name", .type = T::kText, .help = "name", .fallback = std::string("Lesion")},
        {.name = "threads", .type = T::kInteger, .help = "threads", .fallback = std::int64_t{0}},
        {.name = "brain-mask", .type = T::kFile, .help = "mask"}};
    JobKind predict;
    predict.name = "slide predict";
    predict.parameters = {{.name = "slide", .type = T::kFile, .help = "slide", .required = true, .positional = true},
                          {.name = "model", .type = T::kFile, .help = "model", .required = true},
                          {.name = "out", .type = T::kOutputFolder, .help = "out", .required = true},
                          {.name = "mpp", .type = T::kNumber, .help = "scale"},
                          {.name = "batch", .type = T::kInteger, .help = "tiles", .fallback = std::int64_t{16}},
                          {.name = "threads", .type = T::kInteger, .help = "threads"}};
    return std::vector<JobKind>{kind, segment, predict};
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
