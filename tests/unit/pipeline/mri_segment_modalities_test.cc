// `mri segment` with modalities by name, from files to files, with a small recurrent network of random weights.
#include <filesystem>
#include <fstream>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/volume.h>
#include <fovea/io/weights.h>
#include <fovea/models/segmentation.h>
#include <fovea/pipeline/job.h>

#include "mri_head_support.h"
#include "shared.h"
#include "model_metadata.h"
#include "tensor_bridge.h"

namespace fovea::pipeline::mri {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

class SegmentModalities : public testing::Test {
 protected:
  void SetUp() override {
    write_network("upattllstm", "swan,dwi,flair");
    io::write_volume(folder_ / "swan.nii.gz", drawn_head(grid_, kT2));
    io::write_volume(folder_ / "dwi.nii.gz", moved(drawn_head(centred_grid({50, 50, 28}, {4, 4, 6}), kT1), move_));
    io::write_volume(folder_ / "flair.nii.gz", drawn_head(grid_, kT1));
  }

  void write_network(const std::string& architecture, const std::string& modalities) {
    models::SegConfig config;
    config.architecture = architecture, config.channels = 3, config.filters = {4, 8}, config.multi_scale = false;
    const models::SegRow& row = models::seg_model(architecture);
    models::StateDict state = models::random_state(row.specs(config), 7);
    for (auto& [name, tensor] : state)
      if (name.ends_with(".running_var")) tensor.fill_(1);
    json preprocessing{{"modalities", modalities},
                       {"slice_spacing_mm", "2"},
                       {"slice_size", "64"},
                       {"normalization_method", "zeromean_nonzero"},
                       {"intensity_clipping_range", "0.5,99.5"},
                       {"output_spacing", "6,6,6"},
                       {"new_axial_size", "32,32,32"}};
    io::write_safetensors(folder_ / "network.safetensors", to_arrays(state),
                          {{"fovea.task", "segmentation"},
                           {"fovea.architecture", architecture},
                           {"fovea.config", config_json(config)},
                           {"fovea.preprocessing", preprocessing.dump()},
                           {"fovea.labels", R"(["background","thrombus"])"},
                           {"fovea.availability", R"({"swan+dwi": {"detection_rate": 0.75, "cases": 12}})"}});
  }

  JobResult run(const std::vector<std::string>& modalities, const std::map<std::string, Value>& more = {}) const {
    JobRequest request{"mri segment",
                       {{"modality", modalities},
                        {"model", (folder_ / "network.safetensors").string()},
                        {"out", (folder_ / "out").string()},
                        {"threshold", 0.01}}};
    for (const auto& [name, value] : more) request.values[name] = value;
    return run_job(request);
  }
  std::string given(const std::string& name) const { return name + "=" + (folder_ / (name + ".nii.gz")).string(); }

  std::string refusal(const std::vector<std::string>& modalities, const std::map<std::string, Value>& more = {}) const {
    try {
      run(modalities, more);
    } catch (const Error& error) {
      EXPECT_FALSE(fs::exists(folder_ / "out"));
      return error.what();
    }
    return "nothing was refused";
  }

