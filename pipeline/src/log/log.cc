#include "log.h"

#include <memory>

#include <spdlog/sinks/stdout_color_sinks.h>
#include <spdlog/spdlog.h>

namespace fovea::pipeline {
namespace {

spdlog::logger& logger() {
  static const std::shared_ptr<spdlog::logger> named = [] {
    auto made = spdlog::stderr_color_mt("fovea.pipeline");
    made->set_level(spdlog::level::warn);
    return made;
  }();
  return *named;
}

}  // namespace

void set_verbose(bool verbose) {
  logger().set_level(verbose ? spdlog::level::info : spdlog::level::warn);
}
void log_info(std::string_view message) {
  logger().info("{}", message);
}
void log_warning(std::string_view message) {
  logger().warn("{}", message);
}

}  // namespace fovea::pipeline
