// `slide predict` and `slide train` as a front end runs them: a request in, files out.
#include <algorithm>
#include <cmath>
#include <fstream>
#include <iterator>
#include <set>

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/bag.h>
#include <fovea/io/image.h>
#include <fovea/io/weights.h>
#include <fovea/models/mil.h>
#include <fovea/pipeline/job.h>

#include "model_store.h"
#include "file_text.h"
#include "shared.h"
#include "slide/training_bags.h"
#include "slide_support.h"
#include "tensor_bridge.h"

namespace fovea::pipeline {
namespace {

using test::shared_dir;
using test::TemporaryFolder;
using testing::HasSubstr;

const char* const kSvs = "data/wsi/CMU-1-Small-Region.svs";

std::filesystem::path write_random_model(const std::filesystem::path& path, std::int64_t features,
                                         const std::string& encoder) {
  const models::MilConfig config{"acmil_ga", features, 16, 8, 3, 2};
  const models::MilRow& row = models::mil_model("acmil_ga");
  std::map<std::string, std::string> metadata{{"fovea.task", "mil"}, {"fovea.labels", R"(["calm","busy"])"}};
  if (!encoder.empty()) metadata["fovea.encoder"] = encoder;
  io::write_safetensors(path, to_arrays(models::random_state(row.specs(config), 9)), metadata);
  return path;
}

JobRequest predict_request(const std::filesystem::path& slide, const std::filesystem::path& model,
                           const std::filesystem::path& out) {
  return {"slide predict", {{"slide", slide.string()}, {"model", model.string()}, {"out", out.string()}}};
}

std::set<std::string> names_in(const std::filesystem::path& folder) {
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) names.insert(entry.path().filename().string());
  return names;
}

at::Tensor dumped(const std::filesystem::path& path, const std::string& name) {
  return to_tensor(io::read_safetensors(path).tensors.at(name)).clone();
}

Error error_of(const JobRequest& request) {
  try {
    run_job(request);
  } catch (const Error& error) {
    return error;
  }
  ADD_FAILURE() << "no error";
  return {ErrorCode::kInternal, "", ""};
}

#define NEEDS_ENCODER()                            \
  if (!find_encoder_weights("efficientnet_lite0")) \
  GTEST_SKIP() << "needs the encoder's weights (./run build imports them; or set FOVEA_ENCODERS)"

class SlidePredict : public testing::Test {
 protected:
  TemporaryFolder folder_;
};

TEST_F(SlidePredict, WritesTheSameResultForAnyChunkAndFromItsOwnFeatures) {
  FOVEA_NEEDS_SHARED(kSvs);
  NEEDS_ENCODER();
  const auto model = write_random_model(folder_ / "model.safetensors", 1280, "efficientnet_lite0");
  JobRequest request = predict_request(shared_dir() / kSvs, model, folder_ / "first");
  request.values["dump"] = (folder_ / "first.safetensors").string();
  request.values["keep-features"] = true;
  const JobResult result = run_job(request);
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(names_in(folder_ / "first"), (std::set<std::string>{"prediction.json", "heatmap.png", "heatmap.geojson",
                                                                "attention.h5", "features.h5"}));

  const auto json = nlohmann::json::parse(test::file_text(folder_ / "first/prediction.json"));
  EXPECT_EQ(json["fovea_prediction"], 1);
  const std::int64_t tiles = json["tiles"]["used"];
  EXPECT_GT(tiles, 40);
  EXPECT_EQ(json["attention"]["branches"].size(), 3U);
  EXPECT_NEAR(json["classes"][0]["probability"].get<double>() + json["classes"][1]["probability"].get<double>(), 1,
              1e-6);
  EXPECT_EQ(json["scale"]["read_px"], 224) << "0.499 um/px is read tile for tile";
  EXPECT_EQ(json["provenance"]["encoder"]["name"], "efficientnet_lite0");
  EXPECT_THAT(json.dump(), testing::Not(HasSubstr("CMU-1"))) << "slide names may identify patients";
  EXPECT_THAT(json.dump(), testing::Not(HasSubstr(folder_.path().string())));

  const auto same = [&](const std::filesystem::path& dump) {
    for (const char* name : {"attn_raw", "attn_softmax", "branch_logits", "bag_logits", "bag_prob"})
      EXPECT_TRUE(at::equal(dumped(folder_ / "first.safetensors", name), dumped(dump, name)))
          << name << " of " << dump.filename();
  };
  EXPECT_EQ(dumped(folder_ / "first.safetensors", "attn_raw").sizes(), at::IntArrayRef({3, tiles}));
  request.values["chunk"] = std::int64_t{7};
  request.values["dump"] = (folder_ / "chunk7.safetensors").string();
  run_job(request);
  same(folder_ / "chunk7.safetensors");

  JobRequest from_features{"slide predict",
                           {{"features", (folder_ / "first/features.h5").string()},
                            {"model", model.string()},
                            {"out", (folder_ / "second").string()}}};
  for (const std::int64_t chunk : {0, 1, 1000}) {
    from_features.values["chunk"] = chunk;
    from_features.values["dump"] = (folder_ / "features.safetensors").string();
    run_job(from_features);
    same(folder_ / "features.safetensors");
  }
  EXPECT_EQ(names_in(folder_ / "second"),
            (std::set<std::string>{"prediction.json", "heatmap.png", "heatmap.geojson", "attention.h5"}));
}

TEST_F(SlidePredict, DicomGivesTheResultOfTheSvsItWasMadeFrom) {
  FOVEA_NEEDS_SHARED("data/wsi/cmu1-small-region-dicom");
  NEEDS_ENCODER();
  if (io::openslide_version().rfind("3.", 0) == 0) GTEST_SKIP() << "DICOM needs OpenSlide 4";
  const auto model = write_random_model(folder_ / "model.safetensors", 1280, "efficientnet_lite0");
  for (const char* file : {kSvs, "data/wsi/cmu1-small-region-dicom"}) {
    JobRequest request = predict_request(shared_dir() / file, model, folder_ / "out");
    request.values["dump"] = (folder_ / (std::string(file) == kSvs ? "svs.safetensors" : "dicom.safetensors")).string();
    run_job(request);
  }
  EXPECT_TRUE(
      at::equal(dumped(folder_ / "svs.safetensors", "attn_raw"), dumped(folder_ / "dicom.safetensors", "attn_raw")));
  EXPECT_TRUE(at::equal(dumped(folder_ / "svs.safetensors", "bag_logits"),
                        dumped(folder_ / "dicom.safetensors", "bag_logits")));
}

TEST_F(SlidePredict, SlideWithoutScaleIsRefusedWithTheRemedy) {
  FOVEA_NEEDS_SHARED("data/wsi/TCGA-CR-7395-01A-01-TS1-jp2k-nompp.svs");
  NEEDS_ENCODER();
  const auto model = write_random_model(folder_ / "model.safetensors", 1280, "efficientnet_lite0");
  const Error error = error_of(
      predict_request(shared_dir() / "data/wsi/TCGA-CR-7395-01A-01-TS1-jp2k-nompp.svs", model, folder_ / "out"));
  EXPECT_EQ(error.code(), ErrorCode::kMissingScale);
  EXPECT_THAT(error.what(), testing::AllOf(HasSubstr("openslide.mpp"), HasSubstr("--mpp")));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out")) << "a folder made for nothing";
}

TEST_F(SlidePredict, CancelLeavesTheEarlierResultAndNothingElse) {
  FOVEA_NEEDS_SHARED(kSvs);
  NEEDS_ENCODER();
  const auto model = write_random_model(folder_ / "model.safetensors", 1280, "efficientnet_lite0");
  std::filesystem::create_directories(folder_ / "out");
  std::ofstream(folder_ / "out/prediction.json") << "earlier";
  JobRequest request = predict_request(shared_dir() / kSvs, model, folder_ / "out");
  request.values["keep-features"] = true;
  request.values["dump"] = (folder_ / "dump.safetensors").string();
  for (const char* stage : {"finding tissue", "reading and encoding tiles", "writing results"}) {
    std::stop_source source;
    std::chrono::steady_clock::time_point asked;
    const ProgressSink sink = [&](const Progress& progress) {
      if (progress.stage != stage || source.stop_requested()) return;
      asked = std::chrono::steady_clock::now();
      source.request_stop();
    };
    try {
      run_job(request, sink, source.get_token());
      FAIL() << "not cancelled in stage " << stage;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), ErrorCode::kCancelled) << stage;
      EXPECT_EQ(exit_code_of(error), 130);
    }
    EXPECT_LT(std::chrono::steady_clock::now() - asked, std::chrono::seconds(2)) << stage;
    EXPECT_EQ(names_in(folder_ / "out"), (std::set<std::string>{"prediction.json"})) << stage;
    EXPECT_EQ(test::file_text(folder_ / "out/prediction.json"), "earlier");
    EXPECT_FALSE(std::filesystem::exists(folder_ / "dump.safetensors"));
  }
}

