// From weight files to networks: recognition, the errors that list everything at once, import, descriptions.
#include "model_store.h"

#include <cstdlib>
#include <fstream>

#include <ATen/TensorOperators.h>
#include <ATen/ops/equal.h>
#include <ATen/ops/zeros.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/hash.h>
#include <fovea/io/weights.h>
#include <fovea/pipeline/job.h>

#include "deps.h"
#include "model_metadata.h"
#include "shared.h"
#include "tensor_bridge.h"

namespace {

using namespace fovea;
using namespace fovea::pipeline;
using fovea::test::TemporaryFolder;
using models::StateDict;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

models::MilConfig tiny_mil(const std::string& architecture) {
  return models::mil_model(architecture).completed({architecture, 12, 8, 5, 3, 2});
}

models::SegConfig tiny_network(int dims, int switches) {
  models::SegConfig config;
  config.architecture = "agunet";
  config.dims = dims, config.channels = 2, config.filters = {4, 6, 8};
  config.multi_scale = switches & 1, config.deep_supervision = switches & 2, config.attention = switches & 4;
  return config;
}

StateDict mil_state(const std::string& architecture) {
  return models::random_state(models::mil_model(architecture).specs(tiny_mil(architecture)), 3);
}
StateDict network_state(int dims, int switches) {
  return models::random_state(models::seg_model("agunet").specs(tiny_network(dims, switches)), 4);
}

void write(const std::filesystem::path& path, const StateDict& state,
           const std::map<std::string, std::string>& metadata = {}) {
  io::write_safetensors(path, to_arrays(state), metadata);
}

/// What the call complains about; empty when it does not.
template <class Call>
std::string complaint(Call call, ErrorCode code) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error_code_name(error.code()), error_code_name(code)) << error.what();
    return error.what();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

JobResult import(const std::filesystem::path& in, const std::filesystem::path& out,
                 std::map<std::string, Value> more = {}) {
  JobRequest request{"model import", std::move(more)};
  request.values["input"] = in.string();
  request.values["out"] = out.string();
  return run_job(request);
}

TEST(ModelStore, EveryMilArchitectureIsRecognisedFromItsNamesAndShapes) {
  TemporaryFolder folder;
  for (const auto& row : models::mil_models()) {
    const std::string name(row.name);
    // Mean and max pooling have the same tensors: the file has to say which it is.
    write(folder / "m.safetensors", mil_state(name), {{"fovea.architecture", name}});
    const AnyModel any = load_any(folder / "m.safetensors");
    ASSERT_TRUE(any.mil) << name;
    EXPECT_EQ(any.description.task, "mil");
    EXPECT_EQ(any.description.architecture, name);
    EXPECT_EQ(any.mil->config().features, 12);
    EXPECT_EQ(any.mil->config().inner, tiny_mil(name).inner);
    EXPECT_EQ(any.mil->config().attention, tiny_mil(name).attention);
    EXPECT_EQ(any.mil->config().branches, tiny_mil(name).branches);
    EXPECT_EQ(any.mil->config().heads, tiny_mil(name).heads);
    EXPECT_EQ(any.mil->config().classes, 2);
    EXPECT_EQ(any.description.parameters, models::parameter_count(row.specs(tiny_mil(name))));
    EXPECT_EQ(any.description.labels, (std::vector<std::string>{"class 0", "class 1"}));
    EXPECT_EQ(any.description.sha256, io::sha256_of_file(folder / "m.safetensors"));
  }
}

TEST(ModelStore, ClamCheckpointsAreReadThroughTheirWrappersAndWithoutTheirInstanceLoss) {
  TemporaryFolder folder;
  for (const char* variant : {"", "3.module.3"}) {
    models::MilConfig config = tiny_mil("clam_sb");
    config.variant = variant;
    StateDict saved{{"instance_loss_fn.labels", at::zeros({2})}};
    for (const auto& [name, tensor] : models::random_state(models::mil_model("clam_sb").specs(config), 3))
      saved[name.rfind("attention_net.", 0) == 0 ? "attention_net.module." + name.substr(14) : name] = tensor;
    write(folder / "m.safetensors", saved);
    const AnyModel any = load_any(folder / "m.safetensors");
    ASSERT_TRUE(any.mil);
    EXPECT_EQ(any.description.architecture, "clam_sb");
    EXPECT_EQ(any.mil->config().variant, variant);
    EXPECT_EQ(any.description.notices.size(), 1u);
  }
}

