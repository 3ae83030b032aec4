#include "encoder_folder.h"

#include <cmath>
#include <optional>
#include <utility>

#include <ATen/TensorOperators.h>

#include <fovea/base/error.h>
#include <fovea/io/hash.h>
#include <fovea/io/weights.h>
#include <fovea/models/vit.h>

#include "encoder_config.h"
#include "model_recognition.h"
#include "tensor_bridge.h"

namespace fovea::pipeline {
namespace {

namespace fs = std::filesystem;
using models::EncoderInfo;
using models::EncoderRow;
using models::StateDict;
using models::VitConfig;

constexpr double kSelfTestTolerance = 1e-3;

/// Also of "folder/" and ".".
std::string name_of(const fs::path& folder) {
  const fs::path whole = fs::absolute(folder).lexically_normal();
  return (whole.has_filename() ? whole : whole.parent_path()).filename().string();
}

fs::path weights_of(const fs::path& folder) {
  for (const char* name : {"model.safetensors", "pytorch_model.bin"})
    if (fs::is_regular_file(folder / name)) return folder / name;
  const bool pieces = fs::is_regular_file(folder / "model.safetensors.index.json");
  throw Error(ErrorCode::kNotFound, name_of(folder),
              pieces ? "its weights are split over several files"
                     : "this encoder folder holds neither model.safetensors nor pytorch_model.bin",
              pieces ? "Join them into one model.safetensors." : "Add the weights that belong to its config.json.");
}

/// The file's tensors, without the base model's name in front that transformers writes for a model with a head.
StateDict read_state(const io::WeightFile& file) {
  const StateDict state = to_state(file);
  for (const char* prefix : {"vit.", "dinov2.", "dinov2_with_registers."})
    if (StateDict inner = under_prefix(state, prefix); !inner.empty()) return inner;
  return state;
}

/// A fact of the config against the same fact of the weights.
struct Fact {
  const char* name;
  std::optional<std::int64_t> stated;
  std::int64_t found;
};

std::vector<Fact> facts(const EncoderConfig& stated, const VitConfig& found) {
  return {{"width", stated.dim, found.dim},
          {"depth", stated.depth, found.depth},
          {"patch size", stated.patch, found.patch},
          {"number of registers", stated.registers, found.registers}};
}

EncoderConfig facts_of(const VitConfig& row) {
  EncoderConfig stated;
  stated.dim = row.dim, stated.depth = row.depth, stated.patch = row.patch, stated.registers = row.registers;
  return stated;
}

/// "its depth is 12, not 24"; empty when nothing differs.
std::string difference(const EncoderConfig& stated, const VitConfig& found) {
  for (const Fact& fact : facts(stated, found))
    if (fact.stated && *fact.stated != fact.found)
      return "its " + std::string(fact.name) + " is " + std::to_string(fact.found) + ", not " +
             std::to_string(*fact.stated);
  return {};
}

std::string difference(const VitConfig& row, const VitConfig& found) {
  if (std::string text = difference(facts_of(row), found); !text.empty()) return text;
  if (row.hidden != found.hidden || row.gated != found.gated) return "its MLP is of another kind or width";
  return row.layer_scale != found.layer_scale ? "only one of them has LayerScale" : "";
}

/// What the weights leave open, from the config.
void complete(VitConfig& vit, const EncoderConfig& stated, const EncoderRow* row) {
  vit.heads = stated.heads.value_or(vit.heads);
  if (stated.norm_eps) vit.norm_eps = *stated.norm_eps;
  if (stated.no_class_position == true) {
    vit.grid = static_cast<std::int64_t>(
        std::lround(std::sqrt(static_cast<double>(vit.grid * vit.grid + vit.position_prefix))));
    vit.position_prefix = 0;
  }
  if (row && row->vit) {
    vit.pooling = row->vit->pooling;
  } else if (stated.pooling) {
    vit.pooling = *stated.pooling;
  } else if (stated.pooling_left_open) {
    throw Error(ErrorCode::kUnsupported, "config.json",
                "its global_pool is empty, so that it does not say which features to take",
                R"(Name the encoder if fovea encoders lists it, or add "fovea": {"pooling": "class" | "mean" | )"
                R"("class_mean"} to the file.)");
  }
  const std::string usual = vit.gated ? "silu" : "gelu";
  std::string activation = stated.activation;
  if (activation == "swish" || activation == "SiLU") activation = "silu";
  if (vit.naming == models::VitNaming::kTransformersDinov2 && vit.gated) activation = usual;  // fixed there
  if (!activation.empty() && activation != usual)
    throw Error(ErrorCode::kUnsupported, "config.json", "its activation '" + activation + "' is not built in",
                "GELU (exact) and, for gated MLPs, SiLU are.");
}

/// Sizes and normalisation: the config's, else the row's.
class InfoMaker {
 public:
  InfoMaker(const EncoderConfig& stated, const EncoderRow* row, std::string name) : stated_(stated), row_(row) {
    if (row_) info_ = row_->info;
    if (!row_) info_.name = std::move(name);
  }

