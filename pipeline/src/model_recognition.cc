#include "model_recognition.h"

#include <algorithm>
#include <cctype>
#include <utility>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

#include "model_guess.h"
#include "tensor_bridge.h"

namespace fovea::pipeline {
namespace {

using models::StateDict;

constexpr std::string_view kFixturePrefix = "w.";

struct Candidate {
  StateDict state;
  std::vector<std::string> notices;
};

/// Names without `x.module.` in front or between, as DataParallel and CLAM's wrapping leave them; CLAM's plain
/// attention block has a layer of that name itself, so that the number of removals is a reading, too. The instance loss
/// is no weight of the network.
StateDict without_leftovers(const StateDict& state, std::size_t most) {
  StateDict clean;
  for (const auto& [name, tensor] : state) {
    if (name.find("instance_loss_fn") != std::string::npos) continue;
    std::string shorter = name.rfind("module.", 0) == 0 ? name.substr(7) : name;
    std::size_t removed = 0;
    for (auto at = shorter.find(".module."); at != std::string::npos && removed < most;
         at = shorter.find(".module."), ++removed)
      shorter.erase(at, 7);
    clean[shorter] = tensor;
  }
  return clean;
}

bool same_names(const StateDict& a, const StateDict& b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](auto& x, auto& y) { return x.first == y.first; });
}

/// The readings of a file's names, the most literal first.
std::vector<Candidate> candidates(const StateDict& state) {
  std::vector<Candidate> all{{state, {}}};
  for (const std::size_t removals : {0, 1, 99})
    if (StateDict clean = without_leftovers(state, removals); !same_names(clean, all.back().state))
      all.push_back(
          {clean, {"wrapper prefixes ('module') and training-only entries were removed from the tensor names"}});
  if (StateDict inner = under_prefix(state, kFixturePrefix); !inner.empty())
    all.push_back({inner,
                   {std::to_string(inner.size()) + " of " + std::to_string(state.size()) +
                    " tensors stand under 'w.' and were taken as the weights"}});
  return all;
}

RecognisedModel filled(std::vector<models::TensorSpec> specs, const Candidate& candidate, const StateDict& given,
                       const std::string& subject) {
  RecognisedModel found;
  found.specs = std::move(specs);
  found.notices = candidate.notices;
  found.state = models::checked_state(found.specs, given, subject);
  return found;
}

/// A mis-shaped tensor may be the very one a width was read from: then blame it, not all the others.
void refuse_nearest(const std::vector<models::TensorSpec>& specs, const StateDict& given, const std::string& subject) {
  if (mismatches(specs, given) == 0) return;
  auto nearest = nearest_model(given);
  if (nearest && mismatches(nearest->specs, given) < mismatches(specs, given))
    models::checked_state(nearest->specs, given, subject);
}

/// "ACMIL_GA" and "acmil_ga" are one name; "max" is enough of "max_pooling".
bool is_called(std::string_view row, std::string said) {
  for (char& c : said) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  return !said.empty() && row.substr(0, said.size()) == said;
}

/// Architectures with the same tensors are told apart by what the file says of itself, else the first is taken and the
/// user is told.
std::optional<RecognisedModel> as_mil(const Candidate& candidate, const std::string& subject, const std::string& said) {
  std::vector<models::MilConfig> fitting;
  for (const models::MilRow& row : models::mil_models())
    if (auto config = row.recognise(candidate.state)) fitting.push_back(*config);
  if (fitting.empty()) return {};
  auto chosen = std::find_if(fitting.begin(), fitting.end(),
                             [&](const auto& config) { return is_called(config.architecture, said); });
  const bool guessed = chosen == fitting.end() && fitting.size() > 1;
  if (chosen == fitting.end()) chosen = fitting.begin();
  auto specs = models::mil_model(chosen->architecture).specs(*chosen);
  refuse_nearest(specs, candidate.state, subject);
  RecognisedModel found = filled(std::move(specs), candidate, candidate.state, subject);
  if (guessed)
    found.notices.push_back("taken as " + chosen->architecture + "; " + fitting.back().architecture +
                            " has the same tensors (--architecture of model import chooses)");
  found.mil = *chosen;
  return found;
}

std::optional<RecognisedModel> as_segmentation(const Candidate& candidate, const std::string& subject,
                                               const io::WeightFile& file) {
  for (const models::SegRow& row : models::seg_models()) {
    auto config = row.recognise(candidate.state);
    if (!config) continue;
    // Group and instance norm have the same tensors: the file's own words tell them apart.
    if (const auto stated = file.metadata.find("fovea.config"); stated != file.metadata.end()) {
      const auto json = nlohmann::json::parse(stated->second, nullptr, false);
      if (config->norm == models::SegNorm::kGroup && json.is_object() && json.value("norm", "") == "instance")
        config->norm = models::SegNorm::kInstance;
    }
    auto specs = row.specs(*config);
    refuse_nearest(specs, candidate.state, subject);
    RecognisedModel found = filled(std::move(specs), candidate, candidate.state, subject);
    found.segmentation = config;
    return found;
  }
  return {};
}

/// The row whose specs differ least from the file, among those that share half of their names with it. Vision
/// transformers of several sizes share most names.
const models::EncoderRow* nearest_encoder(const StateDict& state) {
  const models::EncoderRow* nearest = nullptr;
  std::size_t least = 0;
  for (const models::EncoderRow& row : models::encoders()) {
    if (!row.specs) continue;
    const auto specs = row.specs();
    const StateDict needed = models::without_dropped(row, state);
    const auto shared =
        std::count_if(specs.begin(), specs.end(), [&](auto& spec) { return needed.count(spec.name) > 0; });
    if (2 * static_cast<std::size_t>(shared) < specs.size()) continue;
    const std::size_t wrong = mismatches(specs, needed);
    if (!nearest || wrong < least) nearest = &row, least = wrong;
  }
  return nearest;
}

