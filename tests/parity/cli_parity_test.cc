// Parity as a user meets it: import -> run -> --dump through the program, compared with the fixtures.
#include <algorithm>
#include <cmath>
#include <filesystem>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fovea/io/weights.h>

#include "deps.h"
#include "program.h"
#include "shared.h"

namespace fovea::test {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

// Stated in fixtures/mil/README.md: absolute plus relative to the largest value.
constexpr double kMilAbsolute = 1e-5, kMilRelative = 1e-4;

std::string quoted(const fs::path& path) {
  return "'" + path.string() + "'";
}

struct Numbers {
  std::vector<double> values;
  std::vector<std::int64_t> shape;
};

std::vector<std::int64_t> squeezed(const std::vector<std::int64_t>& shape) {
  std::vector<std::int64_t> kept;
  std::copy_if(shape.begin(), shape.end(), std::back_inserter(kept), [](std::int64_t extent) { return extent != 1; });
  return kept;
}

Numbers numbers(const io::WeightFile& file, const std::string& name) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end()) {
    ADD_FAILURE() << "no tensor " << name;
    return {};
  }
  const io::Array& array = found->second;
  Numbers result{{}, squeezed(array.shape)};
  if (array.type == io::ElementType::kF64) {
    const auto* data = reinterpret_cast<const double*>(array.bytes.data());
    result.values.assign(data, data + array.elements());
  } else if (array.type == io::ElementType::kF32 || array.type == io::ElementType::kF16) {
    const auto data = io::to_float(array);
    result.values.assign(data.begin(), data.end());
  } else {
    for (const std::int64_t value : io::to_int64(array)) result.values.push_back(static_cast<double>(value));
  }
  return result;
}

double range_of(const Numbers& numbers) {
  const auto [low, high] = std::minmax_element(numbers.values.begin(), numbers.values.end());
  return numbers.values.empty() ? 0 : *high - *low;
}
double largest_of(const Numbers& numbers) {
  double largest = 0;
  for (double value : numbers.values) largest = std::max(largest, std::abs(value));
  return largest;
}

void expect_close(const std::string& name, const Numbers& actual, const Numbers& expected, double tolerance) {
  ASSERT_EQ(actual.shape, expected.shape) << name;
  double worst = 0;
  std::size_t at = 0;
  for (std::size_t i = 0; i < expected.values.size(); ++i) {
    const double error = std::abs(actual.values[i] - expected.values[i]);
    if (!(error <= worst)) worst = error, at = i;  // also catches NaN
  }
  EXPECT_LE(worst, tolerance) << name << " at element " << at << " of " << expected.values.size();
}

ProgramResult must_run(const std::string& arguments, const std::string& prefix = "") {
  const ProgramResult result = run_fovea(arguments, prefix);
  EXPECT_EQ(result.exit_code, 0) << "fovea " << arguments << "\n" << result.out << result.err;
  return result;
}

// --- slide models ---

std::vector<std::string> mil_cases() {
  std::vector<std::string> names;
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(shared_dir() / "fixtures/mil", ignored)) {
    const std::string name = entry.path().stem().string();
    if (entry.path().extension() != ".safetensors") continue;
    const io::WeightFile file = io::read_safetensors(entry.path());
    const bool masked = file.tensors.count("stkim_masked_idx") > 0;  // masking is training only
    if (file.metadata.count("bag") > 0 && !masked) names.push_back(name);
  }
  std::sort(names.begin(), names.end());
  return names;
}

class SlideParity : public testing::TestWithParam<std::string> {};
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(SlideParity);