  EncoderInfo make(std::int64_t stored_px, std::vector<std::string>& notices) {
    sizes(stored_px, notices);
    colours(notices);
    if (stated_.interpolation) info_.interpolation = *stated_.interpolation;
    if (stated_.mpp) info_.mpp = *stated_.mpp;
    if (!row_ && !stated_.mpp)
      notices.push_back(
          "the encoder does not tell the scale of its tiles: 0.5 um/px is taken (--target-mpp changes it)");
    return info_;
  }

 private:
  void sizes(std::int64_t stored_px, std::vector<std::string>& notices) {
    const std::int64_t input = stated_.input_px.value_or(row_ ? row_->info.network_px() : stored_px);
    if (row_ && input != row_->info.network_px())
      notices.push_back("its config asks for an input of " + std::to_string(input) + " px, the registry's row for " +
                        std::to_string(row_->info.network_px()) + ": the config's is taken");
    info_.input_px = input;
    if (!row_) info_.resize_px = stated_.resize_px.value_or(0);
    if (!row_ || info_.tile_px < input) info_.tile_px = info_.resized_px();
    if (stated_.tile_px) info_.tile_px = *stated_.tile_px;
  }
  void colours(std::vector<std::string>& notices) {
    if (!stated_.mean || !stated_.std) {
      if (row_) return;
      throw Error(ErrorCode::kNotFound, "config.json", "nothing tells the normalisation of the encoder's input",
                  "Add pretrained_cfg with mean and std, or the preprocessor_config.json of the weights.");
    }
    const auto differ = [](const auto& a, const auto& b) {
      for (std::size_t i = 0; i < 3; ++i)
        if (std::abs(a[i] - b[i]) > 1e-3) return true;
      return false;
    };
    if (row_ && (differ(*stated_.mean, info_.mean) || differ(*stated_.std, info_.std)))
      notices.push_back("its config normalises otherwise than the registry's row: the config's mean and std are taken");
    info_.mean = *stated_.mean, info_.std = *stated_.std;
  }

