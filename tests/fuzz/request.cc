#include <fovea/pipeline/job.h>

#include "target.h"

std::vector<std::string> fovea::fuzz::seeds() {
  pipeline::JobRequest request;
  request.kind = "slide tiles";
  request.values = {{"slides", std::vector<std::string>{"a.svs", "b.svs"}},
                    {"mpp", 0.5},
                    {"tile", std::int64_t{256}},
                    {"read-tiles", true},
                    {"out", std::string("out")}};
  return {pipeline::to_json(request)};
}

/// What is read is what is written again, and the job's table takes it or says why not.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea;
  try {
    const pipeline::JobRequest request = pipeline::job_from_json(fuzz::as_text(data, size));
    if (pipeline::to_json(pipeline::job_from_json(pipeline::to_json(request))) != pipeline::to_json(request))
      __builtin_trap();
    pipeline::JobValues(pipeline::job_kind(request.kind), request);
  } catch (const Error&) {
  }
  return 0;
}
