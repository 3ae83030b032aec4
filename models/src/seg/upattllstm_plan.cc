// Tensors of UpAttLLSTM, and the way back from names and shapes to the configuration.
#include <algorithm>
#include <sstream>

#include <fovea/base/error.h>

#include "seg/layer_plan.h"
#include "seg/upattllstm.h"

namespace fovea::models::seg {
namespace {

using Shape = std::vector<std::int64_t>;

class SpecList {
 public:
  void convolution(const std::string& name, std::int64_t in, std::int64_t out, std::int64_t kernel) {
    specs.push_back({name + ".weight", {out, in, kernel, kernel}, Init::kLinearWeight});
    specs.push_back({name + ".bias", {out}, Init::kZeros});
  }
  void block(const std::string& name, std::int64_t in, std::int64_t out) {
    for (const char* index : {"0", "1"}) {
      convolution(name + ".conv" + index, in, out, 3);
      specs.push_back({name + ".gn" + index + ".weight", {out}, Init::kOnes});
      specs.push_back({name + ".gn" + index + ".bias", {out}, Init::kZeros});
      in = out;
    }
  }
  void matrix(const std::string& name, Shape shape, std::int64_t fan_in) {
    specs.push_back({name, std::move(shape), Init::kLinearWeight, fan_in});
  }
  void zeros(const std::string& name, std::int64_t width) { specs.push_back({name, {width}, Init::kZeros}); }

  std::vector<TensorSpec> specs;
};

void check(const SegConfig& config) {
  const bool wide = std::ranges::all_of(config.filters, [](std::int64_t f) { return f >= 2 && f % 2 == 0; });
  if (config.dims == 3 && config.channels >= 1 && config.channels <= 8 && config.classes == 2 && wide &&
      config.filters.size() >= 2 && config.filters.size() <= 12)
    return;
  throw Error(
      ErrorCode::kUsage, "UpAttLLSTM",
      "it takes stacks of slices with 1 to 8 modalities, 2 classes and 2 to 12 levels of an even number of filters",
      "Give other widths.");
}

void add_fusion(SpecList& list, const std::string& name, std::int64_t modalities, std::int64_t filters) {
  const std::int64_t inner = std::max<std::int64_t>(filters / 2, 8);
  list.matrix(name + ".wf", {modalities, inner, filters}, filters);
  list.matrix(name + ".wg", {inner, filters}, filters);
  list.zeros(name + ".bg", inner);
  list.matrix(name + ".wp", {inner}, inner);
  list.zeros(name + ".bp", 1);
}

void add_recurrence(SpecList& list, const std::string& name, std::int64_t filters, const RecurrentForm& form) {
  const std::int64_t hidden = form.bidirectional ? filters / 2 : filters;
  const std::int64_t in = form.logic ? 2 * filters : filters, gates = form.logic ? 3 : 4;
  list.convolution(name + ".fwd", in + hidden, gates * hidden, 3);
  if (form.bidirectional) list.convolution(name + ".bwd", in + hidden, gates * hidden, 3);
}

void add_gate(SpecList& list, const std::string& name, std::int64_t filters) {
  const std::int64_t inner = filters / 2;
  list.matrix(name + ".wx", {inner, filters}, filters);
  list.matrix(name + ".wg", {inner, filters}, filters);
  list.zeros(name + ".b", inner);
  list.matrix(name + ".wpsi", {inner}, inner);
  list.zeros(name + ".bpsi", 1);
}

std::string variant_of(const RecurrentForm& form) {
  std::string words = form.logic ? "logic" : "";
  if (!form.bidirectional) words += words.empty() ? "unidirectional" : " unidirectional";
  return words;
}

}  // namespace

RecurrentForm recurrent_form(const SegConfig& config) {
  RecurrentForm form;
  std::istringstream words(config.variant);
  for (std::string word; words >> word;) {
    if (word == "logic") {
      form.logic = true;
    } else if (word == "unidirectional") {
      form.bidirectional = false;
    } else {
      throw Error(ErrorCode::kUsage, "UpAttLLSTM", "it has no variant '" + word + "'",
                  "Known: logic, unidirectional, or both.");
    }
  }
  return form;
}

std::int64_t upatt_heads(const SegConfig& config) {
  return config.deep_supervision ? std::min<std::int64_t>(3, static_cast<std::int64_t>(config.filters.size()) - 1) : 1;
}

std::vector<TensorSpec> upatt_specs(const SegConfig& config) {
  check(config);
  const RecurrentForm form = recurrent_form(config);
  const auto levels = static_cast<std::int64_t>(config.filters.size());
  const auto filters = [&](std::int64_t level) { return config.filters[static_cast<std::size_t>(level)]; };
  SpecList list;
  for (std::int64_t modality = 0; modality < config.channels; ++modality) {
    const std::string encoder = layer_name("mod", modality, ".enc");
    for (std::int64_t level = 0; level < levels; ++level)
      list.block(layer_name(encoder.c_str(), level, ""), level == 0 ? 1 : filters(level - 1), filters(level));
  }
  for (std::int64_t level = levels - 1; level >= 0; --level) {
    const std::string name = layer_name("dec", level, "");
    if (level < levels - 1) list.convolution(name + ".up", filters(level + 1), filters(level), 3);
    add_fusion(list, layer_name("fuse", level, ""), config.channels, filters(level));
    if (level < levels - 1) {
      add_gate(list, name + ".gate", filters(level));
      list.block(name, 2 * filters(level), filters(level));
    }
    if (level > 0) add_recurrence(list, layer_name("lstm", level, ""), filters(level), form);
  }
  for (std::int64_t level = 0; level < upatt_heads(config); ++level)
    list.convolution(layer_name("head", level, ""), filters(level), 1, 1);
  return list.specs;
}

std::optional<SegConfig> upatt_recognise(const StateDict& state) {
  const auto found = state.find("fuse0.wf");
  if (found == state.end() || found->second.dim() != 3) return std::nullopt;
  SegConfig config;
  config.architecture = kUpattName;
  config.channels = found->second.size(0);
  config.multi_scale = false;
  for (std::int64_t level = 0; level < 12; ++level) {
    const auto fusion = state.find(layer_name("fuse", level, ".wf"));
    if (fusion == state.end() || fusion->second.dim() != 3) break;
    config.filters.push_back(fusion->second.size(2));
  }
  if (config.filters.size() < 2) return std::nullopt;
  RecurrentForm form;
  form.bidirectional = state.contains("lstm1.bwd.weight");
  const std::int64_t hidden = form.bidirectional ? config.filters[1] / 2 : config.filters[1];
  const auto cell = state.find("lstm1.fwd.bias");
  form.logic = cell != state.end() && cell->second.numel() == 3 * hidden;
  config.variant = variant_of(form);
  config.deep_supervision = state.contains("head1.weight");
  try {
    check(config);
  } catch (const Error&) {
    return std::nullopt;
  }
  return config;
}

}  // namespace fovea::models::seg