TEST(ModelStore, OfTwoPoolingsWithTheSameTensorsTheUserChooses) {
  TemporaryFolder folder;
  write(folder / "in.safetensors", mil_state("max_pooling"));
  const AnyModel guessed = load_any(folder / "in.safetensors");
  EXPECT_EQ(guessed.description.architecture, "mean_pooling");
  ASSERT_EQ(guessed.description.notices.size(), 1u);
  EXPECT_THAT(guessed.description.notices.front(), HasSubstr("max_pooling"));
  import(folder / "in.safetensors", folder / "out.safetensors", {{ "architecture", std::string("max_pooling") }});
  EXPECT_EQ(load_mil(folder / "out.safetensors").description.architecture, "max_pooling");
  const std::string text = complaint(
      [&] {
        import(folder / "in.safetensors", folder / "out.safetensors", {{ "architecture", std::string("transmil") }});
      },
      ErrorCode::kUnsupported);
  EXPECT_THAT(text, HasSubstr("transmil"));
}

TEST(ModelStore, EveryShapeOfTheSegmentationNetworkIsRecognised) {
  TemporaryFolder folder;
  for (int dims : {2, 3})
    for (int switches = 0; switches < 8; ++switches) {
      write(folder / "m.safetensors", network_state(dims, switches));
      const LoadedSegmentation loaded = load_segmentation(folder / "m.safetensors");
      const models::SegConfig wanted = tiny_network(dims, switches), found = loaded.network->config();
      EXPECT_EQ(found.dims, wanted.dims);
      EXPECT_EQ(found.channels, wanted.channels);
      EXPECT_EQ(found.filters, wanted.filters);
      EXPECT_EQ(found.multi_scale, wanted.multi_scale);
      EXPECT_EQ(found.deep_supervision, wanted.deep_supervision);
      EXPECT_EQ(found.attention, wanted.attention);
    }
}

TEST(ModelStore, WeightsAmongOtherTensorsUnderWAreTaken) {
  TemporaryFolder folder;
  StateDict state{{"bag_logits", at::zeros({1, 2})}, {"g.classifier.fc.bias", at::zeros({2})}};
  for (const auto& [name, tensor] : mil_state("abmil")) state["w." + name] = tensor;
  write(folder / "case.safetensors", state);
  const LoadedMil loaded = load_mil(folder / "case.safetensors");
  EXPECT_EQ(loaded.description.architecture, "abmil");
  EXPECT_TRUE(at::equal(loaded.model->state().at("classifier.fc.weight"), state.at("w.classifier.fc.weight")));
}

TEST(ModelStore, LeftoversOfWrappersAreStripped) {
  TemporaryFolder folder;
  StateDict state;
  for (const auto& [name, tensor] : mil_state("acmil_ga")) state["module." + name] = tensor;
  state["instance_loss_fn.weight"] = at::zeros({2});
  write(folder / "m.safetensors", state);
  EXPECT_EQ(load_mil(folder / "m.safetensors").description.architecture, "acmil_ga");
}

TEST(ModelStore, MissingUnexpectedAndMisshapedNamesAreListedAtOnce) {
  TemporaryFolder folder;
  StateDict state = mil_state("acmil_ga");
  state.erase("classifier.1.fc.bias");
  state["classifier.0.extra"] = at::zeros({1});
  state["attention.attention_U.0.bias"] = at::zeros({7});
  write(folder / "broken.safetensors", state);
  const std::string text = complaint([&] { load_mil(folder / "broken.safetensors"); }, ErrorCode::kShape);
  EXPECT_THAT(text, AllOf(HasSubstr("broken.safetensors"), HasSubstr("missing: classifier.1.fc.bias"),
                          HasSubstr("unexpected: classifier.0.extra"),
                          HasSubstr("attention.attention_U.0.bias is [7] but should be [5]")));
}

