#include "mri/preprocessing.h"

#include "lower_case.h"

#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>
#include <system_error>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

namespace fovea::pipeline::mri {
namespace {

using Json = nlohmann::json;

std::string trimmed(const std::string& text) {
  const auto first = text.find_first_not_of(" \t\r\n");
  return first == std::string::npos ? std::string{} : text.substr(first, text.find_last_not_of(" \t\r\n") - first + 1);
}
std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> items;
  std::istringstream stream(text);
  for (std::string item; std::getline(stream, item, separator);) items.push_back(trimmed(item));
  return items;
}

/// The keys with their texts; an empty text counts as absent, as in the original parser.
class Keys {
 public:
  Keys(const std::string& text, std::string subject) : subject_(std::move(subject)) {
    if (text.empty()) return;
    const Json json = Json::parse(text, nullptr, false);
    if (!json.is_object())
      throw Error(ErrorCode::kCorrupt, subject_, "its metadata entry fovea.preprocessing is not a JSON object",
                  "Import the model again.");
    for (const auto& [key, value] : json.items()) {
      const std::string entry = trimmed(value.is_string() ? value.get<std::string>() : value.dump());
      const std::string stripped = trimmed(entry.substr(0, entry.find('#')));
      if (!stripped.empty()) values_[lower_case(key)] = stripped;
    }
  }

  bool empty() const { return values_.empty(); }
  const std::string* find(const std::string& key) const {
    const auto found = values_.find(key);
    return found == values_.end() ? nullptr : &found->second;
  }
  std::string word(const std::string& key, const std::string& fallback) const {
    const std::string* text = find(key);
    return text ? lower_case(*text) : fallback;
  }
  bool flag(const std::string& key, bool fallback) const {
    const std::string value = word(key, fallback ? "true" : "false");
    if (value != "true" && value != "false") refuse(key, "true or false");
    return value == "true";
  }
  std::vector<double> numbers(const std::string& key, std::size_t least, std::size_t most) const {
    const std::string* text = find(key);
    if (!text) return {};
    std::vector<double> values;
    for (const std::string& item : split(*text, ',')) {
      double value = 0;
      const auto [end, error] = std::from_chars(item.data(), item.data() + item.size(), value);
      if (error != std::errc{} || end != item.data() + item.size()) refuse(key, "numbers separated by commas");
      values.push_back(value);
    }
    if (values.size() < least || values.size() > most)
      refuse(key, least == most ? std::to_string(least) + " numbers"
                                : std::to_string(least) + " to " + std::to_string(most) + " numbers");
    return values;
  }
  std::vector<std::int64_t> sizes(const std::string& key, std::size_t least, std::size_t most,
                                  std::int64_t lowest) const {
    std::vector<std::int64_t> result;
    for (const double value : numbers(key, least, most)) {
      if (value != static_cast<double>(static_cast<std::int64_t>(value)) || value < static_cast<double>(lowest) ||
          value > 4096)
        refuse(key, "whole numbers of " + std::to_string(lowest) + " to 4096");
      result.push_back(static_cast<std::int64_t>(value));
    }
    return result;
  }
  template <class T>
  T choice(const std::string& key, T fallback, const std::map<std::string, T>& names) const {
    const std::string* text = find(key);
    if (!text) return fallback;
    const auto found = names.find(lower_case(*text));
    if (found != names.end()) return found->second;
    std::string list;
    for (const auto& [name, value] : names) list += (list.empty() ? "" : ", ") + name;
    refuse(key, "one of " + list);
  }
  [[noreturn]] void refuse(const std::string& key, const std::string& wanted) const {
    throw Error(ErrorCode::kCorrupt, subject_,
                "its preprocessing key " + key + " is '" + (find(key) ? *find(key) : "") + "' instead of " + wanted,
                "Correct the model's pre_processing.ini (or import the model again with the right one).");
  }