  test::TemporaryFolder folder_;
  const io::Geometry grid_ = centred_grid({64, 80, 22}, {2.5, 2.5, 7});
  const Affine move_ = rigid_move({3, -2, 4}, {6, -4, 5});
};

TEST_F(SegmentModalities, FromFilesToProbabilityMapsAndReport) {
  const JobResult result = run({given("dwi"), given("swan")});
  const json report = json::parse(std::ifstream(folder_ / "out/report.json"));
  ASSERT_EQ(report["modalities"].size(), 3U);
  EXPECT_EQ(report["modalities"][0]["alignment"], "reference");
  EXPECT_EQ(report["modalities"][1]["alignment"], "registered");
  EXPECT_GT(report["modalities"][1]["registration"]["moved_mm"], 4);
  EXPECT_EQ(report["modalities"][2]["present"], false);
  const std::string notices = report["notices"].dump();
  EXPECT_NE(
      notices.find("flair is missing: with swan+dwi alone the model's validation gave cases 12, detection rate 0.75"),
      std::string::npos)
      << notices;

  const io::Volume swan = io::read_volume(folder_ / "swan.nii.gz");
  const io::Volume probability = io::read_volume(folder_ / "out/probability.nii.gz"),
                   seen_swan = io::read_volume(folder_ / "out/attention-swan.nii.gz"),
                   seen_dwi = io::read_volume(folder_ / "out/attention-dwi.nii.gz"),
                   gate = io::read_volume(folder_ / "out/gate.nii.gz");
  EXPECT_FALSE(fs::exists(folder_ / "out/attention-flair.nii.gz"));
  for (const io::Volume* volume : {&probability, &seen_swan, &seen_dwi, &gate})
    EXPECT_EQ(volume->geometry, swan.geometry);
  const auto [low, high] = std::minmax_element(probability.values.begin(), probability.values.end());
  EXPECT_GT(*low, 0);
  EXPECT_LT(*high, 1);
  EXPECT_GT(*high - *low, 1e-3);
  for (std::size_t i = 0; i < gate.values.size(); i += 97) {
    EXPECT_NEAR(seen_swan.values[i] + seen_dwi.values[i], 1, 1e-4);
    EXPECT_TRUE(gate.values[i] >= 0 && gate.values[i] <= 1);
  }
  ASSERT_FALSE(report["lesions"].empty());
  const json& lesion = report["lesions"][0];
  EXPECT_NEAR(lesion["modality_weights"]["swan"].get<double>() + lesion["modality_weights"]["dwi"].get<double>(), 1,
              1e-4);
  EXPECT_EQ(lesion["dominant_modality"],
            lesion["modality_weights"]["swan"] > lesion["modality_weights"]["dwi"] ? "swan" : "dwi");
}

TEST_F(SegmentModalities, OneModalityIsEnough) {
  run({given("flair")});
  const json report = json::parse(std::ifstream(folder_ / "out/report.json"));
  EXPECT_EQ(report["modalities"][2]["alignment"], "reference");
  EXPECT_TRUE(fs::exists(folder_ / "out/attention-flair.nii.gz"));
}

TEST_F(SegmentModalities, WhatIsWrongIsSaidInOneSentence) {
  EXPECT_NE(refusal({given("swan"), "SWI=" + (folder_ / "flair.nii.gz").string()}).find("swan is given twice"),
            std::string::npos);
  EXPECT_NE(refusal({"pet=" + (folder_ / "flair.nii.gz").string()}).find("knows no modality 'pet'"), std::string::npos);
  EXPECT_NE(refusal({given("swan")}, {{"volumes", std::vector<std::string>{(folder_ / "dwi.nii.gz").string()}}})
                .find("not both"),
            std::string::npos);
  EXPECT_NE(refusal({"swan"}).find("NAME=FILE"), std::string::npos);
  EXPECT_NE(refusal({given("swan")}, {{"compat", std::string("raidionics")}}).find("whole-volume networks"),
            std::string::npos);
  io::Volume mask = drawn_head(grid_, {0, 0, 1, 2, 3}, 0);
  io::write_volume(folder_ / "mask.nii.gz", mask);
  EXPECT_NE(refusal({"swan=" + (folder_ / "mask.nii.gz").string()}).find("label map"), std::string::npos);
}

TEST_F(SegmentModalities, ANetworkOfAllModalitiesNeedsAll) {
  write_network("agunet", "swan,dwi,flair");
  EXPECT_NE(refusal({given("swan"), given("dwi")}).find("flair is missing"), std::string::npos);
  run({given("flair"), given("swan"), given("dwi")});
  const json report = json::parse(std::ifstream(folder_ / "out/report.json"));
  EXPECT_EQ(report["modalities"][2]["alignment"], "same grid");
}

}  // namespace
}  // namespace fovea::pipeline::mri