std::optional<RecognisedModel> as_encoder(const Candidate& candidate, const std::string& subject) {
  const models::EncoderRow* row = nearest_encoder(candidate.state);
  if (!row) return {};
  const StateDict needed = models::without_dropped(*row, candidate.state);
  RecognisedModel found = filled(row->specs(), candidate, needed, subject);
  found.encoder = row;
  if (const std::size_t dropped = candidate.state.size() - needed.size(); dropped > 0)
    found.notices.push_back(std::to_string(dropped) +
                            " tensors that the encoder does not need (classifier, counters) were left out");
  return found;
}

/// Our own entry, or that of the official modules' fixtures.
std::string stated_architecture(const io::WeightFile& file) {
  for (const char* key : {"fovea.architecture", "model"})
    if (const auto found = file.metadata.find(key); found != file.metadata.end()) return found->second;
  return {};
}

/// The nodes that the ONNX reader kept in the file's metadata; empty when it kept none.
std::vector<models::GraphNode> graph_of(const io::WeightFile& file) {
  std::vector<models::GraphNode> graph;
  auto text = file.metadata.find("nodes");
  if (text == file.metadata.end()) return graph;
  const auto json = nlohmann::json::parse(text->second, nullptr, false);
  if (!json.is_array()) return graph;
  for (const auto& node : json)
    graph.push_back({node.value("op", ""), node.value("name", ""), node.value("inputs", std::vector<std::string>{}),
                     node.value("outputs", std::vector<std::string>{})});
  return graph;
}

std::optional<RecognisedModel> as_anonymous(const io::WeightFile& file, const StateDict& state,
                                            const std::string& subject) {
  models::AnonymousLayers layers;
  try {
    const auto graph = graph_of(file);
    layers = graph.empty() ? models::anonymous_layers(state, file.format)
                           : models::anonymous_layers(state, file.format, graph);
  } catch (const Error& error) {
    // The layer below knows no file; the user needs its name.
    throw Error(error.code(), subject, (error.subject().empty() ? "" : error.subject() + ": ") + error.problem(),
                error.remedy());
  }
  for (const models::SegRow& row : models::seg_models()) {
    if (!row.from_anonymous) continue;
    auto canonical = row.from_anonymous(layers);
    if (!canonical) continue;
    auto found = as_segmentation(
        {*canonical, {"layers without names were identified by class, creation order and shape"}}, subject, file);
    if (!found) continue;
    if (!row.anonymous_notice.empty()) found->notices.emplace_back(row.anonymous_notice);
    return found;
  }
  return {};
}

std::string known_architectures() {
  std::string names;
  auto add = [&](std::string_view name) { names += (names.empty() ? "" : ", ") + std::string(name); };
  for (const auto& row : models::mil_models()) add(row.name);
  for (const auto& row : models::seg_models()) add(row.name);
  for (const auto& row : models::encoders()) add(row.name);
  return names;
}

std::string first_names(const StateDict& state) {
  std::string names;
  std::size_t count = 0;
  for (const auto& [name, tensor] : state) {
    if (++count > 5) return names + ", ...";
    names += (names.empty() ? "'" : ", '") + name + "'";
  }
  return names;
}

[[noreturn]] void refuse(const std::vector<Candidate>& readings, const io::WeightFile& file,
                         const std::string& subject) {
  for (const Candidate& reading : readings) {
    auto nearest = nearest_model(reading.state);
    if (!nearest) continue;
    try {
      models::checked_state(nearest->specs, reading.state, subject);
    } catch (const Error& error) {
      throw Error(error.code(), subject,
                  "no known architecture; the nearest is " + nearest->architecture + ", but " + error.problem(),
                  error.remedy());
    }
  }
  const StateDict& state = readings.front().state;
  throw Error(ErrorCode::kUnsupported, subject,
              state.empty() ? "this " + file.format + " file holds no tensor"
                            : "its " + std::to_string(state.size()) + " tensors (" + first_names(state) +
                                  ") are of no known architecture; looked for " + known_architectures(),
              "fovea models and fovea encoders list what can be loaded.");
}

}  // namespace

std::string RecognisedModel::task() const {
  return mil ? "mil" : segmentation ? "segmentation" : "encoder";
}

std::string RecognisedModel::architecture() const {
  return mil ? mil->architecture : segmentation ? segmentation->architecture : std::string(encoder->name);
}

StateDict under_prefix(const StateDict& state, std::string_view prefix) {
  StateDict inner;
  for (const auto& [name, tensor] : state)
    if (name.size() > prefix.size() && name.compare(0, prefix.size(), prefix) == 0)
      inner.emplace(name.substr(prefix.size()), tensor);
  return inner;
}

RecognisedModel recognise_weights(const io::WeightFile& file, const std::string& subject) {
  const StateDict state = to_state(file);
  const bool anonymous = file.format == "keras-hdf5" || file.format == "onnx";
  const auto readings = candidates(state);
  const std::string said = stated_architecture(file);
  for (const Candidate& reading : readings) {
    if (auto found = as_mil(reading, subject, said)) return *std::move(found);
    if (auto found = as_segmentation(reading, subject, file)) return *std::move(found);
  }
  if (anonymous)
    if (auto found = as_anonymous(file, state, subject)) return *std::move(found);
  for (const Candidate& reading : readings)
    if (auto found = as_encoder(reading, subject)) return *std::move(found);
  refuse(readings, file, subject);
}

}  // namespace fovea::pipeline
