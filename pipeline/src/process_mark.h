// Which process: numbers are used again, and mean nothing on another machine or in another container.
#pragma once

#include <cstdint>
#include <string>

namespace fovea::pipeline {

/// Of this boot and this container; empty where it cannot be told.
std::string machine_mark();
/// When the process began, in ticks since the boot. Empty when there is no such process; one that has ended and waits
/// for its parent to notice is none.
std::string birth_of(std::int64_t process);

}  // namespace fovea::pipeline
