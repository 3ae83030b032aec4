#include "mri/model_ini.h"

#include <array>
#include <set>
#include <utility>

namespace fovea::pipeline::mri {
namespace {

using Section = std::pair<const char*, std::set<std::string>>;

const std::array<Section, 5>& sections() {
  static const std::array<Section, 5> kSections{{
      {"Default", {"imaging_modality", "training_backend", "task"}},
      {"PreProcessing",
       {"output_spacing", "background_cropping", "intensity_clipping_values", "intensity_clipping_range",
        "intensity_final_range", "new_axial_size", "slicing_plane", "swap_training_input", "normalization_method",
        "number_inputs", "channels_order", "diffloader_pairs"}},
      {"Training",
       {"nb_classes", "classes", "slab_size", "patch_size", "patch_offset", "optimal_thresholds", "deep_supervision",
        "activation_layer_included", "activation_layer_type"}},
      {"MRI", {"perform_bias_correction"}},
      {"CT", {"fix_orientation"}},
  }};
  return kSections;
}

}  // namespace

std::string preprocessing_ini(const std::map<std::string, std::string>& keys) {
  std::map<std::string, std::string> left = keys;
  std::string text;
  const auto add = [&](const std::string& section, const std::map<std::string, std::string>& entries) {
    if (entries.empty()) return;
    text += (text.empty() ? "[" : "\n[") + section + "]\n";
    for (const auto& [key, value] : entries) text += key + "=" + value + "\n";
  };
  for (const auto& [section, known] : sections()) {
    std::map<std::string, std::string> entries;
    for (const std::string& key : known)
      if (auto found = left.extract(key)) entries.insert(std::move(found));
    add(section, entries);
  }
  add("Fovea", left);
  return text;
}

}  // namespace fovea::pipeline::mri