TEST_P(SlideParity, ImportedModelOnTheFixturesBagGivesTheFixturesNumbers) {
  const fs::path fixtures = shared_dir() / "fixtures/mil", fixture = fixtures / (GetParam() + ".safetensors");
  TemporaryFolder folder;
  const io::WeightFile expected = io::read_safetensors(fixture),
                       bags = io::read_safetensors(fixtures / "bags.safetensors");
  const auto bag = bags.tensors.find(expected.metadata.at("bag"));
  ASSERT_NE(bag, bags.tensors.end());
  io::write_safetensors(folder / "bag.safetensors", {{"features", bag->second}}, {});

  must_run("model import " + quoted(fixture) + " --quiet --out " + quoted(folder / "model.safetensors"));
  must_run("slide predict --quiet --features " + quoted(folder / "bag.safetensors") + " --model " +
           quoted(folder / "model.safetensors") + " --out " + quoted(folder / "out") + " --dump " +
           quoted(folder / "dump.safetensors"));

  const io::WeightFile dump = io::read_safetensors(folder / "dump.safetensors");
  for (const char* name : {"attn_raw", "attn_softmax", "branch_logits", "bag_logits", "bag_prob"}) {
    if (expected.tensors.count(name) == 0) continue;  // not every model has branch heads
    const Numbers wanted = numbers(expected, name);
    expect_close(name, numbers(dump, name), wanted, kMilAbsolute + kMilRelative * largest_of(wanted));
  }
}
INSTANTIATE_TEST_SUITE_P(Fixtures, SlideParity, testing::ValuesIn(mil_cases()),
                         [](const auto& info) { return info.param; });

TEST(SlideParityList, HoldsEveryForwardFixture) {
  FOVEA_NEEDS_SHARED("fixtures/mil");
  EXPECT_EQ(mil_cases().size(), 26u);
}

// --- whole scans ---

struct ScanRun {
  std::string fixture;
  bool imported = false;  ///< from the Keras file through model import; else the Raidionics folder as it is
};
void PrintTo(const ScanRun& run, std::ostream* out) {
  *out << run.fixture << (run.imported ? " imported" : " folder");
}

class ScanParity : public testing::TestWithParam<ScanRun> {};

void compare_scan(const io::WeightFile& dump, const io::WeightFile& expected) {
  const auto check = [&](const std::string& name, double absolute, double of_range) {
    const Numbers wanted = numbers(expected, name);
    expect_close(name, numbers(dump, name), wanted, absolute + of_range * range_of(wanted));
  };
  // reference/segmentation.md section 11.
  check("pre.crop_bbox", 0, 0);
  check("pre.resampled_affine", 1e-4, 0);
  check("pre.resampled_first_input", 0, 1e-5);
  check("pre.network_input", 0, 1e-5);
  check("net.softmax", 1e-5, 0);
  check("final.probabilities_resample_first", 1e-4, 0);
  check("final.thresholding_resample_first", 0, 0);
  check("final.thresholding_resample_second", 0, 0);
}

TEST_P(ScanParity, EveryStageMatches) {
  const fs::path fixture = shared_dir() / "fixtures/segmentation" / GetParam().fixture;
  FOVEA_NEEDS_SHARED("fixtures/segmentation/" + GetParam().fixture);
  TemporaryFolder folder;
  fs::path model = fixture / "model";
  if (GetParam().imported) {
    model = folder / "model.safetensors";
    must_run("model import " + quoted(fixture / "model_keras_layout.h5") + " --quiet --preprocessing " +
             quoted(fixture / "model/pre_processing.ini") + " --out " + quoted(model));
  }
  std::string volumes;
  for (int i = 0; fs::exists(fixture / "inputs" / ("input" + std::to_string(i) + ".nii.gz")); ++i)
    volumes += quoted(fixture / "inputs" / ("input" + std::to_string(i) + ".nii.gz")) + " ";
  std::string mask;
  if (fs::exists(fixture / "inputs/brain_mask.nii.gz"))
    mask = " --brain-mask " + quoted(fixture / "inputs/brain_mask.nii.gz");

  must_run("mri segment " + volumes + "--quiet --compat raidionics --model " + quoted(model) + mask + " --out " +
           quoted(folder / "out") + " --dump " + quoted(folder / "dump.safetensors"));

  compare_scan(io::read_safetensors(folder / "dump.safetensors"),
               io::read_safetensors(fixture / "expected.safetensors"));
}
INSTANTIATE_TEST_SUITE_P(Fixtures, ScanParity,
                         testing::Values(ScanRun{"e2e_min_crop", false}, ScanRun{"e2e_min_crop", true},
                                         ScanRun{"e2e_brain_clip_2ch", false}, ScanRun{"e2e_brain_clip_2ch", true}),
                         [](const auto& info) {
                           return info.param.fixture + (info.param.imported ? "_imported" : "_folder");
                         });