TEST_F(SlidePredict, DapiSlideIsToldApart) {
  FOVEA_NEEDS_SHARED("data/wsi/hamamatsu-dapi-387.ndpi");
  NEEDS_ENCODER();
  const auto model = write_random_model(folder_ / "model.safetensors", 1280, "efficientnet_lite0");
  JobRequest request = predict_request(shared_dir() / "data/wsi/hamamatsu-dapi-387.ndpi", model, folder_ / "out");
  request.values["preset"] = std::string("biopsy");
  const JobResult result = run_job(request);
  EXPECT_THAT(result.notices, testing::Contains(HasSubstr("looks like fluorescence")));
}

// --- from features ---

std::filesystem::path write_bag_file(const std::filesystem::path& path, const at::Tensor& rows, bool coords) {
  std::map<std::string, io::Array> tensors{{"features", to_array(rows)}};
  std::vector<std::int64_t> corners;
  for (std::int64_t i = 0; i < rows.size(0); ++i) corners.push_back(i % 10 * 256), corners.push_back(i / 10 * 256);
  if (coords) tensors.emplace("coords", io::make_array<std::int64_t>(corners, {rows.size(0), 2}));
  io::write_safetensors(path, tensors, {});
  return path;
}

JobRequest bag_request(const std::filesystem::path& bag, const std::filesystem::path& model,
                       const std::filesystem::path& out) {
  return {"slide predict", {{"features", bag.string()}, {"model", model.string()}, {"out", out.string()}}};
}

