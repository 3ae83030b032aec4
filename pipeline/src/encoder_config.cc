#include "encoder_config.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <fstream>
#include <set>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

namespace fovea::pipeline {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

/// timm's names begin with a size; the longest one that fits counts. What a name fixes and no shape tells: the heads.
struct TimmSize {
  std::string_view name;
  std::int64_t dim, depth, heads;
};
constexpr std::array<TimmSize, 9> kTimmSizes{{{"vit_tiny", 192, 12, 3},
                                              {"vit_small", 384, 12, 6},
                                              {"vit_base", 768, 12, 12},
                                              {"vit_large", 1024, 24, 16},
                                              {"vit_huge", 1280, 32, 16},
                                              {"vit_giant", 1408, 40, 16},
                                              {"vit_gigantic", 1664, 48, 16},
                                              {"vit_giant_patch14_dinov2", 1536, 40, 24},
                                              {"vit_giant_patch14_reg4_dinov2", 1536, 40, 24}}};

/// Arguments of timm's VisionTransformer that are understood, or that do nothing at inference.
const std::set<std::string>& known_arguments() {
  static const std::set<std::string> kNames{
      "img_size",      "patch_size",      "in_chans",         "embed_dim",       "depth",           "num_heads",
      "mlp_ratio",     "init_values",     "num_classes",      "global_pool",     "reg_tokens",      "no_embed_class",
      "class_token",   "qkv_bias",        "qk_norm",          "pre_norm",        "final_norm",      "fc_norm",
      "mlp_layer",     "act_layer",       "dynamic_img_size", "dynamic_img_pad", "strict_img_size", "drop_rate",
      "pos_drop_rate", "patch_drop_rate", "proj_drop_rate",   "attn_drop_rate",  "drop_path_rate",  "weight_init",
      "fix_init",      "pretrained"};
  return kNames;
}

[[noreturn]] void refuse(const std::string& file, const std::string& problem, const std::string& remedy) {
  throw Error(ErrorCode::kUnsupported, file, problem, remedy);
}

Json read_json(const fs::path& path) {
  std::ifstream stream(path, std::ios::binary);
  Json json = Json::parse(stream, nullptr, false);
  if (!json.is_object())
    throw Error(ErrorCode::kCorrupt, path.filename().string(), "it is not a JSON object", "Fetch the file again.");
  return json;
}

/// Typed entries of one JSON object of one file; a wrong type is one clear sentence.
class Entries {
 public:
  Entries(const Json& json, std::string file) : json_(json), file_(std::move(file)) {}

  const Json* find(const char* name) const {
    const auto found = json_.find(name);
    return found == json_.end() || found->is_null() ? nullptr : &*found;
  }
  std::optional<std::int64_t> whole(const char* name) const {
    const Json* entry = find(name);
    if (entry && entry->is_array() && !entry->empty()) entry = &entry->front();  // [224, 224]
    if (!entry) return {};
    constexpr double kMost = 1e6;
    if (!entry->is_number() || !(entry->get<double>() >= 0 && entry->get<double>() <= kMost)) wrong(name, "a size");
    return static_cast<std::int64_t>(std::llround(entry->get<double>()));
  }
  std::optional<double> number(const char* name) const {
    const Json* entry = find(name);
    if (!entry) return {};
    if (!entry->is_number() || !(entry->get<double>() > 0)) wrong(name, "a number above 0");
    return entry->get<double>();
  }
  std::optional<bool> truth(const char* name) const {
    const Json* entry = find(name);
    if (!entry) return {};
    if (!entry->is_boolean()) wrong(name, "true or false");
    return entry->get<bool>();
  }
  std::string text(const char* name) const {
    const Json* entry = find(name);
    return entry && entry->is_string() ? entry->get<std::string>() : std::string{};
  }
  std::optional<std::array<double, 3>> colours(const char* name) const {
    const Json* entry = find(name);
    if (!entry) return {};
    if (!entry->is_array() || entry->size() != 3 ||
        !std::all_of(entry->begin(), entry->end(), [](const Json& value) { return value.is_number(); }))
      wrong(name, "three numbers");
    return entry->get<std::array<double, 3>>();
  }
  Entries inner(const char* name) const {
    static const Json kNone = Json::object();
    const Json* entry = find(name);
    return {entry && entry->is_object() ? *entry : kNone, file_};
  }
  const Json& json() const { return json_; }
  const std::string& file() const { return file_; }

