// The tutorial does what it says: its commands are taken from the page and run.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include "encoder.h"
#include "program.h"
#include "shared.h"

namespace fovea::test {
namespace {

namespace fs = std::filesystem;

/// The lines of all ```sh blocks.
std::string shell_of(const fs::path& page) {
  std::ifstream stream(page);
  std::string script;
  bool inside = false;
  for (std::string line; std::getline(stream, line);) {
    if (line.rfind("```", 0) == 0)
      inside = line == "```sh";
    else if (inside)
      script += line + "\n";
  }
  return script;
}

/// The page's commands in `folder`, after `setting`; what they said goes to folder/said.
bool runs(const TemporaryFolder& folder, const std::string& script, const std::string& setting) {
  std::ofstream(folder / "tutorial.sh") << "set -eux\ncd '" << folder.path().string() << "'\nPATH='"
                                        << fs::path(FOVEA_CLI).parent_path().string() << "':$PATH\n"
                                        << setting << "\n"
                                        << script;
  const int status = std::system(
      ("sh '" + (folder / "tutorial.sh").string() + "' >'" + (folder / "said").string() + "' 2>&1").c_str());
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

TEST(Tutorial, ThreeSlidesBecomeFeaturesAModelAnEvaluationAndAHeatmap) {
  FOVEA_NEEDS_SHARED("data/wsi/hamamatsu-dapi-387.ndpi");
  const std::string encoders = encoder_folder();
  if (encoders.empty()) GTEST_SKIP() << "needs the encoder's checkpoint (./run deps)";
  const std::string script = shell_of(fs::path(FOVEA_SOURCE_DIR) / "docs/tutorial-slides.md");
  ASSERT_THAT(script, testing::HasSubstr("fovea slide features"));
  TemporaryFolder folder;
  ASSERT_TRUE(runs(folder, script,
                   "SLIDES='" + (shared_dir() / "data/wsi").string() +
                       "'\nENCODER=efficientnet_lite0\nexport FOVEA_ENCODERS='" + encoders + "'"))
      << file_text(folder / "said");
  for (const char* file :
       {"features/summary.csv", "features/20x_256px_0px_overlap/previews/tcga.jpg",
        "run/seed_0/fold_0/model.safetensors", "run/predictions.csv", "run/metrics.json", "run/report.html",
        "heatmap/heatmap.png", "heatmap/prediction.json", "heatmap-from-features/heatmap.png"})
    EXPECT_TRUE(fs::exists(folder / file)) << file << " is not there\n" << file_text(folder / "said");
  EXPECT_THAT(file_text(folder / "features/summary.csv"), testing::HasSubstr("tcga,tcga,brightfield,done"));
}

TEST(Tutorial, AScanBecomesCasesANetworkAReportAndItsEvaluation) {
  const fs::path scan = "/usr/share/mricron/templates/ch2.nii.gz";
  if (!fs::exists(scan)) GTEST_SKIP() << "needs Debian's mricron-data (./run deps)";
  const std::string script = shell_of(fs::path(FOVEA_SOURCE_DIR) / "docs/tutorial-mri.md");
  ASSERT_THAT(script, testing::HasSubstr("fovea mri train"));
  TemporaryFolder folder;
  ASSERT_TRUE(runs(folder, script, "SCAN='" + scan.string() + "'")) << file_text(folder / "said");
  for (const char* file : {"set/cases.csv", "run/seed_0/fold_0/model.md", "run/evaluation/lesion/metrics.json",
                           "grid/ablation.md", "result/report.html", "result/report.pdf", "figures/report.html"})
    EXPECT_TRUE(fs::exists(folder / file)) << file << " is not there\n" << file_text(folder / "said");
}

}  // namespace
}  // namespace fovea::test