 private:
  std::string subject_;
  std::map<std::string, std::string> values_;
};

const std::map<std::string, Plane> kPlanes{
    {"axial", Plane::kAxial}, {"coronal", Plane::kCoronal}, {"sagittal", Plane::kSagittal}};

Index3 index3(const std::vector<std::int64_t>& values) {
  return {values[0], values[1], values[2]};
}

void read_geometry(const Keys& keys, Preprocessing& p) {
  if (const auto spacing = keys.numbers("output_spacing", 3, 3); !spacing.empty()) {
    if (*std::min_element(spacing.begin(), spacing.end()) <= 0)
      keys.refuse("output_spacing", "three positive numbers (mm)");
    p.output_spacing_mm = Vec3{spacing[0], spacing[1], spacing[2]};
  }
  p.network_size = keys.sizes("new_axial_size", 2, 3, 1);
  p.slicing_plane = keys.choice("slicing_plane", Plane::kAxial, kPlanes);
  p.swap_axes = keys.flag("swap_training_input", false);
  p.slab_size = 0;
  if (const auto slab = keys.sizes("slab_size", 1, 1, 1); !slab.empty()) p.slab_size = slab[0];
  if (const auto patch = keys.sizes("patch_size", 3, 3, 1); !patch.empty()) p.patch_size = index3(patch);
  if (const auto offset = keys.sizes("patch_offset", 3, 3, 0); !offset.empty()) p.patch_offset = index3(offset);
  p.exact_padding = keys.choice("patch_padding", false, {{"raidionics", false}, {"exact", true}});
}

void read_cropping(const Keys& keys, Preprocessing& p, const std::string& subject) {
  const std::string name = keys.word("background_cropping", "none");
  if (name == "lungs_mask" || name == "lungs_clip")
    throw Error(ErrorCode::kUnsupported, subject,
                "the model wants its input cropped to the lungs (" + name + "), which is not done here",
                "Use a model for brain MRI.");
  p.cropping = keys.choice<Cropping>("background_cropping", Cropping::kNone,
                                     {{"none", Cropping::kNone},
                                      {"false", Cropping::kNone},
                                      {"minimum", Cropping::kMinimum},
                                      {"brain_clip", Cropping::kBrainClip},
                                      {"brain_mask", Cropping::kBrainMask}});
}

void read_intensity(const Keys& keys, Preprocessing& p) {
  if (const auto range = keys.numbers("intensity_clipping_range", 2, 2); !range.empty()) {
    if (range[0] < 0 || range[1] > 100 || range[0] >= range[1])
      keys.refuse("intensity_clipping_range", "two rising percentiles of 0 to 100");
    p.clipping_percentiles = {range[0], range[1]};
  }
  if (const auto range = keys.numbers("intensity_clipping_values", 2, 2); !range.empty() && range[1] > range[0])
    p.clipping_values = {range[0], range[1]};
  p.normalisation = keys.choice<Normalisation>("normalization_method", Normalisation::kNone,
                                               {{"none", Normalisation::kNone},
                                                {"default", Normalisation::kDefault},
                                                {"zeromean", Normalisation::kZeroMean},
                                                {"zeromean_nonzero", Normalisation::kZeroMeanNonzero}});
}

void read_channels(const Keys& keys, Preprocessing& p, const models::SegConfig& config) {
  p.inputs = config.channels;
  if (const auto inputs = keys.sizes("number_inputs", 1, 1, 1); !inputs.empty()) p.inputs = inputs[0];
  keys.choice<int>("channels_order", 0,
                   {{"channels_first", 0}, {"channels_last", 1}});  // a matter of the ONNX file alone
  if (const std::string* pairs = keys.find("diffloader_pairs"))
    for (const std::string& pair : split(*pairs, ';')) {
      const auto items = split(pair, ',');
      std::array<int, 2> indices{};
      for (std::size_t i = 0; i < 2; ++i) {
        if (items.size() != 2) keys.refuse("diffloader_pairs", "pairs a,b;c,d of input numbers");
        const auto [end, error] = std::from_chars(items[i].data(), items[i].data() + items[i].size(), indices[i]);
        if (error != std::errc{} || end != items[i].data() + items[i].size() || indices[i] < 0 ||
            indices[i] >= p.inputs)
          keys.refuse("diffloader_pairs", "pairs a,b;c,d of input numbers below " + std::to_string(p.inputs));
      }
      p.difference_pairs.push_back(indices);
    }
}

void read_training(const Keys& keys, Preprocessing& p, const models::SegConfig& config, const std::string& subject) {
  if (const auto count = keys.sizes("nb_classes", 1, 1, 1); !count.empty() && count[0] != config.classes)
    throw Error(ErrorCode::kShape, subject,
                "its preprocessing states " + std::to_string(count[0]) + " classes, but the network has " +
                    std::to_string(config.classes),
                "Take both files from the same model.");
  if (const std::string* names = keys.find("classes")) p.classes = split(*names, ',');
  p.thresholds = keys.numbers("optimal_thresholds", 1, 256);
  p.activation_included = keys.flag("activation_layer_included", true);
  p.activation = keys.choice<Activation>("activation_layer_type", Activation::kSoftmax,
                                         {{"softmax", Activation::kSoftmax}, {"sigmoid", Activation::kSigmoid}});
}

void read_slices(const Keys& keys, Preprocessing& p) {
  if (const auto spacing = keys.numbers("slice_spacing_mm", 1, 1); !spacing.empty()) p.slice_spacing_mm = spacing[0];
  if (const auto fraction = keys.numbers("foreground_fraction", 1, 1); !fraction.empty())
    p.foreground_fraction = fraction[0];
  if (p.slice_spacing_mm < 0) keys.refuse("slice_spacing_mm", "a positive number (mm)");
  if (p.foreground_fraction < 0 || p.foreground_fraction >= 1) keys.refuse("foreground_fraction", "a share of 0 to 1");
  if (const std::string* planes = keys.find("trained_planes"))
    for (const std::string& name : split(lower_case(*planes), ',')) {
      const auto found = kPlanes.find(name);
      if (found == kPlanes.end()) keys.refuse("trained_planes", "some of axial, coronal, sagittal");
      p.trained_planes.push_back(found->second);
    }
}

void read_modalities(const Keys& keys, Preprocessing& p) {
  if (const auto size = keys.sizes("slice_size", 1, 1, 1); !size.empty()) p.slice_size = size[0];
  const std::string* names = keys.find("modalities");
  if (!names) return;
  p.modalities = split(lower_case(*names), ',');
  auto sorted = p.modalities;
  std::sort(sorted.begin(), sorted.end());
  const bool repeated = std::adjacent_find(sorted.begin(), sorted.end()) != sorted.end();
  if (repeated || sorted.front().empty() || static_cast<std::int64_t>(p.modalities.size()) != p.inputs)
    keys.refuse("modalities", std::to_string(p.inputs) + " different names separated by commas");
}

/// The stated order of reference/thrombus.md 2.
void use_recurrent_defaults(Preprocessing& p) {
  p.clipping_percentiles = {0.5, 99.5};
  p.normalisation = Normalisation::kZeroMeanNonzero;
  p.slice_spacing_mm = 0.7, p.slice_size = 256;
  if (p.inputs == 4 || p.inputs == 5) p.modalities = {"swan", "dwi", "adc", "flair", "tof"};
  for (std::int64_t i = 1; p.modalities.empty() && i <= p.inputs; ++i)
    p.modalities.push_back("modality" + std::to_string(i));
  p.modalities.resize(static_cast<std::size_t>(p.inputs));
}

void use_defaults(Preprocessing& p, const models::SegConfig& config) {
  p.inputs = config.channels;
  p.clipping_percentiles = {0, 99.5};
  p.normalisation = config.dims == 2 ? Normalisation::kZeroMean : Normalisation::kDefault;
  if (is_recurrent(config)) return use_recurrent_defaults(p);
  if (config.dims == 3) p.output_spacing_mm = Vec3{1, 1, 1}, p.network_size = {128, 128, 144};
}

}  // namespace