class OfficialModels : public SlidePredict, public testing::WithParamInterface<const char*> {};

TEST_P(OfficialModels, AgreeFromWeightsToDump) {
  const auto fixture_path = shared_dir() / "fixtures/mil" / (std::string(GetParam()) + ".safetensors");
  FOVEA_NEEDS_SHARED(fixture_path);
  const io::WeightFile fixture = io::read_safetensors(fixture_path);
  std::map<std::string, io::Array> weights;
  for (const auto& [name, array] : fixture.tensors)
    if (name.rfind("w.", 0) == 0) weights.emplace(name.substr(2), array);
  io::write_safetensors(folder_ / "model.safetensors", weights, {});
  JobRequest request =
      bag_request(shared_dir() / "fixtures/mil/bags.safetensors", folder_ / "model.safetensors", folder_ / "out");
  request.values["features-key"] = fixture.metadata.at("bag");
  request.values["dump"] = (folder_ / "dump.safetensors").string();
  run_job(request);
  for (const char* name : {"attn_raw", "attn_softmax", "branch_logits", "bag_logits", "bag_prob"}) {
    if (!fixture.tensors.contains(name)) continue;
    at::Tensor expected = to_tensor(fixture.tensors.at(name));
    const at::Tensor found = dumped(folder_ / "dump.safetensors", name);
    expected = expected.reshape(found.sizes());
    const double tolerance = 1e-5 + 1e-4 * expected.abs().max().item<double>();
    EXPECT_LE((found - expected).abs().max().item<double>(), tolerance) << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Fixtures, OfficialModels,
                         testing::Values("acmil_ga_n1000_d1024_k5_eval", "acmil_ga_n17_d384_k1_eval",
                                         "acmil_ga_n17_d512_k5_eval", "acmil_ga_n1_d384_k5_eval",
                                         "aem_abmil_n1000_d384", "aem_abmil_n17_d512", "aem_abmil_n1_d384"),
                         [](const auto& info) { return std::string(info.param); });

TEST_F(SlidePredict, BagThatDoesNotFitTheModelIsRefusedWithBothWidths) {
  const auto model = write_random_model(folder_ / "model.safetensors", 24, "");
  const auto bag = write_bag_file(folder_ / "bag.safetensors", at::rand({30, 32}), false);
  const Error error = error_of(bag_request(bag, model, folder_ / "out"));
  EXPECT_EQ(error.code(), ErrorCode::kShape);
  EXPECT_THAT(error.what(), testing::AllOf(HasSubstr("bag.safetensors"), HasSubstr("32 wide"), HasSubstr("wants 24")));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "out"));
}

