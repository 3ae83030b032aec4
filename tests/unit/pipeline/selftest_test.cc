// The self-test passes what is right and, above all, fails what is not.
#include <fstream>
#include <functional>
#include <set>

#include <ATen/TensorOperators.h>
#include <ATen/core/grad_mode.h>
#include <ATen/ops/full.h>
#include <ATen/ops/tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/weights.h>
#include <fovea/pipeline/job.h>

#include "selftest/report.h"
#include "shared.h"
#include "tensor_bridge.h"

namespace {

using namespace fovea;
using namespace fovea::pipeline;
using fovea::test::shared_dir;
using fovea::test::TemporaryFolder;
using models::StateDict;
using nlohmann::json;
using testing::HasSubstr;
namespace fs = std::filesystem;

struct Outcome {
  int exit_code = -1;
  json report;
  std::string text;
  std::size_t count(const std::string& state) const {
    return report[state == "FAIL" ? "fail" : state].get<std::size_t>();
  }
  std::set<std::string> names(const std::string& state) const {
    std::set<std::string> found;
    for (const json& one : report["cases"])
      for (const json& tensor : one["tensors"])
        if (tensor["state"] == state) found.insert(tensor["name"].get<std::string>());
    return found;
  }
};

Outcome selftest(const std::vector<std::string>& cases, const std::string& backend = "auto") {
  JobRequest request{"selftest", {{"attention-backend", backend}}};
  if (!cases.empty()) request.values["cases"] = cases;
  const JobResult result = run_job(request);
  return {result.exit_code, json::parse(result.json), result.text};
}

/// A fixture whose tensors can be changed before it is written somewhere else.
struct Fixture {
  StateDict tensors;
  std::map<std::string, std::string> metadata;
  explicit Fixture(const std::string& relative) {
    const io::WeightFile file = io::read_safetensors(shared_dir() / "fixtures" / relative);
    for (const auto& [name, tensor] : to_state(file)) tensors[name] = tensor.clone();
    metadata = file.metadata;
  }
  void write(const fs::path& path) const { io::write_safetensors(path, to_arrays(tensors), metadata); }
};

/// A folder with the bags, as fixtures/mil has them.
void add_bags(const TemporaryFolder& folder) {
  fs::create_symlink(shared_dir() / "fixtures/mil/bags.safetensors", folder / "bags.safetensors");
}

std::vector<std::string> fixtures(const std::string& folder, const std::string& prefix, const std::string& suffix) {
  std::vector<std::string> found;
  for (const auto& entry : fs::directory_iterator(shared_dir() / "fixtures" / folder)) {
    const std::string name = entry.path().filename().string();
    if (name.rfind(prefix, 0) == 0 && name.size() >= suffix.size() &&
        name.substr(name.size() - suffix.size()) == suffix)
      found.push_back(entry.path().string());
  }
  return found;
}

TEST(Selftest, TheBuiltInSetPassesWithEveryBackend) {
  for (const char* backend : {"auto", "reference", "cpu"}) {
    const Outcome outcome = selftest({}, backend);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.text;
    EXPECT_GT(outcome.count("ok"), 15u);
  }
}

TEST(Selftest, EveryEvaluationAndAemCaseOfTheKnownMilModelsPassesCompletely) {
  FOVEA_NEEDS_SHARED("fixtures/mil");
  std::vector<std::string> cases = fixtures("mil", "acmil_ga_", "_eval.safetensors");
  for (const std::string& path : fixtures("mil", "aem_abmil_", ".safetensors")) cases.push_back(path);
  ASSERT_EQ(cases.size(), 7u);
  for (const char* backend : {"auto", "reference"}) {
    const Outcome outcome = selftest(cases, backend);
    EXPECT_EQ(outcome.exit_code, 0) << outcome.text;
    EXPECT_EQ(outcome.count("unchecked"), 0u);
    EXPECT_GT(outcome.count("ok"), 7u * 10);
  }
}

TEST(Selftest, EveryMilFixturePassesAndNothingStaysUnchecked) {
  FOVEA_NEEDS_SHARED("fixtures/mil");
  FOVEA_NEEDS_SHARED("data/mil/checkpoints/c16_aggregator.pth");
  const Outcome outcome = selftest({(shared_dir() / "fixtures/mil").string()});
  EXPECT_EQ(outcome.exit_code, 0) << outcome.text;
  EXPECT_EQ(outcome.count("FAIL"), 0u);
  EXPECT_EQ(outcome.count("unchecked"), 0u);
  EXPECT_GT(outcome.count("ok"), 900u);
}

TEST(Selftest, ACheckpointCaseWithoutItsWeightsStaysUnchecked) {
  FOVEA_NEEDS_SHARED("fixtures/mil/checkpoint_dsmil_c16.safetensors");
  TemporaryFolder folder;
  fs::copy_file(shared_dir() / "fixtures/mil/checkpoint_dsmil_c16.safetensors", folder / "case.safetensors");
  EXPECT_EQ(selftest({(folder / "case.safetensors").string()}).exit_code, 3);
}

TEST(Selftest, ATrainingRunWithAnotherStartOrMaskFails) {
  FOVEA_NEEDS_SHARED("fixtures/mil/train_trajectory_acmil_ga.safetensors");
  TemporaryFolder folder;
  const auto exit_code_with = [&](const std::function<void(Fixture&)>& change) {
    Fixture fixture("mil/train_trajectory_acmil_ga.safetensors");
    change(fixture);
    fixture.write(folder / "case.safetensors");
    return selftest({(folder / "case.safetensors").string()}).exit_code;
  };
  EXPECT_EQ(exit_code_with([](Fixture&) {}), 0);
  EXPECT_EQ(exit_code_with([](Fixture& f) { f.tensors["w0.classifier.0.fc.bias"].mul_(1.01); }), 2);
  EXPECT_EQ(exit_code_with([](Fixture& f) { f.tensors["step3.stkim_masked_idx"][0][0] += 1; }), 2);
}

TEST(Selftest, MaskingCasesPassCompletelyAndTheSelectionIsOurs) {
  FOVEA_NEEDS_SHARED("fixtures/mil");
  const Outcome outcome = selftest(fixtures("mil", "acmil_ga_", "_train.safetensors"));
  EXPECT_EQ(outcome.exit_code, 0) << outcome.text;
  EXPECT_EQ(outcome.count("unchecked"), 0u);
  EXPECT_EQ(outcome.names("ok").count("stkim_topk_idx"), 1u);
  EXPECT_EQ(outcome.names("ok").count("stkim_masked_idx"), 1u);
}

TEST(Selftest, TheTermsOfTheMilLossPassCompletely) {
  FOVEA_NEEDS_SHARED("fixtures/mil");
  const std::vector<std::string> cases = fixtures("mil", "losses", ".safetensors");
  ASSERT_EQ(cases.size(), 2u);
  const Outcome outcome = selftest(cases);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.text;
}

TEST(Selftest, EverySegmentationCaseOfTheKnownNetworkPassesCompletely) {
  FOVEA_NEEDS_SHARED("fixtures/segmentation");
  const std::vector<std::string> cases = fixtures("segmentation", "agunet_", ".safetensors");
  ASSERT_EQ(cases.size(), 5u);
  const Outcome outcome = selftest(cases);
  EXPECT_EQ(outcome.exit_code, 0) << outcome.text;
}

/// Each tensor of the weights in turn, one per cent larger: what the issue promises. The tensors of a training step are
/// left out: they take time, and the plain inference outputs must notice alone.
void expect_every_weight_is_noticed(const std::string& relative, const TemporaryFolder& folder) {
  Fixture fixture(relative);
  std::erase_if(fixture.tensors, [](const auto& entry) {
    return entry.first.rfind("train.", 0) == 0 || entry.first.rfind("grad.", 0) == 0;
  });
  for (const auto& [name, tensor] : fixture.tensors) {
    if (name.rfind("w.", 0) != 0 || tensor.abs().max().item<float>() == 0) continue;
    Fixture changed = fixture;
    changed.tensors[name] = tensor * 1.01;
    changed.write(folder / "case.safetensors");
    EXPECT_EQ(selftest({(folder / "case.safetensors").string()}).exit_code, 2)
        << relative << ": " << name << " was changed by 1 %";
  }
}

TEST(Selftest, AnyMilWeightTensorChangedByOnePercentFails) {
  FOVEA_NEEDS_SHARED("fixtures/mil");
  TemporaryFolder folder;
  add_bags(folder);
  for (const char* name : {"mil/acmil_ga_n17_d512_k5_eval.safetensors", "mil/acmil_ga_n17_d384_k1_eval.safetensors",
                           "mil/acmil_ga_n1_d384_k5_eval.safetensors", "mil/acmil_ga_n17_d384_k5_train.safetensors",
                           "mil/aem_abmil_n17_d512.safetensors", "mil/acmil_mha_n17_d384_k3_train.safetensors",
                           "mil/clam_mb_n1000_d384.safetensors", "mil/transmil_n17_d384.safetensors",
                           "mil/dsmil_official_n17_d384_c1.safetensors", "mil/aem_dsmil_n17_d384.safetensors",
                           "mil/maxmil_n17_d384.safetensors"})
    expect_every_weight_is_noticed(name, folder);
}

TEST(Selftest, AnySegmentationWeightTensorChangedByOnePercentFails) {
  FOVEA_NEEDS_SHARED("fixtures/segmentation");
  TemporaryFolder folder;
  expect_every_weight_is_noticed("segmentation/agunet_ms_ds_16.safetensors", folder);
}

/// One number of a large matrix, of middling size: the hardest change that is still above float32 noise.
TEST(Selftest, ASingleMiddlingWeightChangedByOnePercentFails) {
  FOVEA_NEEDS_SHARED("fixtures/mil");
  TemporaryFolder folder;
  add_bags(folder);
  for (const char* name :
       {"w.dimreduction.fc1.weight", "w.attention.attention_V.0.weight", "w.attention.attention_weights.weight",
        "w.Slide_classifier.fc.weight", "w.classifier.3.fc.weight"}) {
    Fixture fixture("mil/acmil_ga_n17_d512_k5_eval.safetensors");
    at::Tensor flat = fixture.tensors.at(name).flatten();
    const auto order = flat.abs().argsort();
    const std::int64_t median = order.slice(0, flat.numel() / 2, flat.numel() / 2 + 1).item<std::int64_t>();
    flat.slice(0, median, median + 1).mul_(1.01);
    fixture.write(folder / "case.safetensors");
    EXPECT_EQ(selftest({(folder / "case.safetensors").string()}).exit_code, 2) << name << " at " << median;
  }
}

TEST(Selftest, TheFilesNameDoesNotMatter) {
  FOVEA_NEEDS_SHARED("fixtures/mil");
  TemporaryFolder folder;
  add_bags(folder);
  fs::copy_file(shared_dir() / "fixtures/mil/aem_abmil_n17_d512.safetensors", folder / "zebra.safetensors");
  EXPECT_EQ(selftest({(folder / "zebra.safetensors").string()}).exit_code, 0);
}

TEST(Selftest, ACaseWhoseExpectedValuesAreGoneDoesNotPass) {
  FOVEA_NEEDS_SHARED("fixtures/mil");
  TemporaryFolder folder;
  add_bags(folder);
  Fixture fixture("mil/aem_abmil_n17_d512.safetensors");
  std::erase_if(fixture.tensors,
                [](const auto& entry) { return entry.first.rfind("w.", 0) != 0 && entry.first != "label"; });
  fixture.write(folder / "case.safetensors");
  EXPECT_EQ(selftest({(folder / "case.safetensors").string()}).exit_code, 3);
}

TEST(Selftest, AMissingWeightOrBagFails) {
  FOVEA_NEEDS_SHARED("fixtures/mil");
  TemporaryFolder folder;
  Fixture fixture("mil/aem_abmil_n17_d512.safetensors");
  fixture.write(folder / "case.safetensors");
  const Outcome no_bag = selftest({(folder / "case.safetensors").string()});
  EXPECT_EQ(no_bag.exit_code, 2);
  EXPECT_THAT(no_bag.text, HasSubstr("bag_n17_d512"));
  add_bags(folder);
  fixture.tensors.erase("w.classifier.fc.bias");
  fixture.write(folder / "case.safetensors");
  const Outcome no_weight = selftest({(folder / "case.safetensors").string()});
  EXPECT_EQ(no_weight.exit_code, 2);
  EXPECT_THAT(no_weight.text, HasSubstr("classifier.fc.bias"));
}

TEST(Selftest, UnknownKindsAndDamagedFilesFailAndTheOthersGoOn) {
  TemporaryFolder folder;
  io::write_safetensors(folder / "a.safetensors", to_arrays({{"nothing.known", at::full({2}, 1.0f)}}), {});
  std::ofstream(folder / "b.safetensors", std::ios::binary) << "\x10";
  std::ofstream(folder / "c.json") << "{}";
  const Outcome outcome = selftest(
      {(folder / "a.safetensors").string(), (folder / "b.safetensors").string(), (folder / "c.json").string()});
  EXPECT_EQ(outcome.exit_code, 2);
  EXPECT_EQ(outcome.count("FAIL"), 3u);
  EXPECT_THAT(outcome.text, HasSubstr("unknown kind"));
}

TEST(Selftest, AFolderOrFileThatIsNotThereIsAnError) {
  TemporaryFolder folder;
  EXPECT_THROW(selftest({(folder / "none").string()}), Error);
  EXPECT_THROW(selftest({folder.path().string()}), Error);
}

TEST(Selftest, EveryFixtureIsOfAKnownKindAndNoneFails) {
  for (const char* name : {"fixtures/mil", "fixtures/attention", "fixtures/segmentation", "fixtures/wsi"}) {
    FOVEA_NEEDS_SHARED(name);
    const Outcome outcome = selftest({(shared_dir() / name).string()});
    EXPECT_NE(outcome.exit_code, 2) << outcome.text;
    for (const json& one : outcome.report["cases"]) EXPECT_NE(one["kind"], "") << one["subject"];
  }
}

TEST(SelftestReport, ANaNOrAWrongShapeNeverAgrees) {
  selftest::CaseReport report;
  const at::Tensor one = at::full({2}, 1.0), nan = at::full({2}, NAN), infinite = at::full({2}, -INFINITY);
  report.compare("nan", one, {nan}, {100, 0});
  report.compare("both nan", nan, {nan}, {100, 0});
  report.compare("shape", one, {at::full({3}, 1.0)}, {100, 0});
  report.compare("undefined", one, {at::Tensor()}, {100, 0});
  report.compare("infinite", one, {infinite}, {100, 0});
  for (const selftest::Check& check : report.checks) EXPECT_EQ(check.state, selftest::CheckState::kFail) << check.name;
  report.checks.clear();
  report.compare("equal infinities", infinite, {infinite}, {0, 0});
  EXPECT_EQ(report.checks.front().state, selftest::CheckState::kOk);
}

/// Masked scores are -1e9: as "the largest value" they would excuse an error of 1e4 in all others.
TEST(SelftestReport, MaskedScoresDoNotWidenTheTolerance) {
  selftest::CaseReport report;
  report.compare("scores", at::tensor({-1e9, 2.0}), {at::tensor({-1e9, 2.1})}, {1e-6, 1e-5});
  EXPECT_EQ(report.checks.front().state, selftest::CheckState::kFail);
  EXPECT_NEAR(report.checks.front().max_abs_error, 0.1, 1e-9);
}

TEST(SelftestReport, TheWorstOfSeveralWaysCounts) {
  selftest::CaseReport report;
  const at::Tensor wanted = at::tensor({1.0, 2.0});
  report.compare("ways", wanted, {wanted, at::tensor({1.0, 2.5}), wanted}, {1e-3, 0});
  EXPECT_EQ(report.checks.front().state, selftest::CheckState::kFail);
  EXPECT_EQ(selftest::exit_code({report}), 2);
  EXPECT_EQ(selftest::exit_code({}), 3);
}

}  // namespace