  const EncoderConfig& stated_;
  const EncoderRow* row_;
  EncoderInfo info_;
};

ModelDescription description_of(const io::WeightFile& file, const fs::path& weights, const std::string& architecture,
                                const std::vector<models::TensorSpec>& specs) {
  ModelDescription description;
  description.task = "encoder", description.architecture = architecture, description.format = file.format;
  description.sha256 = io::sha256_of_file(weights);
  description.parameters = models::parameter_count(specs);
  description.metadata = file.metadata;
  description.notices = file.notices;
  return description;
}

/// `selftest.safetensors` beside the weights: tiles uint8 [n, edge, edge, 3] and the features [n, D] that the original
/// gave for them.
void run_self_test(const fs::path& folder, const models::TileEncoder& encoder, const Placement& placement) {
  const fs::path path = folder / "selftest.safetensors";
  if (!fs::is_regular_file(path) || placement.precision != at::kFloat) return;
  const std::string subject = name_of(folder) + "/selftest.safetensors";
  const StateDict stored = to_state(io::read_safetensors(path));
  const auto tiles = stored.find("tiles"), features = stored.find("features");
  if (tiles == stored.end() || features == stored.end() || features->second.dim() != 2 ||
      features->second.size(1) != encoder.info().dim || tiles->second.dim() != 4 ||
      tiles->second.size(0) != features->second.size(0))
    throw Error(
        ErrorCode::kCorrupt, subject,
        "it does not hold tiles [n, edge, edge, 3] and features [n, " + std::to_string(encoder.info().dim) + "]",
        "Make it again (docs/encoders.md) or remove it.");
  const double error =
      (encoder.encode(tiles->second.contiguous()) - features->second.to(at::kFloat)).abs().max().item<double>();
  if (error <= kSelfTestTolerance) return;
  throw Error(ErrorCode::kCorrupt, subject,
              "the encoder does not give the stored features (largest difference " + std::to_string(error) + ")",
              "Fetch weights and config again; they may not belong together.");
}

LoadedEncoder resnet_from(const fs::path& weights, const io::WeightFile& file, const EncoderConfig& stated,
                          const Placement& placement) {
  const EncoderRow& row = models::encoder("resnet50_trunc");
  const auto specs = row.specs();
  StateDict state = models::checked_state(specs, models::without_dropped(row, read_state(file)), weights.string());
  LoadedEncoder loaded{description_of(file, weights, std::string(row.name), specs), {}};
  const EncoderInfo info = InfoMaker(stated, &row, {}).make(row.info.network_px(), loaded.description.notices);
  loaded.encoder = row.make(placed(std::move(state), placement), info);
  return loaded;
}

StateDict without_heads(const StateDict& state) {
  StateDict kept;
  for (const auto& [name, tensor] : state)
    if (!models::vit_drops(name)) kept.emplace(name, tensor);
  return kept;
}

/// The row that the folder is called after, when the weights are indeed that encoder's.
const EncoderRow* row_of_folder(const fs::path& folder, const VitConfig& vit, std::vector<std::string>& notices) {
  const EncoderRow* row = models::find_encoder(name_of(folder));
  if (!row || !row->vit) return nullptr;
  const std::string differs = difference(*row->vit, vit);
  if (differs.empty()) return row;
  notices.push_back("the folder is called like encoder " + std::string(row->name) + ", but is another one: " + differs);
  return nullptr;
}

LoadedEncoder vit_from(const fs::path& folder, const fs::path& weights, const io::WeightFile& file,
                       const EncoderConfig& stated, const EncoderRow* row, const Placement& placement) {
  const StateDict given = without_heads(read_state(file));
  auto vit = models::recognise_vit(given);
  if (!vit)
    throw Error(ErrorCode::kUnsupported, weights.string(),
                "its tensors have the names neither of timm's nor of transformers' vision transformers",
                "Check that the weights belong to config.json.");
  std::vector<std::string> notices;
  if (const std::string differs = difference(stated, *vit); !differs.empty())
    throw Error(ErrorCode::kShape, weights.string(), "the weights contradict config.json: " + differs,
                "Fetch the two files that belong together.");
  if (row && row->vit)
    if (const std::string differs = difference(*row->vit, *vit); !differs.empty())
      throw Error(ErrorCode::kShape, weights.string(),
                  "these are not the weights of " + std::string(row->name) + ": " + differs,
                  "Pass the folder instead of the name if another encoder is meant.");
  if (!row) row = row_of_folder(folder, *vit, notices);
  complete(*vit, stated, row);
  const auto specs = models::vit_specs(*vit);
  StateDict state = models::checked_state(specs, given, weights.string());
  LoadedEncoder loaded{description_of(file, weights, "vit", specs), {}};
  const std::string name = name_of(folder);
  const EncoderInfo info = InfoMaker(stated, row, name).make(vit->grid * vit->patch, notices);
  auto& all = loaded.description.notices;
  all.insert(all.end(), notices.begin(), notices.end());
  loaded.encoder = models::make_vit(*vit, placed(std::move(state), placement), info);
  return loaded;
}

}  // namespace

bool is_encoder_folder(const fs::path& folder) {
  std::error_code ignored;
  return fs::is_regular_file(folder / "config.json", ignored);
}

LoadedEncoder encoder_from_folder(const fs::path& folder, const EncoderRow* row, const Placement& placement) {
  const EncoderConfig stated = read_encoder_config(folder);
  const fs::path weights = weights_of(folder);
  const io::WeightFile file = io::read_weights(weights);
  LoadedEncoder loaded = stated.network == "resnet50" ? resnet_from(weights, file, stated, placement)
                                                      : vit_from(folder, weights, file, stated, row, placement);
  run_self_test(folder, *loaded.encoder, placement);
  return loaded;
}

LoadedEncoder encoder_of_row(const fs::path& weights, const EncoderRow& row, const Placement& placement) {
  const io::WeightFile file = io::read_weights(weights);
  const auto specs = row.specs();
  StateDict state = models::checked_state(specs, models::without_dropped(row, read_state(file)), weights.string());
  LoadedEncoder loaded{description_of(file, weights, std::string(row.name), specs), {}};
  loaded.encoder = row.make(placed(std::move(state), placement), row.info);
  return loaded;
}

StateDict placed(StateDict state, const Placement& placement) {
  if (placement.device.is_cpu() && placement.precision != at::kFloat)
    throw Error(ErrorCode::kUsage, "encoder precision", "on the CPU encoders compute in float32",
                "Leave the precision out, or choose a GPU.");
  if (placement.device.is_cpu()) return state;
  for (auto& [name, tensor] : state) tensor = tensor.to(placement.device, placement.precision);
  return state;
}

}  // namespace fovea::pipeline
