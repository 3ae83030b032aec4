// The table of fixture kinds: how one is told from names and metadata, and which of its tensors are expected values.
#include "selftest/case_file.h"

#include "lower_case.h"

#include <array>
#include <cctype>

#include <nlohmann/json.hpp>

#include <fovea/models/segmentation.h>

namespace fovea::pipeline::selftest {
namespace {

std::string network_kind(const CaseFile& file) {
  const auto config = nlohmann::json::parse(file.text("config"), nullptr, false);
  return config.is_object() ? lower_case(config.value("kind", "")) : "";
}

bool known_network(const CaseFile& file) {
  const std::string name = network_kind(file);
  for (const auto& row : models::seg_models())
    if (row.name == name) return true;
  return false;
}

bool is_mil(const CaseFile& file) {
  return !file.text("model").empty() && !file.text("bag").empty() && file.has_prefix("w.");
}
bool mil_expected(const std::string& name) {
  return !starts_with(name, "w.") && name != "label" && name != "label_multihot" && name != "stkim_rand";
}

bool is_checkpoint(const CaseFile& file) {
  return !file.text("checkpoint").empty() && file.has("bag");
}
bool is_trajectory(const CaseFile& file) {
  return file.has_prefix("w0.") && file.has_prefix("wT.") && file.has("losses");
}
/// Softmax ignores the bias of the scores: its gradient is rounding noise, which Adam turns into steps of full size.
bool trajectory_expected(const std::string& name) {
  if (ends_with(name, "attention_weights.bias")) return false;
  return starts_with(name, "wT.") || name == "losses" || name == "lrs";
}

bool is_losses(const CaseFile& file) {
  for (const std::string& name : file.names())
    if (ends_with(name, "_attn_raw") && file.has(name.substr(0, name.size() - 9) + "_grad")) return true;
  return false;
}
bool losses_expected(const std::string& name) {
  return !ends_with(name, "_attn_raw") && !ends_with(name, "_k") && name != "cwa_epochs";
}

bool is_metrics(const CaseFile& file) {
  for (const std::string& name : file.names())
    if (ends_with(name, ".prob") && file.has(name.substr(0, name.size() - 5) + ".label")) return true;
  return false;
}
bool metrics_expected(const std::string& name) {
  return !ends_with(name, ".prob") && !ends_with(name, ".label");
}

bool is_bags(const CaseFile& file) {
  if (file.file().tensors.empty()) return false;
  for (const auto& [name, array] : file.file().tensors)
    if (!starts_with(name, "bag_") || array.shape.size() != 2) return false;
  return true;
}

bool is_network(const CaseFile& file) {
  return !network_kind(file).empty() && file.has_prefix("w.") && file.has("in.x");
}
bool network_expected(const std::string& name) {
  return !starts_with(name, "w.") && !starts_with(name, "in.");
}

bool is_components(const CaseFile& file) {
  return file.has_prefix("gate.w.") && file.has_prefix("up2.") && file.has_prefix("dice");
}
bool components_expected(const std::string& name) {
  return ends_with(name, ".y") || ends_with(name, ".attention") || ends_with(name, ".fg") ||
         ends_with(name, ".as_coded") || ends_with(name, ".psi");
}

bool is_recurrent(const CaseFile& file) {
  return file.has_prefix("lstm.") && file.has_prefix("fuse.");
}
bool recurrent_expected(const std::string& name) {
  return starts_with(name, "lstm.out_") || starts_with(name, "ft.loss") || name == "fuse.attention" ||
         name == "fuse.y" || name == "gate.psi" || name == "gate.y";
}

bool is_scan(const CaseFile& file) {
  return file.has("pre.crop_bbox") && file.has_prefix("final.");
}
bool is_attention(const CaseFile& file) {
  return !file.text("op").empty();
}
bool attention_expected(const std::string& name) {
  return ends_with(name, ".f64") || ends_with(name, ".f32");
}

bool anything(const std::string&) {
  return true;
}
bool nothing(const std::string&) {
  return false;
}

constexpr auto is_known_network = [](const CaseFile& file) { return is_network(file) && known_network(file); };
constexpr auto checkpoint_expected = [](const std::string& name) { return name != "bag"; };

constexpr std::array kKinds{
    CaseKind{"MIL case", is_mil, mil_expected, run_mil_case},
    CaseKind{"outputs of a published MIL checkpoint", is_checkpoint, checkpoint_expected, run_mil_checkpoint},
    CaseKind{"MIL training trajectory", is_trajectory, trajectory_expected, run_mil_trajectory},
    CaseKind{"MIL loss terms", is_losses, losses_expected, run_mil_losses},
    CaseKind{"classification metrics", is_metrics, metrics_expected, run_metrics},
    CaseKind{"segmentation network case", is_known_network, network_expected, run_segmentation_case},
    CaseKind{"segmentation case of a network not built in yet", is_network, network_expected, nullptr},
    CaseKind{"segmentation components", is_components, components_expected, run_segmentation_components},
    CaseKind{"recurrent block components", is_recurrent, recurrent_expected, run_recurrent_components},
    CaseKind{"whole scan pipeline", is_scan, anything, run_scan_case},
    CaseKind{"attention operation", is_attention, attention_expected, run_attention_case},
    CaseKind{"bags (input of other cases)", is_bags, nothing, nullptr},
};

}  // namespace

std::span<const CaseKind> case_kinds() {
  return kKinds;
}

}  // namespace fovea::pipeline::selftest