/// The inner width is read from this very tensor: without a vote every other tensor would be blamed.
TEST(ModelStore, TheTensorThatDisagreesWithAllOthersIsBlamedAlone) {
  TemporaryFolder folder;
  StateDict state = mil_state("abmil");
  state["dimreduction.fc1.weight"] = at::zeros({9, 12});
  write(folder / "m.safetensors", state);
  const std::string text = complaint([&] { load_mil(folder / "m.safetensors"); }, ErrorCode::kShape);
  EXPECT_THAT(text, AllOf(HasSubstr("dimreduction.fc1.weight is [9, 12] but should be [8, 12]"),
                          HasSubstr("1 mis-shaped"), Not(HasSubstr("missing"))));
}

TEST(ModelStore, ASegmentationNetworkWithDamagedNamesIsComparedWithTheNearest) {
  TemporaryFolder folder;
  StateDict state = network_state(3, 7);
  state.erase("head0.weight");
  state.erase("enc0.conv0.weight");
  state["dec0.bn1.weight"] = at::zeros({5});
  write(folder / "m.safetensors", state);
  const std::string text = complaint([&] { load_segmentation(folder / "m.safetensors"); }, ErrorCode::kShape);
  EXPECT_THAT(text, AllOf(HasSubstr("agunet"), HasSubstr("2 missing: "), HasSubstr("head0.weight"),
                          HasSubstr("enc0.conv0.weight"), HasSubstr("dec0.bn1.weight is [5] but should be [4]"),
                          Not(HasSubstr("unexpected"))));
}

TEST(ModelStore, TensorsOfNothingKnownNameWhatWasLookedFor) {
  TemporaryFolder folder;
  write(folder / "m.safetensors", {{"transformer.wte", at::zeros({2, 2})}});
  const std::string text = complaint([&] { load_any(folder / "m.safetensors"); }, ErrorCode::kUnsupported);
  EXPECT_THAT(text, AllOf(HasSubstr("transformer.wte"), HasSubstr("acmil_ga"), HasSubstr("abmil"), HasSubstr("agunet"),
                          HasSubstr("efficientnet_lite0")));
}

TEST(ModelStore, ASegmentationNetworkIsNoSlideModel) {
  TemporaryFolder folder;
  write(folder / "m.safetensors", network_state(2, 7));
  EXPECT_THAT(complaint([&] { load_mil(folder / "m.safetensors"); }, ErrorCode::kUnsupported),
              HasSubstr("this is agunet, not a slide model"));
  write(folder / "m.safetensors", mil_state("abmil"));
  EXPECT_THAT(complaint([&] { load_segmentation(folder / "m.safetensors"); }, ErrorCode::kUnsupported),
              HasSubstr("not a segmentation network"));
  EXPECT_THAT(complaint([&] { load_encoder((folder / "m.safetensors").string(), false); }, ErrorCode::kUnsupported),
              HasSubstr("not a tile encoder"));
}

TEST(ModelStore, AMissingFileOrAFolderWithoutModelIsSaid) {
  TemporaryFolder folder;
  EXPECT_THAT(complaint([&] { load_any(folder / "none"); }, ErrorCode::kNotFound), HasSubstr("none"));
  EXPECT_THAT(complaint([&] { load_any(folder.path()); }, ErrorCode::kNotFound), HasSubstr("model.onnx"));
}

