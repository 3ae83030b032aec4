// `mil train` as a user runs it: interrupted and killed, it goes on and ends with the same bytes.
#include <fstream>
#include <random>

#include <gmock/gmock.h>

#include <fovea/io/bag.h>

#include "program.h"

namespace {

using namespace fovea;
using fovea::test::file_text;
using fovea::test::run_fovea;
using fovea::test::TemporaryFolder;
using testing::HasSubstr;

/// 24 bags of noise; in those of class b one instance is raised.
void write_bags(const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder / "bags");
  std::ofstream labels(folder / "labels.csv");
  labels << "slide_id,label\n";
  std::mt19937 random(1);
  std::normal_distribution<float> noise;
  for (int i = 0; i < 24; ++i) {
    constexpr std::int64_t kRows = 400, kWidth = 32;
    std::vector<float> rows(kRows * kWidth);
    for (float& value : rows) value = noise(random);
    if (i % 2) rows[3] += 5;
    io::FeatureBag bag;
    bag.features = io::make_array<float>(std::span<const float>(rows), {kRows, kWidth});
    const std::string name = "00" + std::to_string(i);
    io::write_bag(folder / "bags" / (name + ".h5"), bag, io::BagLayout::kClam);
    labels << name << "," << (i % 2 ? "b" : "a") << "\n";
  }
}

std::string command(const std::filesystem::path& folder, const std::string& out) {
  return "mil train --recipe acmil --bags '" + (folder / "bags").string() + "' --labels '" +
         (folder / "labels.csv").string() + "' --threads 1 --set epochs=25 --set optimiser.learning_rate=1e-3 --out '" +
         (folder / out).string() + "'";
}

TEST(MilTrainProgram, StoppedByCtrlCAndKilledItEndsWithTheSameBytes) {
  TemporaryFolder folder;
  write_bags(folder.path());
  ASSERT_EQ(run_fovea(command(folder.path(), "whole")).exit_code, 0);
  const std::string model = "seed_0/fold_0/model.safetensors";
  const std::string whole = file_text(folder / "whole" / model),
                    predictions = file_text(folder / "whole/predictions.csv");
  ASSERT_FALSE(whole.empty());
  for (const char* signal : {"INT", "KILL"}) {
    const std::string out = std::string("stopped-") + signal;
    // Wherever it is by then: a slow machine is stopped earlier, a fast one may even be done.
    run_fovea(command(folder.path(), out), std::string("timeout -s ") + signal + " 0.8");
    const auto again = run_fovea(command(folder.path(), out));
    ASSERT_EQ(again.exit_code, 0) << again.err;
    EXPECT_EQ(file_text(folder / out / model), whole) << signal;
    EXPECT_EQ(file_text(folder / out / "predictions.csv"), predictions) << signal;
    if (std::string(signal) == "INT") {
      for (const auto& entry : std::filesystem::recursive_directory_iterator(folder / out))
        EXPECT_NE(entry.path().filename().string().front(), '.') << entry.path();
    }
  }
}

TEST(MilTrainProgram, AnInterruptedRunSaysHowToGoOn) {
  TemporaryFolder folder;
  write_bags(folder.path());
  // --foreground: else timeout signals the process and then its group, and a second Ctrl-C does not wait for the
  // checkpoint.
  const auto result = run_fovea(command(folder.path(), "run") + " --set epochs=100000",
                                "timeout --foreground --preserve-status -s INT 1.5");
  EXPECT_EQ(result.exit_code, 130) << result.err;
  EXPECT_THAT(result.err, HasSubstr("the same command goes on from the checkpoint"));
}

TEST(MilTrainProgram, RecipesAreListedPrintedAndRead) {
  const auto list = run_fovea("mil recipe");
  EXPECT_EQ(list.exit_code, 0);
  EXPECT_THAT(list.out, HasSubstr("acmil"));
  TemporaryFolder folder;
  const std::string file = (folder / "r.json").string();
  ASSERT_EQ(run_fovea("mil recipe aem > '" + file + "'").exit_code, 0);
  EXPECT_EQ(run_fovea("mil recipe '" + file + "'").out, file_text(file));
  const auto unknown = run_fovea("mil recipe acmli");
  EXPECT_NE(unknown.exit_code, 0);
  EXPECT_THAT(unknown.err, HasSubstr("Built-in recipes: acmil"));
}

}  // namespace