TEST_F(SlidePredict, BagWithoutPlacesGivesNoPicture) {
  const auto model = write_random_model(folder_ / "model.safetensors", 24, "");
  run_job(bag_request(write_bag_file(folder_ / "bag.safetensors", at::rand({30, 24}), false), model, folder_ / "out"));
  EXPECT_EQ(names_in(folder_ / "out"), (std::set<std::string>{"prediction.json"}));
  const auto json = nlohmann::json::parse(test::file_text(folder_ / "out/prediction.json"));
  EXPECT_EQ(json["tiles"]["used"], 30);
  EXPECT_THAT(json.dump(), testing::Not(HasSubstr("bag.safetensors")));
}

TEST_F(SlidePredict, BagWithPlacesIsDrawnOnWhite) {
  const auto model = write_random_model(folder_ / "model.safetensors", 24, "");
  const JobResult result = run_job(
      bag_request(write_bag_file(folder_ / "bag.safetensors", at::rand({30, 24}), true), model, folder_ / "out"));
  EXPECT_THAT(result.notices, testing::Contains(HasSubstr("spacing of 256 px")));
  const io::Image picture = io::read_image(folder_ / "out/heatmap.png");
  EXPECT_GT(picture.width, 400);
}

TEST_F(SlidePredict, NotANumberInTheBagIsNotAResult) {
  const auto model = write_random_model(folder_ / "model.safetensors", 24, "");
  at::Tensor rows = at::rand({30, 24});
  rows[3][4] = std::nan("");
  const Error error =
      error_of(bag_request(write_bag_file(folder_ / "bag.safetensors", rows, false), model, folder_ / "out"));
  EXPECT_EQ(error.code(), ErrorCode::kCorrupt);
}

TEST_F(SlidePredict, ProblemsOfARequestAreReportedTogether) {
  const auto model = write_random_model(folder_ / "model.safetensors", 24, "");
  JobRequest request = bag_request("bag.h5", model, folder_ / "out");
  request.values["slide"] = std::string("also.svs");
  request.values["min-tissue"] = 2.0;
  request.values["median"] = std::int64_t{4};
  const Error error = error_of(request);
  EXPECT_EQ(error.code(), ErrorCode::kUsage);
  EXPECT_THAT(error.what(), testing::AllOf(HasSubstr("either a slide or --features"), HasSubstr("--min-tissue"),
                                           HasSubstr("--median")));
}

TEST_F(SlidePredict, UnwritableOutputIsSaidBeforeTheWork) {
  const auto model = write_random_model(folder_ / "model.safetensors", 24, "");
  const auto bag = write_bag_file(folder_ / "bag.safetensors", at::rand({30, 24}), false);
  std::ofstream(folder_ / "file") << "x";
  EXPECT_EQ(error_of(bag_request(bag, model, folder_ / "file/out")).code(), ErrorCode::kWriteFailed);
}

// --- training ---

