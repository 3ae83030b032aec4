// `mri train` as a job: it learns, prepares as inference does, resumes to the bit, and survives bad cases.
#include <fstream>

#include <ATen/core/Tensor.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/array.h>
#include <fovea/io/image.h>
#include <fovea/io/volume.h>
#include <fovea/io/weights.h>
#include <fovea/pipeline/job.h>

#include "file_text.h"
#include "shared.h"
#include "mri/training/prepared.h"
#include "slide/csv_table.h"

namespace {

using namespace fovea;
using namespace fovea::pipeline;
using testing::Contains;
using testing::HasSubstr;
namespace fs = std::filesystem;

/// A bright ball in noise; oblique, anisotropic, its values on a scanner's scale.
void write_case(const fs::path& folder, int number, const std::vector<std::string>& modalities, double visible = 1) {
  io::Geometry g;
  g.size = {22, 20, 9}, g.spacing_mm = {1, 1.1, 2.4}, g.origin_mm = {-10, 5, 3};
  const double c = std::cos(0.1), s = std::sin(0.1);
  g.direction = {c, -s, 0, s, c, 0, 0, 0, 1};
  slide::RandomSource random(static_cast<std::uint64_t>(number) + 7);
  const double x = random.uniform(7, 15), y = random.uniform(7, 13), z = random.uniform(3, 6);
  io::Volume label;
  label.geometry = g;
  for (std::int64_t k = 0; k < g.size[2]; ++k)
    for (std::int64_t j = 0; j < g.size[1]; ++j)
      for (std::int64_t i = 0; i < g.size[0]; ++i)
        label.values.push_back(std::hypot(i - x, (j - y) * 1.1, (k - z) * 2.4) < 4.5);
  const std::string id = std::to_string(number);
  write_volume(folder / (id + "_label.nii.gz"), label);
  for (std::size_t m = 0; m < modalities.size(); ++m) {
    io::Volume image;
    image.geometry = g;
    // Of several modalities one shows the ball.
    const bool shown = modalities.size() == 1 || static_cast<std::size_t>(number) % modalities.size() == m;
    for (const float v : label.values)
      image.values.push_back(
          static_cast<float>(300 + 100 * random.uniform() + (shown ? visible * 500 * static_cast<double>(v) : 0)));
    write_volume(folder / (id + "_" + modalities[m] + ".nii.gz"), image);
  }
}

fs::path write_cases(const fs::path& folder, int count, const std::vector<std::string>& modalities) {
  std::string text = "case,label,split";
  for (const std::string& modality : modalities) text += "," + modality;
  for (int i = 0; i < count; ++i) {
    write_case(folder, i, modalities);
    const std::string id = std::to_string(i);
    text += "\n" + id + "," + id + "_label.nii.gz," + (i % 5 == 3 ? "val" : "train");
    for (const std::string& modality : modalities) text += "," + id + "_" + modality + ".nii.gz";
  }
  std::ofstream(folder / "cases.csv") << text << "\n";
  return folder / "cases.csv";
}

JobRequest request(const std::string& recipe, const fs::path& cases, const fs::path& out,
                   const std::vector<std::string>& set) {
  JobRequest request{"mri train", {}};
  request.values = {{"recipe", recipe},
                    {"cases", cases.string()},
                    {"out", out.string()},
                    {"set", set},
                    {"bootstrap", std::int64_t{20}}};
  return request;
}

double dice_of(const JobResult& result) {
  return nlohmann::json::parse(result.json)["classes"][0]["dice_mean"].get<double>();
}

const std::vector<std::string> kSmallPatches{
    "network.filters=[6,12,24]",    "data.size=[24,24,24]",        "epochs=12", "data.classes=[\"ball\"]", "seeds=[0]",
    "optimiser.learning_rate=0.01", "augmentation.probability=0.2"};

class MriTrain : public testing::Test {
 protected:
  test::TemporaryFolder folder_;
};

TEST_F(MriTrain, LearnsAndItsModelSegmentsAsItsValidationSaid) {
  const fs::path cases = write_cases(folder_.path(), 12, {"image"});
  std::vector<std::string> set = kSmallPatches;
  set.insert(set.end(), {"epochs=30", "average=0.8"});
  const JobResult result = run_job(request("agunet", cases, folder_ / "run", set));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_GT(dice_of(result), 0.85);
  for (const char* file : {"recipe.json", "splits/fold_0.csv", "seed_0/fold_0/model.md", "seed_0/fold_0/history.csv",
                           "evaluation/ball/metrics.json", "evaluation/ball/per_case.csv"})
    EXPECT_TRUE(fs::exists(folder_ / "run" / file)) << file;
  // The trained file needs nothing else, and does as well on the native grid.
  JobRequest segment{"mri segment", {}};
  segment.values = {{"volumes", std::vector<std::string>{(folder_ / "3_image.nii.gz").string()}},
                    {"model", (folder_ / "run/seed_0/fold_0/model.safetensors").string()},
                    {"out", (folder_ / "segmented").string()}};
  run_job(segment);
  const io::Volume predicted = io::read_volume(folder_ / "segmented/segmentation.nii.gz"),
                   truth = io::read_volume(folder_ / "3_label.nii.gz");
  double both = 0, sum = 0;
  for (std::size_t i = 0; i < truth.values.size(); ++i)
    both += predicted.values[i] * truth.values[i], sum += predicted.values[i] + truth.values[i];
  EXPECT_GT(2 * both / sum, 0.75);
}

/// What the network is trained on is what `mri segment` gives it.
TEST_F(MriTrain, CasesArePreparedAsInferencePreparesThem) {
  const fs::path cases = write_cases(folder_.path(), 4, {"image"});
  for (const auto& [recipe, extra] :
       {std::pair{"agunet", std::vector<std::string>{"data.spacing_mm=1.3"}},
        std::pair{"agunet_head", std::vector<std::string>{"data.size=[16,16,8]", "data.spacing_mm=1.5"}}}) {
    std::vector<std::string> set = kSmallPatches;
    set[1] = "data.crop=none";
    if (std::string(recipe) == "agunet_head") set[1] = "data.crop=minimum";
    set.push_back("epochs=1"), set.insert(set.end(), extra.begin(), extra.end());
    if (std::string(recipe) == "agunet") set.push_back("data.size=[24,24,24]");
    const fs::path out = folder_ / (std::string("run_") + recipe);
    run_job(request(recipe, cases, out, set));
    JobRequest segment{"mri segment", {}};
    segment.values = {{"volumes", std::vector<std::string>{(folder_ / "0_image.nii.gz").string()}},
                      {"model", (out / "seed_0/fold_0/model.safetensors").string()},
                      {"dump", (folder_ / "dump.safetensors").string()},
                      {"out", (folder_ / (std::string("seg_") + recipe)).string()}};
    run_job(segment);
    const auto dump = io::read_weights(folder_ / "dump.safetensors");
    const auto& input = dump.tensors.at("pre.network_input");
    auto recipe_used = mri::training::load_recipe((out / "recipe.json").string());
    const auto read = mri::training::read_cases(cases, recipe_used);
    const auto prepared = mri::training::prepare(read[0], recipe_used);
    ASSERT_EQ(input.shape, (std::vector<std::int64_t>{prepared.size[0], prepared.size[1], prepared.size[2], 1}));
    const std::vector<float> values = io::to_float(input);
    for (std::int64_t x = 0; x < prepared.size[0]; ++x)
      for (std::int64_t y = 0; y < prepared.size[1]; ++y)
        for (std::int64_t z = 0; z < prepared.size[2]; ++z)
          ASSERT_EQ(values[static_cast<std::size_t>((x * prepared.size[1] + y) * prepared.size[2] + z)],
                    prepared.channels[0].values[prepared.channels[0].at(x, y, z)])
              << recipe;
  }
}

TEST_F(MriTrain, LearnsSlicesFromPictures) {
  fs::create_directories(folder_ / "images");
  fs::create_directories(folder_ / "masks");
  std::ofstream index(folder_ / "index.csv");
  index << "id,class,fold\n";
  for (int n = 0; n < 16; ++n) {
    slide::RandomSource random(static_cast<std::uint64_t>(n));
    io::Image image(64, 64, 1), mask(64, 64, 1);
    const double cx = random.uniform(20, 44), cy = random.uniform(20, 44);
    for (int y = 0; y < 64; ++y)
      for (int x = 0; x < 64; ++x) {
        const bool inside = std::hypot(x - cx, y - cy) < 9;
        *image.at(x, y) = static_cast<std::uint8_t>(60 + random.uniform(0, 40) + (inside ? 100 : 0));
        *mask.at(x, y) = inside ? 255 : 0;
      }
    const std::string id = "00" + std::to_string(n);
    io::write_png(folder_ / "images" / (id + ".png"), image);
    io::write_png(folder_ / "masks" / (id + ".png"), mask);
    index << id << "," << (n == 5 ? "cyst" : "disc") << "," << n % 4 << "\n";
  }
  index.close();
  JobRequest train = request("agunet_slices", {}, folder_ / "run",
                             {"network.filters=[6,12,24]", "data.size=[32,32]", "epochs=15", "data.classes=[\"disc\"]",
                              "optimiser.learning_rate=0.01", "augmentation.healthy=0"});
  train.values.erase("cases");
  train.values["slices"] = folder_.path().string(), train.values["val-fold"] = std::string("3");
  const JobResult result = run_job(train);
  EXPECT_GT(dice_of(result), 0.85);
  EXPECT_EQ(nlohmann::json::parse(result.json)["classes"][0]["cases"], 4);
  // What it learned from pictures it does on a scan: the picture as the slices of a thin volume.
  const io::Image image = io::read_image(folder_ / "images/003.png"), mask = io::read_image(folder_ / "masks/003.png");
  io::Volume scan;
  scan.geometry.size = {64, 64, 3}, scan.geometry.spacing_mm = {0.98, 0.98, 6};
  for (int slice = 0; slice < 3; ++slice)
    scan.values.insert(scan.values.end(), image.pixels.begin(), image.pixels.end());
  write_volume(folder_ / "slice.nii.gz", scan);
  JobRequest segment{"mri segment", {}};
  segment.values = {{"volumes", std::vector<std::string>{(folder_ / "slice.nii.gz").string()}},
                    {"model", (folder_ / "run/seed_0/fold_3/model.safetensors").string()},
                    {"out", (folder_ / "segmented").string()}};
  run_job(segment);
  const io::Volume predicted = io::read_volume(folder_ / "segmented/segmentation.nii.gz");
  double both = 0, sum = 0;
  for (std::size_t i = 0; i < mask.pixels.size(); ++i) {
    const double truth = mask.pixels[i] > 127;
    both += predicted.values[i] * truth, sum += predicted.values[i] + truth;
  }
  EXPECT_GT(2 * both / sum, 0.8);
}

struct Interruption {
  std::stop_source stop;
  int at = 0, seen = 0;
  void operator()(const Progress&) {
    if (++seen == at) stop.request_stop();
  }
};

/// With everything random switched on, an average, accumulation and dropout.
TEST_F(MriTrain, InterruptedAnywhereItEndsWithTheSameBitsOnAnyNumberOfWorkers) {
  const fs::path cases = write_cases(folder_.path(), 6, {"t1", "flair"});
  std::vector<std::string> set = kSmallPatches;
  for (const char* change :
       {"data.modalities=[\"t1\",\"flair\"]", "epochs=4", "batch=2", "accumulate=2", "clip=1", "average=0.9",
        "network.dropout=0.2", "modality_dropout.most=0.5", "sampling.windows=2", "augmentation.probability=1",
        "augmentation.intensity_probability=1", "augmentation.blur=1", "data.size=[16,16,16]"})
    set.emplace_back(change);
  const auto named = [&](const std::string& name) { return request("agunet", cases, folder_ / name, set); };
  run_job(named("whole"));
  const std::string model = test::file_text(folder_ / "whole/seed_0/fold_0/model.safetensors");
  for (const int at : {3, 5, 7}) {
    Interruption interruption{{}, at};
    JobRequest again = named("stopped" + std::to_string(at));
    again.values["workers"] = std::int64_t{3};
    try {
      run_job(again, std::ref(interruption), interruption.stop.get_token());
      ADD_FAILURE() << "it was not interrupted at " << at;
    } catch (const Error& error) {
      EXPECT_THAT(error.what(), HasSubstr("goes on from the checkpoint"));
    }
    run_job(again);
    EXPECT_EQ(test::file_text(folder_ / ("stopped" + std::to_string(at)) / "seed_0/fold_0/model.safetensors"), model)
        << at;
  }
}

/// thrombus.md 7: each lesion is visible in one modality only; the task is solved, and survives losing the other one.
TEST_F(MriTrain, TheRecurrentNetworkFindsWhatEitherModalityShowsAndMissesNoAbsentOne) {
  const fs::path cases = write_cases(folder_.path(), 30, {"swan", "dwi"});
  const JobResult result = run_job(
      request("upattllstm", cases, folder_ / "run",
              {"data.modalities=[\"swan\",\"dwi\"]", "network.filters=[8,16,16]", "data.size=[24,24,4]",
               "data.spacing_mm=0", "epochs=40", "batch=2", "data.classes=[\"ball\"]", "optimiser.learning_rate=0.003",
               "augmentation.probability=0.2", "selection.every=5", "selection.rule=dice"}));
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_GT(dice_of(result), 0.8) << test::file_text(folder_ / "run/seed_0/fold_0/history.csv");
  std::map<std::string, std::pair<double, int>> dice;
  for (const auto& row : slide::read_csv(folder_ / "run/evaluation/ball/per_case.csv", {"case", "pattern", "dice"})) {
    const bool in_swan = std::stoi(row.at("case")) % 2 == 0;
    const std::string key = row.at("pattern") == "all"                        ? "all"
                            : (row.at("pattern") == "without dwi") == in_swan ? "the other lost"
                                                                              : "the one lost";
    dice[key].first += std::stod(row.at("dice")), ++dice[key].second;
  }
  ASSERT_EQ(dice.size(), 3U);
  EXPECT_EQ(dice["the other lost"].second, 6);
  EXPECT_GT(dice["the other lost"].first / 6, 0.75);
  EXPECT_LT(dice["the one lost"].first / 6, 0.4) << "nothing shows it any more";
  const auto metadata = io::read_weights(folder_ / "run/seed_0/fold_0/model.safetensors").metadata;
  const auto availability = nlohmann::json::parse(metadata.at("fovea.availability"));
  EXPECT_EQ(availability["swan+dwi"]["cases"], 6);
  EXPECT_TRUE(availability.contains("swan") && availability.contains("dwi"));
  EXPECT_THAT(metadata.at("fovea.preprocessing"), HasSubstr("\"modalities\":\"swan,dwi\""));
}

TEST_F(MriTrain, ABadCaseIsLeftOutAndNamed) {
  const fs::path cases = write_cases(folder_.path(), 6, {"image"});
  std::ofstream(folder_ / "1_image.nii.gz") << "not a volume";
  io::Volume label = io::read_volume(folder_ / "2_label.nii.gz");
  label.values[0] = 9;
  write_volume(folder_ / "2_label.nii.gz", label);
  std::vector<std::string> set = kSmallPatches;
  set.emplace_back("epochs=1");
  const JobResult result = run_job(request("unet", cases, folder_ / "run", set));
  EXPECT_EQ(result.exit_code, 2);
  const std::string left = test::file_text(folder_ / "run/left_out.csv");
  EXPECT_THAT(left, HasSubstr("1,"));
  EXPECT_THAT(left, HasSubstr("values other than 0 to 1"));
  EXPECT_THAT(result.notices, Contains(HasSubstr("2 cases were left out")));
}

TEST_F(MriTrain, AblationPrintsATableAndGoesOn) {
  const fs::path cases = write_cases(folder_.path(), 4, {"image"});
  JobRequest ablate = request("agunet", cases, folder_ / "grid", kSmallPatches);
  ablate.kind = "mri ablate";
  ablate.values["set"] = [] {
    auto set = kSmallPatches;
    set.emplace_back("epochs=1");
    return set;
  }();
  ablate.values["variants"] = std::vector<std::string>{"unet", "daunet"};
  const JobResult first = run_job(ablate);
  EXPECT_THAT(first.text, HasSubstr("| U-Net | "));
  EXPECT_THAT(first.text, HasSubstr("| DAUNet"));
  const auto written = fs::last_write_time(folder_ / "grid/unet/seed_0/fold_0/checkpoint");
  EXPECT_EQ(run_job(ablate).text, first.text);
  EXPECT_EQ(fs::last_write_time(folder_ / "grid/unet/seed_0/fold_0/checkpoint"), written);
}

}  // namespace