bool is_recurrent(const models::SegConfig& config) {
  const auto rows = models::seg_models();
  return std::any_of(rows.begin(), rows.end(),
                     [&](const models::SegRow& row) { return row.name == config.architecture && !row.takes_slices; });
}

double Preprocessing::threshold(std::size_t label) const {
  if (thresholds.empty()) return 0.5;
  return label < thresholds.size() ? thresholds[label] : thresholds.front();
}

Preprocessing preprocessing_from_json(const std::string& json, const models::SegConfig& config,
                                      const std::string& subject) {
  const Keys keys(json, subject);
  Preprocessing p;
  if (keys.empty()) {
    use_defaults(p, config);
    return p;
  }
  p.imaging_modality = keys.word("imaging_modality", "mri") == "ct" ? "CT" : "MRI";
  p.training_backend = keys.word("training_backend", "tf") == "torch" ? "Torch" : "TF";
  if (const std::string task = keys.word("task", "segmentation"); task != "segmentation")
    throw Error(ErrorCode::kUnsupported, subject, "the model's task is '" + task + "'",
                "mri segment runs models whose task is segmentation.");
  read_geometry(keys, p);
  read_cropping(keys, p, subject);
  read_intensity(keys, p);
  read_channels(keys, p, config);
  read_training(keys, p, config, subject);
  read_slices(keys, p);
  read_modalities(keys, p);
  p.bias_correction = keys.flag("perform_bias_correction", false);
  if (p.channels() != config.channels)
    throw Error(ErrorCode::kShape, subject,
                "its preprocessing makes " + std::to_string(p.channels()) + " channels, but the network takes " +
                    std::to_string(config.channels),
                "Take both files from the same model.");
  const bool tiled = config.dims == 3 && p.network_size.size() != 3 && !is_recurrent(config);
  if (tiled && p.network_size.size() == 2 && p.slab_size < 1)
    keys.refuse("slab_size", "the number of slices of a slab");
  if (tiled && p.network_size.empty() && !p.patch_size)
    keys.refuse("patch_size", "three sizes (neither new_axial_size nor patch_size is given)");
  return p;
}

std::vector<std::string> preprocessing_notices(const Preprocessing& p) {
  std::vector<std::string> notices;
  if (p.imaging_modality == "CT")
    notices.push_back("the model was made for CT; values are not rescaled to Hounsfield units here");
  return notices;
}

Plane plane_of(const std::string& name) {
  const auto found = kPlanes.find(name);
  return found == kPlanes.end() ? Plane::kAxial : found->second;
}

std::string plane_name(Plane plane) {
  for (const auto& [name, value] : kPlanes)
    if (value == plane) return name;
  return {};
}

}  // namespace fovea::pipeline::mri