// --- self-test ---

TEST(SelftestParity, EverySegmentationNetworkFixturePasses) {
  FOVEA_NEEDS_SHARED("fixtures/segmentation");
  std::string cases;
  for (const auto& entry : fs::directory_iterator(shared_dir() / "fixtures/segmentation"))
    if (entry.path().filename().string().rfind("agunet_", 0) == 0) cases += quoted(entry.path()) + " ";
  EXPECT_THAT(must_run("selftest --quiet " + cases).out, HasSubstr("FAIL 0   unchecked 0"));
}

TEST(SelftestParity, BothWholeScansPass) {
  FOVEA_NEEDS_SHARED("fixtures/segmentation/e2e_min_crop");
  const fs::path folder = shared_dir() / "fixtures/segmentation";
  EXPECT_THAT(
      must_run("selftest --quiet " + quoted(folder / "e2e_min_crop") + " " + quoted(folder / "e2e_brain_clip_2ch")).out,
      HasSubstr("FAIL 0   unchecked 0"));
}

TEST(SelftestParity, TheImportedEncoderPassesItsFixture) {
  FOVEA_NEEDS_SHARED("fixtures/wsi");
  const fs::path checkpoint = encoder_checkpoint();
  if (checkpoint.empty()) GTEST_SKIP() << "needs the encoder's checkpoint (./run deps)";
  TemporaryFolder folder;
  must_run("model import " + quoted(checkpoint) + " --quiet --out " +
           quoted(folder / "efficientnet_lite0.safetensors"));
  EXPECT_THAT(
      must_run("selftest --quiet " + quoted(shared_dir() / "fixtures/wsi"), "FOVEA_ENCODERS=" + quoted(folder.path()))
          .out,
      HasSubstr("ok 6   FAIL 0   unchecked 0"));
}

TEST(SelftestParity, AWeightChangedByOnePercentFailsTheProgram) {
  FOVEA_NEEDS_SHARED("fixtures/mil");
  TemporaryFolder folder;
  fs::create_symlink(shared_dir() / "fixtures/mil/bags.safetensors", folder / "bags.safetensors");
  const io::WeightFile file =
      io::read_safetensors(shared_dir() / "fixtures/mil/acmil_ga_n1000_d1024_k5_eval.safetensors");
  auto tensors = file.tensors;
  std::vector<float> values = io::to_float(tensors.at("w.classifier.2.fc.weight"));
  for (float& value : values) value *= 1.01f;
  tensors["w.classifier.2.fc.weight"] = io::make_array<float>(values, tensors.at("w.classifier.2.fc.weight").shape);
  io::write_safetensors(folder / "case.safetensors", tensors, file.metadata);
  EXPECT_EQ(run_fovea("selftest --quiet " + quoted(folder / "case.safetensors")).exit_code, 2);
}

TEST(ModelParity, InfoCountsTheParametersThatTheFixturesState) {
  FOVEA_NEEDS_SHARED("fixtures/segmentation");
  const auto text =
      must_run("model info --quiet " + quoted(shared_dir() / "fixtures/segmentation/agunet_ms_ds_32.safetensors")).out;
  EXPECT_THAT(text, testing::AllOf(HasSubstr("agunet"), HasSubstr("105790"), HasSubstr("8, 16, 32")));
}

}  // namespace
}  // namespace fovea::test