TEST(ModelImport, KeepsEveryBitAndWritesWhatTheUserStates) {
  TemporaryFolder folder;
  const StateDict state = mil_state("acmil_ga");
  write(folder / "in.safetensors", state);
  const JobResult result = import(folder / "in.safetensors", folder / "out.safetensors",
                                  {{"labels", std::vector<std::string>{"normal", "tumour"}},
                                   {"encoder", std::string("efficientnet_lite0")},
                                   {"mpp", 0.5},
                                   {"tile", std::int64_t{224}},
                                   {"card", std::string("a test")}});
  EXPECT_EQ(result.exit_code, 0);
  EXPECT_EQ(result.outputs, (std::vector<std::filesystem::path>{folder / "out.safetensors"}));
  const LoadedMil loaded = load_mil(folder / "out.safetensors");
  for (const auto& [name, tensor] : state) EXPECT_TRUE(at::equal(loaded.model->state().at(name), tensor)) << name;
  EXPECT_EQ(loaded.description.labels, (std::vector<std::string>{"normal", "tumour"}));
  const auto& metadata = loaded.description.metadata;
  EXPECT_EQ(metadata.at("fovea.task"), "mil");
  EXPECT_EQ(metadata.at("fovea.architecture"), "acmil_ga");
  EXPECT_EQ(metadata.at("fovea.encoder"), "efficientnet_lite0");
  EXPECT_EQ(metadata.at("fovea.mpp"), "0.5");
  EXPECT_EQ(metadata.at("fovea.tile_px"), "224");
  EXPECT_EQ(metadata.at("fovea.card"), "a test");
  EXPECT_EQ(metadata.at("fovea.imported_sha256"), io::sha256_of_file(folder / "in.safetensors"));
  EXPECT_EQ(nlohmann::json::parse(metadata.at("fovea.config"))["branches"], 3);
}

TEST(ModelImport, ImportingTwiceKeepsLabelsAndGivesTheSameTensors) {
  TemporaryFolder folder;
  write(folder / "in.safetensors", mil_state("abmil"));
  import(folder / "in.safetensors", folder / "a.safetensors", {{ "labels", std::vector<std::string> { "x", "y" } }});
  import(folder / "a.safetensors", folder / "b.safetensors");
  EXPECT_EQ(load_any(folder / "b.safetensors").description.labels, (std::vector<std::string>{"x", "y"}));
}

TEST(ModelImport, LabelsMustCountTheClassesAndNothingIsWrittenOtherwise) {
  TemporaryFolder folder;
  write(folder / "in.safetensors", mil_state("abmil"));
  const std::string text = complaint(
      [&] {
        import(folder / "in.safetensors", folder / "out.safetensors",
               {{ "labels",
                  std::vector<std::string> {
                    "a",
                    "b",
                    "c"
                  } }});
      },
      ErrorCode::kShape);
  EXPECT_THAT(text, AllOf(HasSubstr("3 labels"), HasSubstr("2 classes")));
  EXPECT_FALSE(std::filesystem::exists(folder / "out.safetensors"));
}

TEST(ModelImport, StoresARaidionicsIniAndTakesItsClassNames) {
  TemporaryFolder folder;
  write(folder / "in.safetensors", network_state(3, 7));
  std::ofstream(folder / "pre_processing.ini")
      << "[PreProcessing]\noutput_spacing=2,2,2 # mm\n\n# a comment\n[Training]\nclasses=Background, Tumor\n";
  import(folder / "in.safetensors", folder / "out.safetensors",
         {{ "preprocessing",
            (folder / "pre_processing.ini").string() }});
  const ModelDescription description = load_any(folder / "out.safetensors").description;
  EXPECT_EQ(description.labels, (std::vector<std::string>{"Background", "Tumor"}));
  const auto json = nlohmann::json::parse(description.metadata.at("fovea.preprocessing"));
  EXPECT_EQ(json["output_spacing"], "2,2,2");
  EXPECT_EQ(json["classes"], "Background, Tumor");
}

TEST(ModelImport, ADamagedIniIsNamedWithItsLine) {
  EXPECT_THAT(complaint([] { preprocessing_json("[a]\nkey=1\nnonsense\n", "x.ini"); }, ErrorCode::kCorrupt),
              AllOf(HasSubstr("x.ini"), HasSubstr("line 3")));
  complaint([] { preprocessing_json("# nothing\n", "x.ini"); }, ErrorCode::kCorrupt);
}

TEST(ModelInfo, TellsTheSameAsTextAndAsJson) {
  TemporaryFolder folder;
  write(folder / "m.safetensors", network_state(3, 7));
  JobRequest request{"model info", {{"model", (folder / "m.safetensors").string()}}};
  const JobResult result = run_job(request);
  EXPECT_THAT(result.text, AllOf(HasSubstr("agunet"), HasSubstr("4, 6, 8"),
                                 HasSubstr(io::sha256_of_file(folder / "m.safetensors"))));
  const auto json = nlohmann::json::parse(result.json);
  EXPECT_EQ(json["config"]["filters"], (std::vector<int>{4, 6, 8}));
  EXPECT_EQ(json["parameters"], models::parameter_count(models::seg_model("agunet").specs(tiny_network(3, 7))));
  request.values["json"] = true;
  EXPECT_EQ(nlohmann::json::parse(run_job(request).text), json);
}