TEST(SlideTrain, LearnsTheDigitBags) {
  FOVEA_NEEDS_SHARED("data/mil/digits_mil/digits_mil2.h5");
  const TemporaryFolder folder;
  const auto data = shared_dir() / "data/mil/digits_mil";
  JobRequest request{"slide train",
                     {{"bags", (data / "digits_mil2.h5").string()},
                      {"labels-csv", (data / "digits_mil2_labels.csv").string()},
                      {"out", (folder / "m.safetensors").string()},
                      {"architecture", std::string("abmil")},
                      {"inner", std::int64_t{64}},
                      {"epochs", std::int64_t{8}},
                      {"lr", 2e-3},
                      {"card", (folder / "m.md").string()}}};
  const auto json = nlohmann::json::parse(run_job(request).json);
  EXPECT_GT(json["validation_bags"].get<int>(), 80);
  EXPECT_GT(json["auc"].get<double>(), 0.75);
  EXPECT_GT(json["localisation_auroc"].get<double>(), 0.75);
  const LoadedMil loaded = load_mil(folder / "m.safetensors");
  EXPECT_EQ(loaded.model->config().classes, 2);
  EXPECT_THAT(test::file_text(folder / "m.md"), HasSubstr(loaded.description.sha256));
}

class TileBags : public testing::Test {
 protected:
  void SetUp() override {
    std::filesystem::create_directories(folder_ / "tiles");
    std::ofstream index(folder_ / "index.csv");
    index << "id,label,class\n";
    for (int i = 0; i < 24; ++i) {
      io::Image tile(24, 24, 3, static_cast<std::uint8_t>(40 + 8 * i));  // every tile has its own grey
      const std::string id = "00" + std::to_string(i);
      io::write_png(folder_ / "tiles" / (id + ".png"), tile);
      index << id << "," << i % 4 << ",kind\n";
    }
    options_.tiles = folder_ / "index.csv";
    options_.positive = {"0"}, options_.tile_mpp = 0.25, options_.target_mpp = 0.5;
    options_.train_bags = 20, options_.validation_bags = 10, options_.bag_min = 10, options_.bag_max = 20,
    options_.variants = 3;
  }
  TemporaryFolder folder_;
  slide::TrainOptions options_;
  test::MeanEncoder encoder_{32};
};

TEST_F(TileBags, PositiveBagsHoldEvidenceAndNegativeOnesNone) {
  const slide::TrainingBags bags = slide::bags_from_tiles(options_, encoder_, [](double) {});
  EXPECT_EQ(bags.train.count, 20);
  for (std::int64_t i = 0; i < 20; ++i) {
    const slide::LabelledBag bag = bags.train.bag(i);
    EXPECT_GE(bag.rows.size(0), 10);
    EXPECT_LE(bag.rows.size(0), 20);
    EXPECT_EQ(std::any_of(bag.evidence.begin(), bag.evidence.end(), [](bool shows) { return shows; }), bag.label == 1);
    EXPECT_TRUE(at::equal(bag.rows, bags.train.bag(i).rows)) << "the same bag for the same index";
  }
}

TEST_F(TileBags, ValidationNeverSeesATrainingTile) {
  const slide::TrainingBags bags = slide::bags_from_tiles(options_, encoder_, [](double) {});
  const auto features = [](const slide::BagSet& set) {
    std::set<float> seen;
    for (std::int64_t i = 0; i < set.count; ++i) {
      const at::Tensor rows = set.bag(i).rows;
      for (std::int64_t r = 0; r < rows.size(0); ++r) seen.insert(rows[r][0].item<float>());
    }
    return seen;
  };
  const std::set<float> train = features(bags.train), validation = features(bags.validation);
  std::vector<float> both;
  std::set_intersection(train.begin(), train.end(), validation.begin(), validation.end(), std::back_inserter(both));
  // Recolouring may map two tiles to one grey by chance; most must differ.
  EXPECT_LT(both.size() * 4, validation.size());
}

TEST_F(TileBags, WithoutAPositiveTileThereIsNothingToLearn) {
  options_.positive = {"nine"};
  EXPECT_THROW(slide::bags_from_tiles(options_, encoder_, [](double) {}), Error);
}

}  // namespace
}  // namespace fovea::pipeline
