#include <fovea/models/attention.h>

#include <atomic>
#include <cstdlib>

#include <fovea/base/error.h>

namespace fovea::attention {
namespace {

Backend from_environment() {
  const char* name = std::getenv("FOVEA_ATTENTION_BACKEND");
  return name && *name ? parse_backend(name) : Backend::kAuto;
}

std::atomic<Backend>& chosen() {
  static std::atomic<Backend> instance{from_environment()};
  return instance;
}

}  // namespace

void set_backend(Backend backend) {
  chosen() = backend;
}
Backend backend() {
  return chosen();
}

Backend parse_backend(std::string_view name) {
  if (name == "auto") return Backend::kAuto;
  if (name == "reference") return Backend::kReference;
  if (name == "cpu") return Backend::kCpu;
  if (name == "cuda") return Backend::kCuda;
  throw Error(ErrorCode::kUsage, "attention back end", "there is no back end '" + std::string(name) + "'",
              "Choose auto, reference, cpu or cuda.");
}

}  // namespace fovea::attention