TEST(EncoderStore, LooksInTheFolderOfTheEnvironmentFirst) {
  TemporaryFolder folder;
  write(folder / "efficientnet_lite0.safetensors", {{"x", at::zeros({1})}});
  ::setenv("FOVEA_ENCODERS", folder.path().c_str(), 1);
  const auto found = find_encoder_weights("efficientnet_lite0");
  ::unsetenv("FOVEA_ENCODERS");
  ASSERT_TRUE(found);
  EXPECT_EQ(*found, folder / "efficientnet_lite0.safetensors");
}

TEST(EncoderStore, AnUnknownEncoderIsNeitherNameNorFile) {
  EXPECT_THAT(complaint([] { load_encoder("no_such_encoder", false); }, ErrorCode::kNotFound),
              HasSubstr("no_such_encoder"));
}

TEST(EncoderStore, TorchScriptNeedsConsentAndShowsItsHash) {
  TemporaryFolder folder;
  const auto path = folder / "encoder.pt";
  std::ofstream(path, std::ios::binary) << "PK\x03\x04 encoder/code/__torch__.py ... encoder/constants.pkl";
  const std::string text = complaint([&] { load_encoder(path.string(), false); }, ErrorCode::kUnsupported);
  EXPECT_THAT(text,
              AllOf(HasSubstr("encoder.pt"), HasSubstr(io::sha256_of_file(path)), HasSubstr("--allow-torchscript")));
}

TEST(ModelStore, ARaidionicsFolderOpensUnchanged) {
  FOVEA_NEEDS_SHARED("fixtures/segmentation/e2e_min_crop/model");
  const LoadedSegmentation loaded = load_segmentation(test::shared_dir() / "fixtures/segmentation/e2e_min_crop/model");
  EXPECT_EQ(loaded.description.format, "onnx");
  EXPECT_EQ(loaded.description.labels, (std::vector<std::string>{"Background", "Tumor"}));
  EXPECT_EQ(nlohmann::json::parse(loaded.description.metadata.at("fovea.preprocessing"))["new_axial_size"], "24,32,24");
}

TEST(ModelStore, KerasAndOnnxFilesOfOneNetworkHoldTheSameWeights) {
  FOVEA_NEEDS_SHARED("fixtures/segmentation/e2e_min_crop/model");
  for (const char* name : {"e2e_min_crop", "e2e_brain_clip_2ch"}) {
    const auto folder = test::shared_dir() / "fixtures/segmentation" / name;
    const LoadedSegmentation keras = load_segmentation(folder / "model_keras_layout.h5"),
                             onnx = load_segmentation(folder / "model");
    EXPECT_EQ(keras.description.format, "keras-hdf5");
    ASSERT_EQ(keras.network->state().size(), onnx.network->state().size());
    for (const auto& [key, tensor] : keras.network->state())
      EXPECT_LT((tensor - onnx.network->state().at(key)).abs().max().item<float>(), 1e-6) << name << " " << key;
  }
}

TEST(ModelImport, TheImageNetEncoderIsRecognisedAndItsClassifierLeftOut) {
  const auto checkpoint = test::encoder_checkpoint();
  if (checkpoint.empty()) GTEST_SKIP() << "needs the encoder's checkpoint (./run deps)";
  TemporaryFolder folder;
  import(checkpoint, folder / "efficientnet_lite0.safetensors");
  const AnyModel any = load_any(folder / "efficientnet_lite0.safetensors");
  ASSERT_TRUE(any.encoder);
  EXPECT_EQ(any.encoder->info().dim, 1280);
  EXPECT_TRUE(any.description.labels.empty());
  for (const auto& [name, tensor] : any.state())
    EXPECT_THAT(name, Not(testing::AnyOf(HasSubstr("_fc."), HasSubstr("num_batches_tracked"))));
}

}  // namespace
