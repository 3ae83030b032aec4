// The ImageNet encoder for tests that run the program.
#pragma once

#include <filesystem>
#include <string>

#include <gtest/gtest.h>

#include "deps.h"
#include "program.h"

namespace fovea::test {

/// The folder with the encoder imported once for all tests of this build ($FOVEA_ENCODERS); empty when its checkpoint
/// was not fetched.
inline std::string encoder_folder() {
  namespace fs = std::filesystem;
  const fs::path folder = fs::path(FOVEA_BUILD_DIR) / "test-encoders", file = folder / "efficientnet_lite0.safetensors";
  if (fs::exists(file)) return folder.string();
  const fs::path checkpoint = encoder_checkpoint();
  if (checkpoint.empty()) return {};
  fs::create_directories(folder);
  const auto imported = run_fovea("model import '" + checkpoint.string() + "' --quiet --out '" + file.string() + "'");
  EXPECT_EQ(imported.exit_code, 0) << imported.err;
  return folder.string();
}

}  // namespace fovea::test