 private:
  [[noreturn]] void wrong(const char* name, const char* wanted) const {
    throw Error(ErrorCode::kCorrupt, file_, "its entry '" + std::string(name) + "' is not " + wanted,
                "Fetch the file again.");
  }
  const Json& json_;
  std::string file_;
};

void add_timm_size(EncoderConfig& config, const std::string& architecture, const std::string& file) {
  const TimmSize* best = nullptr;
  for (const TimmSize& size : kTimmSizes)
    if (architecture.starts_with(size.name) && (!best || size.name.size() > best->name.size())) best = &size;
  if (!best || architecture.find("quickgelu") != std::string::npos)
    refuse(file, "the architecture '" + architecture + "' is not built in",
           "Vision transformers of timm (vit_small_... to vit_gigantic_...) and resnet50 are; export others to "
           "TorchScript.");
  config.network = "vit", config.dim = best->dim, config.depth = best->depth, config.heads = best->heads;
  config.norm_eps = architecture.find("_clip_") != std::string::npos ? 1e-5 : 1e-6;
  if (architecture.find("_reg4_dinov2") != std::string::npos) config.registers = 4, config.no_class_position = true;
}

void add_pooling(EncoderConfig& config, const std::string& name, const std::string& file) {
  config.pooling_left_open = name.empty();
  config.pooling.reset();
  if (name == "token") config.pooling = models::VitPooling::kClass;
  if (name == "avg") config.pooling = models::VitPooling::kMean;
  if (!config.pooling && !name.empty())
    refuse(file, "its global_pool '" + name + "' is not built in", "Known are token, avg and an empty one.");
}

template <class T>
void take(std::optional<T>& into, const std::optional<T>& value) {
  if (value) into = value;
}

void add_timm_arguments(EncoderConfig& config, const Entries& arguments) {
  for (const auto& [name, value] : arguments.json().items())
    if (known_arguments().count(name) == 0)
      refuse(arguments.file(), "its model_args set '" + name + "', which is not known here",
             "Remove the entry if it does not change the network, or export the encoder to TorchScript.");
  take(config.dim, arguments.whole("embed_dim")), take(config.depth, arguments.whole("depth"));
  take(config.heads, arguments.whole("num_heads")), take(config.patch, arguments.whole("patch_size"));
  take(config.registers, arguments.whole("reg_tokens")), take(config.input_px, arguments.whole("img_size"));
  take(config.no_class_position, arguments.truth("no_embed_class"));
  config.activation = arguments.text("act_layer");
  if (const Json* pool = arguments.find("global_pool"); pool && pool->is_string())
    add_pooling(config, pool->get<std::string>(), arguments.file());
}

std::optional<models::Interpolation> interpolation_of(const std::string& name) {
  if (name == "bilinear") return models::Interpolation::kBilinear;
  return name == "bicubic" ? std::optional(models::Interpolation::kBicubic) : std::nullopt;
}

void add_timm_preprocessing(EncoderConfig& config, const Entries& given) {
  config.mean = given.colours("mean"), config.std = given.colours("std");
  config.interpolation = interpolation_of(given.text("interpolation"));
  if (const Json* size = given.find("input_size");
      size && size->is_array() && size->size() == 3 && (*size)[2].is_number())
    config.input_px = (*size)[2].get<std::int64_t>();
  // timm resizes to input / crop_pct, rounded down, before it cuts.
  if (const auto share = given.number("crop_pct"); share && *share < 1 && config.input_px)
    config.resize_px = static_cast<std::int64_t>(std::floor(static_cast<double>(*config.input_px) / *share));
}

EncoderConfig timm_config(const Entries& entries) {
  EncoderConfig config;
  const std::string architecture = entries.text("architecture");
  if (architecture.starts_with("resnet50")) {
    config.network = "resnet50";
  } else {
    add_timm_size(config, architecture, entries.file());
    add_pooling(config, "token", entries.file());
    if (const Json* pool = entries.find("global_pool"); pool && pool->is_string())
      add_pooling(config, pool->get<std::string>(), entries.file());
    add_timm_arguments(config, entries.inner("model_args"));
  }
  add_timm_preprocessing(config, entries.inner("pretrained_cfg"));
  return config;
}

EncoderConfig transformers_config(const Entries& entries) {
  const std::string type = entries.text("model_type");
  if (type != "vit" && type != "dinov2" && type != "dinov2_with_registers")
    refuse(entries.file(), "its model_type '" + type + "' is not built in",
           "vit and dinov2 are; export others to TorchScript.");
  EncoderConfig config;
  config.network = "vit";
  config.dim = entries.whole("hidden_size").value_or(768),
  config.depth = entries.whole("num_hidden_layers").value_or(12);
  config.heads = entries.whole("num_attention_heads").value_or(12), config.patch = entries.whole("patch_size");
  config.registers = entries.whole("num_register_tokens"), config.input_px = entries.whole("image_size");
  config.norm_eps = entries.number("layer_norm_eps").value_or(type == "vit" ? 1e-12 : 1e-6);
  config.activation = entries.text("hidden_act");
  config.pooling = models::VitPooling::kClass;
  return config;
}

/// transformers' image processor. `size` and `crop_size` are a number or {height, width} or {shortest_edge}.
void add_processor(EncoderConfig& config, const Entries& given) {
  const auto edge = [&](const char* name) -> std::optional<std::int64_t> {
    const Json* entry = given.find(name);
    if (!entry || !entry->is_object()) return given.whole(name);
    const auto height = given.inner(name).whole("height");
    return height ? height : given.inner(name).whole("shortest_edge");
  };
  take(config.mean, given.colours("image_mean")), take(config.std, given.colours("image_std"));
  if (const auto code = given.whole("resample"); code && (*code == 2 || *code == 3))  // Pillow's numbers
    config.interpolation = *code == 3 ? models::Interpolation::kBicubic : models::Interpolation::kBilinear;
  const bool crops = given.truth("do_center_crop").value_or(false);
  const auto size = edge("size"), crop = edge("crop_size");
  if (const auto input = crops && crop ? crop : size) config.input_px = input;
  if (crops && crop && size && *size != *crop) config.resize_px = size;
}

void add_own(EncoderConfig& config, const Entries& own) {
  config.mpp = own.number("mpp"), config.tile_px = own.whole("tile_px");
  const std::string pooling = own.text("pooling");
  if (pooling == "class") config.pooling = models::VitPooling::kClass;
  if (pooling == "mean") config.pooling = models::VitPooling::kMean;
  if (pooling == "class_mean") config.pooling = models::VitPooling::kClassAndMean;
  if (!pooling.empty() && pooling != "class" && pooling != "mean" && pooling != "class_mean")
    refuse(own.file(), "its fovea.pooling '" + pooling + "' is not known", "Known are class, mean and class_mean.");
}

}  // namespace

EncoderConfig read_encoder_config(const fs::path& folder) {
  const fs::path path = folder / "config.json";
  if (!fs::is_regular_file(path))
    throw Error(ErrorCode::kNotFound, folder.filename().string(), "this encoder folder holds no config.json",
                "Add the config.json that was distributed with the weights.");
  const Json json = read_json(path);
  const Entries entries(json, "config.json");
  EncoderConfig config;
  if (entries.find("architecture")) {
    config = timm_config(entries);
  } else if (entries.find("model_type")) {
    config = transformers_config(entries);
    if (const fs::path processor = folder / "preprocessor_config.json"; fs::is_regular_file(processor)) {
      const Json given = read_json(processor);
      add_processor(config, Entries(given, "preprocessor_config.json"));
    }
  } else {
    refuse("config.json", "it names neither a timm architecture nor a transformers model_type",
           "Use the config.json that was distributed with the weights.");
  }
  add_own(config, entries.inner("fovea"));
  return config;
}

}  // namespace fovea::pipeline
