// Inference of mri segment without a real model: parts against the whole, mirror images, folds, batches.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <random>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fovea/io/atomic_file.h>
#include <fovea/io/volume.h>
#include <fovea/io/weights.h>
#include <fovea/pipeline/job.h>

#include "mri/back_to_native.h"
#include "mri/case_list.h"
#include "mri/labelling.h"
#include "mri/model_folder.h"
#include "mri/model_ini.h"
#include "mri/segment_options.h"
#include "mri/segmentation.h"
#include "mri/test_time.h"
#include "model_metadata.h"
#include "tensor_bridge.h"

namespace fovea::pipeline::mri {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
using testing::ElementsAre;
using testing::HasSubstr;

Grid noise(const Index3& size, unsigned seed) {
  Grid grid(size);
  std::mt19937 random(seed);
  std::uniform_real_distribution<float> value(0, 1);
  for (float& v : grid.values) v = value(random);
  return grid;
}

/// A folder of its own that goes with the test.
class Engine : public testing::Test {
 protected:
  void SetUp() override {
    folder_ = fs::temp_directory_path() /
              ("fovea_engine_" + std::string(testing::UnitTest::GetInstance()->current_test_info()->name()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  /// An untrained AGUNet that takes 16 x 16 x 16 voxels.
  fs::path write_model(const std::string& name, std::uint64_t seed = 3) {
    const auto& row = models::seg_model("agunet");
    models::StateDict state = models::random_state(row.specs(config_), seed);
    const Json preprocessing{{"output_spacing", "2,2,2"},
                             {"new_axial_size", "16,16,16"},
                             {"normalization_method", "default"},
                             {"imaging_modality", "MRI"}};
    fs::create_directories((folder_ / name).parent_path());
    io::write_safetensors(folder_ / name, to_arrays(state), {{"fovea.preprocessing", preprocessing.dump()}});
    return folder_ / name;
  }
  static io::Volume volume(unsigned seed, const Index3& size = {20, 18, 16}) {
    io::Volume v;
    v.geometry.size = size;
    v.geometry.spacing_mm = {1.5, 1.6, 2};
    v.values = noise(size, seed).values;
    for (float& value : v.values) value *= 100;
    return v;
  }
  fs::path write(const std::string& name, const io::Volume& v) {
    fs::create_directories((folder_ / name).parent_path());
    io::write_volume(folder_ / name, v);
    return folder_ / name;
  }
  JobResult segment_cases(const fs::path& cases, const fs::path& model, std::map<std::string, Value> more = {}) {
    JobRequest request{"mri segment",
                       {{"cases", cases.string()}, {"model", model.string()}, {"out", (folder_ / "out").string()}}};
    request.values.merge(more);
    return run_job(request);
  }
  std::map<std::string, std::string> states(const JobResult& result) {
    std::map<std::string, std::string> found;
    const Json summary = Json::parse(result.json);
    for (const Json& one : summary["results"]) found[one["case_id"]] = one["state"];
    return found;
  }

  fs::path folder_;
  models::SegConfig config_{"agunet", 3, 1, 2, {4, 8}, true, false, true};
};

// --- parts ---

TEST_F(Engine, PartsOfTheWayBackAreTheWholeResampling) {
  Placement p;
  p.native_size = {190, 180, 170};
  p.crop = {{3, 5, 2}, {183, 175, 160}};  // above four million voxels: two parts
  p.crop_ras_from_index = scaling({0.5, 0.5, 0.6}, {-40, -50, -45});
  p.lattice = axis_aligned_lattice(p.crop.size(), p.crop_ras_from_index, {3, 3, 3});
  p.network_size = {16, 20, 24};
  const Grid on_network = noise(p.network_size, 1);
  for (const Compat compat : {Compat::kFovea, Compat::kRaidionics}) {
    Grid native(p.native_size);
    std::int64_t parts = 0, next = p.crop.begin[2];
    to_native(on_network, p, compat, Interpolation::kLinear,
              [&](const Grid& part, const Index3& begin) {
                EXPECT_EQ(begin[2], next);
                next += part.size[2], ++parts;
                Box box{begin, {begin[0] + part.size[0], begin[1] + part.size[1], begin[2] + part.size[2]}};
                const Grid placed = paste(part, box, p.native_size);
                for (std::size_t i = 0; i < native.values.size(); ++i) native.values[i] += placed.values[i];
              },
              {});
    EXPECT_EQ(next, p.crop.end[2]);
    EXPECT_GT(parts, 1);
    // The definition, voxel by voxel, where it can be followed by hand: a linear field stays linear.
    EXPECT_EQ(native.values[native.at(0, 0, 0)], 0) << "outside the crop";
  }
  // A field that is linear in space comes back as itself, in every part.
  Grid ramp(p.network_size);
  for (std::int64_t z = 0; z < ramp.size[2]; ++z)
    for (std::int64_t y = 0; y < ramp.size[1]; ++y)
      for (std::int64_t x = 0; x < ramp.size[0]; ++x) ramp.values[ramp.at(x, y, z)] = static_cast<float>(z);
  const double scale = 24.0 / static_cast<double>(p.lattice.size[2]);
  to_native(ramp, p, Compat::kFovea, Interpolation::kLinear,
            [&](const Grid& part, const Index3& begin) {
              for (std::int64_t z = 0; z < part.size[2]; ++z) {
                const double lattice = static_cast<double>(begin[2] - p.crop.begin[2] + z) * 0.6 / 3;
                const double expected = std::clamp((lattice + 0.5) * scale - 0.5, 0.0, 23.0);
                ASSERT_NEAR(part.values[part.at(50, 50, z)], expected, 1e-4) << "plane " << begin[2] + z;
              }
            },
            {});
}

TEST_F(Engine, LabellingIsTheBestClassAboveItsThresholdHoweverItIsFed) {
  const Index3 size{9, 8, 7};
  const std::vector<Grid> classes{noise(size, 1), noise(size, 2), noise(size, 3)};
  for (const std::vector<double>& thresholds : {std::vector<double>{0.5, 0.5, 0.5}, {0.9, 0.2, 0.6}}) {
    Labelling labelling(size, thresholds);
    for (std::size_t c = 0; c < 3; ++c)
      for (std::int64_t z = 0; z < size[2]; z += 3) {
        const Box box{{0, 0, z}, {size[0], size[1], std::min(z + 3, size[2])}};
        labelling.merge(c + 1, cut(classes[c], box), box.begin);
      }
    for (std::size_t i = 0; i < classes[0].values.size(); ++i) {
      std::uint8_t label = 0;
      float best = -1, highest = 0;
      for (std::size_t c = 0; c < 3; ++c) {
        const float v = classes[c].values[i];
        highest = std::max(highest, v);
        if (v >= thresholds[c] && v > best) best = v, label = static_cast<std::uint8_t>(c + 1);
      }
      ASSERT_EQ(labelling.labels()[i], label);
      ASSERT_EQ(labelling.highest().values[i], highest);
      if (label > 0) {
        ASSERT_EQ((labelling.own().values.empty() ? labelling.highest() : labelling.own()).values[i], best);
      }
    }
    EXPECT_EQ(labelled(classes, thresholds), labelling.labels());
  }
}

TEST_F(Engine, GivenLabelsKeepTheProbabilityOfTheirOwnClass) {
  const Index3 size{5, 4, 3};
  const std::vector<Grid> classes{noise(size, 1), noise(size, 2)};
  std::vector<std::uint8_t> given(60);
  for (std::size_t i = 0; i < given.size(); ++i) given[i] = static_cast<std::uint8_t>(i % 3);
  Labelling labelling(size, {0.5, 0.5}, given);
  for (std::size_t c = 0; c < 2; ++c) labelling.merge(c + 1, classes[c], {0, 0, 0});
  EXPECT_EQ(labelling.labels(), given);
  for (std::size_t i = 0; i < given.size(); ++i)
    if (given[i] > 0) {
      ASSERT_EQ(labelling.own().values[i], classes[given[i] - 1U].values[i]);
    }
}

// --- mirror images and folds ---

TEST_F(Engine, FlipsAreTheirOwnInverseAndAsManyAsTheNetworkCanTell) {
  EXPECT_EQ(flips_of(TestTime::kNone, {}).size(), 1U);
  EXPECT_EQ(flips_of(TestTime::kMirror, {}).size(), 2U);
  EXPECT_EQ(flips_of(TestTime::kFlips, {}).size(), 8U);
  EXPECT_EQ(flips_of(TestTime::kFlips, 2).size(), 4U);
  EXPECT_EQ(flips_of(TestTime::kMirror, 0).size(), 1U);
  const Grid grid = noise({4, 3, 2}, 1);
  for (const Flip& flip : flips_of(TestTime::kFlips, {}))
    EXPECT_EQ(flipped(flipped(grid, flip), flip).values, grid.values);
  EXPECT_EQ(flipped(grid, {true, false, true}).values[grid.at(0, 1, 0)], grid.values[grid.at(3, 1, 1)]);
}

TEST_F(Engine, WithTestTimeMirroringTheMirroredHeadGetsTheMirroredAnswer) {
  SegmentationModel model;
  model.config = config_;
  model.preprocessing = preprocessing_from_json(
      R"({"output_spacing": "2,2,2", "new_axial_size": "16,16,16", "normalization_method": "default"})", config_, "t");
  const std::shared_ptr<const models::SegNetwork> network =
      models::seg_model("agunet").make(config_, models::random_state(models::seg_model("agunet").specs(config_), 5));
  model.open = [&](std::size_t) { return network; };
  const auto probability = [&](const Grid& values, TestTime test_time) {
    SegmentationInput input;
    io::Volume v;
    v.geometry.size = values.size, v.geometry.spacing_mm = {2, 2, 2};
    v.values = values.values;
    input.volumes.push_back(v);
    SegmentationSettings settings;
    settings.test_time = test_time;
    ProgressMeter meter({}, {});
    Segmentation result = segment(input, model, settings, meter);
    EXPECT_EQ(input.volumes.front().values, values.values) << "the overlay needs the volume";
    return result.probabilities.front();
  };
  const auto apart = [](const Grid& a, const Grid& b) {
    float largest = 0;
    for (std::size_t i = 0; i < a.values.size(); ++i) largest = std::max(largest, std::abs(a.values[i] - b.values[i]));
    return largest;
  };
  const Grid head = noise({16, 16, 16}, 8);
  const Flip mirror{true, false, false}, upside{false, false, true};
  EXPECT_GT(
      apart(flipped(probability(head, TestTime::kNone), mirror), probability(flipped(head, mirror), TestTime::kNone)),
      1e-3F)
      << "the network is symmetric of itself, and nothing is proved";
  EXPECT_LT(apart(flipped(probability(head, TestTime::kMirror), mirror),
                  probability(flipped(head, mirror), TestTime::kMirror)),
            1e-5F);
  EXPECT_LT(
      apart(flipped(probability(head, TestTime::kFlips), upside), probability(flipped(head, upside), TestTime::kFlips)),
      1e-5F);
}

TEST_F(Engine, FoldsOfOurOwnFilesAreFoundInAFolder) {
  write_model("folds/a.safetensors", 1), write_model("folds/b.safetensors", 2);
  write_model("deep/fold1/model.safetensors", 1), write_model("deep/fold0/model.safetensors", 2);
  EXPECT_THAT(model_files(folder_ / "folds"),
              ElementsAre(folder_ / "folds/a.safetensors", folder_ / "folds/b.safetensors"));
  EXPECT_THAT(model_files(folder_ / "deep"),
              ElementsAre(folder_ / "deep/fold0/model.safetensors", folder_ / "deep/fold1/model.safetensors"));
  write_model("run/seed_1/fold_0/model.safetensors", 1), write_model("run/seed_0/fold_0/model.safetensors", 2);
  write_model("run/evaluation/other/model.safetensors", 3);
  EXPECT_THAT(model_files(folder_ / "run"), ElementsAre(folder_ / "run/seed_0/fold_0/model.safetensors",
                                                        folder_ / "run/seed_1/fold_0/model.safetensors"))
      << "the seeds of one training";
  const auto mean = [&](const std::string& model, const std::string& folds) {
    const fs::path out = folder_ / "result";
    run_job({"mri segment",
             {{"volumes", std::vector<std::string>{write("v.nii.gz", volume(1)).string()}},
              {"model", (folder_ / model).string()},
              {"out", out.string()},
              {"folds", folds}}});
    return io::read_volume(out / "probability.nii.gz").values;
  };
  const auto a = mean("folds/a.safetensors", "auto"), b = mean("folds/b.safetensors", "auto"),
             both = mean("folds", "auto"), highest = mean("folds", "maximum");
  EXPECT_NE(a, b);
  for (std::size_t i = 0; i < a.size(); ++i) {
    ASSERT_NEAR(both[i], (a[i] + b[i]) / 2, 1e-5);
    ASSERT_GE(highest[i], std::max(a[i], b[i]) - 1e-5);
  }
}

// --- lists of cases ---

TEST_F(Engine, CasesOfAListHaveOptionsOfTheirOwnAndProblemsOfTheirOwn) {
  write("a.nii.gz", volume(1));
  io::write_file(folder_ / "list.csv",
                 "case_id,path,threshold,age,resample\n"
                 "one,a.nii.gz,0.25,71,second\n"
                 ",b.nii.gz;c.nii.gz,,65,\n"
                 "one,d.nii.gz,,,\n"
                 "three,e.nii.gz,high,,\n"
                 ".hidden,f.nii.gz,,,\n"
                 ",,,,\n");
  const CaseList list = list_cases(folder_ / "list.csv", segment_parameters());
  ASSERT_EQ(list.cases.size(), 6U);
  EXPECT_EQ(list.cases[0].id, "one");
  EXPECT_EQ(std::get<std::vector<std::string>>(list.cases[0].values.at("volumes")),
            std::vector<std::string>{(folder_ / "a.nii.gz").string()});
  EXPECT_EQ(std::get<double>(list.cases[0].values.at("threshold")), 0.25);
  EXPECT_EQ(std::get<std::string>(list.cases[0].values.at("resample")), "second");
  EXPECT_EQ(list.cases[1].id, "b");
  EXPECT_EQ(std::get<std::vector<std::string>>(list.cases[1].values.at("volumes")).size(), 2U);
  EXPECT_THAT(list.cases[2].problem, HasSubstr("row 2 has the same name"));
  EXPECT_THAT(list.cases[3].problem, HasSubstr("threshold 'high'"));
  EXPECT_THAT(list.cases[4].problem, HasSubstr("cannot name a folder"));
  EXPECT_THAT(list.cases[5].problem, HasSubstr("neither a case_id nor a volume"));
  EXPECT_THAT(list.notices, ElementsAre(HasSubstr("age")));
}

TEST_F(Engine, AFolderOfVolumesIsAListOfCases) {
  write("in/b.nii.gz", volume(1)), write("in/a.nrrd", volume(2));
  write("in/c/input0.nii.gz", volume(3)), write("in/c/input1.nii.gz", volume(4));
  io::write_file(folder_ / "in/notes.txt", "x");
  const CaseList list = list_cases(folder_ / "in", segment_parameters());
  ASSERT_EQ(list.cases.size(), 3U);
  EXPECT_EQ(list.cases[0].id, "a");
  EXPECT_EQ(list.cases[1].id, "b");
  EXPECT_EQ(list.cases[2].id, "c");
  EXPECT_EQ(std::get<std::vector<std::string>>(list.cases[2].values.at("volumes")).size(), 2U);
  EXPECT_THROW(list_cases(folder_ / "in/c/none", segment_parameters()), Error);
}

TEST_F(Engine, ABadCaseDoesNotStopABatchAndASecondRunDoesWhatIsMissing) {
  const fs::path model = write_model("m.safetensors");
  write("in/good.nii.gz", volume(1)), write("in/late.nii.gz", volume(2));
  io::write_file(folder_ / "in/broken.nii.gz", "no volume");
  io::Volume constant = volume(3);
  std::fill(constant.values.begin(), constant.values.end(), 7.0F);
  write("in/constant.nii.gz", constant);
  const JobResult first = segment_cases(folder_ / "in", model);
  EXPECT_EQ(first.exit_code, 2);
  using States = std::map<std::string, std::string>;
  EXPECT_EQ(states(first), (States{{"broken", "failed"}, {"constant", "failed"}, {"good", "done"}, {"late", "done"}}));
  for (const char* file : {"good/report.json", "good/segmentation.nii.gz", "late/probability.nii.gz", "summary.csv"})
    EXPECT_TRUE(fs::exists(folder_ / "out" / file)) << file;
  EXPECT_FALSE(fs::exists(folder_ / "out/broken"));
  EXPECT_THAT(first.notices, testing::Contains(HasSubstr("constant: every voxel has the same value")));

  write("in/broken.nii.gz", volume(4));
  const auto time = fs::last_write_time(folder_ / "out/good/report.json");
  write("in/late.nii.gz", volume(5));  // another image under the same name
  const JobResult second = segment_cases(folder_ / "in", model);
  EXPECT_EQ(states(second),
            (States{{"broken", "done"}, {"constant", "failed"}, {"good", "already there"}, {"late", "done"}}));
  EXPECT_EQ(fs::last_write_time(folder_ / "out/good/report.json"), time);
  // Other options or another model: nothing that is there fits.
  EXPECT_EQ(states(segment_cases(folder_ / "in", model, {{"threshold", 0.7}}))["good"], "done");
  EXPECT_EQ(states(segment_cases(folder_ / "in", write_model("n.safetensors", 9), {{"threshold", 0.7}}))["good"],
            "done");
}

TEST_F(Engine, ABatchOverSeveralNetworksIsDoneAgainWhenOneOfThemChanges) {
  write("in/a.nii.gz", volume(1));
  write_model("run/seed_0/fold_0/model.safetensors", 1), write_model("run/seed_1/fold_0/model.safetensors", 2);
  const fs::path run = folder_ / "run";
  EXPECT_EQ(states(segment_cases(folder_ / "in", run))["a"], "done");
  EXPECT_EQ(states(segment_cases(folder_ / "in", run))["a"], "already there");
  write_model("run/seed_1/fold_0/model.safetensors", 3);
  EXPECT_EQ(states(segment_cases(folder_ / "in", run))["a"], "done") << "the second network was left out of the key";
  io::write_file(run / "seed_1/fold_0/model.safetensors", "no weights");
  EXPECT_THROW(segment_cases(folder_ / "in", run), Error) << "no case's fault, so told before the first";
}

TEST_F(Engine, OptionsThatFitNoBatchAreRefusedAtOnce) {
  const fs::path model = write_model("m.safetensors");
  write("in/a.nii.gz", volume(1));
  EXPECT_THROW(segment_cases(folder_ / "in", model, {{"dump", std::string("x.safetensors")}}), Error);
  EXPECT_THROW(segment_cases(folder_ / "in", model, {{"volumes", std::vector<std::string>{"a.nii.gz"}}}), Error);
  EXPECT_THROW(segment_cases(folder_ / "in", folder_ / "none.safetensors"), Error);
  EXPECT_FALSE(fs::exists(folder_ / "out"));
}

double resident_mb() {
  std::ifstream status("/proc/self/status");
  for (std::string line; std::getline(status, line);)
    if (line.starts_with("VmRSS:")) return std::stod(line.substr(6)) / 1024;
  return 0;
}

TEST_F(Engine, MemoryDoesNotGrowWithTheNumberOfCases) {
  const fs::path model = write_model("m.safetensors");
  for (int i = 0; i < 24; ++i)
    write("in/" + std::to_string(100 + i) + ".nii.gz", volume(static_cast<unsigned>(i), {64, 64, 48}));
  std::vector<double> after;
  JobRequest request{
      "mri segment",
      {{"cases", (folder_ / "in").string()}, {"model", model.string()}, {"out", (folder_ / "out").string()}}};
  const JobResult result = run_job(request, [&](const Progress& progress) {
    if (progress.stage.ends_with(": done") && progress.note.empty()) after.push_back(resident_mb());
  });
  ASSERT_EQ(result.exit_code, 0);
  ASSERT_GE(after.size(), 24U);
  // A leaked volume (0.8 MB) a case would be 13 MB. The lowest of eight cases: what the allocator holds at the moment
  // of a single one differs by more than that.
  const auto lowest = [&](std::ptrdiff_t from) {
    return *std::min_element(after.end() - from, after.end() - from + 8);
  };
  EXPECT_LT(lowest(8) - lowest(24), 8.0);
}

// --- export ---

TEST_F(Engine, TheIniOfAModelReadsBackAsItWasWritten) {
  const std::map<std::string, std::string> keys{{"imaging_modality", "MRI"},
                                                {"output_spacing", "1,1,1"},
                                                {"nb_classes", "2"},
                                                {"slice_spacing_mm", "1.2"},
                                                {"new_axial_size", "128,128,144"}};
  const std::string ini = preprocessing_ini(keys);
  EXPECT_THAT(ini, HasSubstr("[PreProcessing]\nnew_axial_size=128,128,144\noutput_spacing=1,1,1\n"));
  EXPECT_THAT(ini, HasSubstr("[Fovea]\nslice_spacing_mm=1.2\n"));
  EXPECT_EQ(Json::parse(preprocessing_json(ini, "t")), Json(keys));
}

TEST_F(Engine, WhatIsExportedAsOnnxIsReadBackAsTheSameNetwork) {
  for (const models::SegNorm norm : {models::SegNorm::kBatch, models::SegNorm::kGroup, models::SegNorm::kInstance}) {
    config_.norm = norm;
    const fs::path model = write_model("m.safetensors");
    fs::create_directories(folder_ / "raidionics");
    run_job({"model export", {{"model", model.string()}, {"onnx", (folder_ / "raidionics/model.onnx").string()}}});
    const io::WeightFile before = io::read_weights(model), after = io::read_weights(folder_ / "raidionics/model.onnx");
    EXPECT_EQ(after.format, "onnx");
    for (const auto& [name, array] : before.tensors) {
      ASSERT_TRUE(after.tensors.contains(name)) << name;
      EXPECT_TRUE(std::ranges::equal(after.tensors.at(name).bytes, array.bytes)) << name;
    }
    EXPECT_EQ(Json::parse(after.metadata.at("inputs")),
              Json::parse(R"([{"name": "input", "shape": [1, 1, 16, 16, 16]}])"));
    if (norm != models::SegNorm::kBatch) continue;
    // The folder is a model as it is.
    const auto run = [&](const fs::path& weights, const char* out) {
      run_job({"mri segment",
               {{"volumes", std::vector<std::string>{write("v.nii.gz", volume(1)).string()}},
                {"model", weights.string()},
                {"out", (folder_ / out).string()}}});
      return io::read_volume(folder_ / out / "probability.nii.gz").values;
    };
    EXPECT_EQ(run(model, "a"), run(folder_ / "raidionics", "b"));
  }
  EXPECT_THROW(
      run_job({"model export",
               {{"model", (folder_ / "m.safetensors").string()}, {"onnx", (folder_ / "m.safetensors").string()}}}),
      Error);
}

}  // namespace
}  // namespace fovea::pipeline::mri
