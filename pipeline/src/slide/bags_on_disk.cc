#include <algorithm>
#include <charconv>
#include <set>

#include <fovea/base/error.h>
#include <fovea/io/bag.h>

#include "slide/csv_table.h"
#include "slide/random_source.h"
#include "slide/training_bags.h"
#include "tensor_bridge.h"

namespace fovea::pipeline::slide {
namespace {

struct Source {
  std::filesystem::path file;
  std::optional<std::string> key;
  std::string name, group, label_text, split;
  std::int64_t label = 0;
};

std::filesystem::path file_of(const std::filesystem::path& folder, const std::string& name) {
  for (const char* extension : {".h5", ".hdf5", ".pt", ".safetensors", ".npy"})
    if (std::filesystem::exists(folder / (name + extension))) return folder / (name + extension);
  throw Error(ErrorCode::kNotFound, folder.filename().string(),
              "no bag file for '" + name + "' (.h5, .pt, .safetensors, .npy)",
              "Correct --labels-csv or put the file there.");
}

std::vector<Source> from_table(const TrainOptions& options) {
  std::vector<Source> sources;
  const bool folder = std::filesystem::is_directory(options.bags);
  for (const CsvRow& row : read_csv(options.labels_csv, {"slide_id", "label"})) {
    Source& source = sources.emplace_back();
    source.name = row.at("slide_id"), source.label_text = row.at("label");
    source.group = row.contains("case_id") ? row.at("case_id") : source.name;
    if (row.contains("split")) source.split = row.at("split");
    source.file = folder ? file_of(options.bags, source.name) : options.bags;
    if (!folder) source.key = source.name;
  }
  return sources;
}

/// An ACMIL file stores its labels itself.
std::vector<Source> from_groups(const TrainOptions& options) {
  std::vector<Source> sources;
  if (std::filesystem::is_directory(options.bags))
    throw Error(ErrorCode::kUsage, "--bags", "a folder of bags needs its labels", "Pass --labels-csv.");
  for (const std::string& name : io::list_bags(options.bags)) {
    const io::FeatureBag bag = io::read_bag(options.bags, name);
    if (!bag.label)
      throw Error(ErrorCode::kNotFound, options.bags.filename().string(), "bag '" + name + "' stores no label",
                  "Pass --labels-csv.");
    sources.push_back({options.bags, name, name, name, std::to_string(*bag.label), ""});
  }
  return sources;
}

std::optional<std::int64_t> as_whole(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size() && value >= 0 ? std::optional(value) : std::nullopt;
}

/// Whole numbers are class indices; words are numbered in the order of --labels, else of the alphabet.
std::vector<std::string> number_labels(std::vector<Source>& sources, const TrainOptions& options) {
  const bool numbers = std::all_of(sources.begin(), sources.end(),
                                   [](const Source& source) { return as_whole(source.label_text).has_value(); });
  std::vector<std::string> names = options.labels;
  if (numbers) {
    std::int64_t largest = 0;
    for (Source& source : sources) largest = std::max(largest, source.label = *as_whole(source.label_text));
    if (largest > 9999)
      throw Error(ErrorCode::kUsage, options.labels_csv.filename().string(),
                  "a class index of " + std::to_string(largest) + " cannot be meant", "Number the classes from 0.");
    for (auto i = static_cast<std::int64_t>(names.size()); i <= largest; ++i)
      names.push_back("class " + std::to_string(i));
    return names;
  }
  if (names.empty()) {
    std::set<std::string> words;
    for (const Source& source : sources) words.insert(source.label_text);
    names.assign(words.begin(), words.end());
  }
  for (Source& source : sources) {
    const auto found = std::find(names.begin(), names.end(), source.label_text);
    if (found == names.end())
      throw Error(ErrorCode::kUsage, "--labels", "the table's label '" + source.label_text + "' is not among them",
                  "Name every class.");
    source.label = found - names.begin();
  }
  return names;
}

/// By the table's split column, else a seeded share of the cases of every class. A case is never split.
std::pair<std::vector<Source>, std::vector<Source>> split(const std::vector<Source>& sources,
                                                          const TrainOptions& options) {
  std::set<std::string> kept_out;
  const bool given =
      std::any_of(sources.begin(), sources.end(), [](const Source& source) { return !source.split.empty(); });
  if (!given) {
    std::map<std::string, std::int64_t> case_label;
    for (const Source& source : sources) case_label[source.group] = std::max(case_label[source.group], source.label);
    std::map<std::int64_t, std::vector<std::string>> cases;
    for (const auto& [group, label] : case_label) cases[label].push_back(group);
    RandomSource random(static_cast<std::uint64_t>(options.seed));
    for (auto& [label, names] : cases) {
      random.shuffle(names);
      names.resize(static_cast<std::size_t>(static_cast<double>(names.size()) * options.validation_share));
      kept_out.insert(names.begin(), names.end());
    }
  }
  std::vector<Source> train, validation;
  for (const Source& source : sources) {
    const bool validate = given ? source.split != "train" : kept_out.contains(source.group);
    if (given && source.split == "test") continue;  // kept for a final look elsewhere
    (validate ? validation : train).push_back(source);
  }
  return {std::move(train), std::move(validation)};
}

BagSet bag_set(std::vector<Source> sources, std::int64_t width) {
  BagSet set;
  set.count = static_cast<std::int64_t>(sources.size());
  set.bag = [sources = std::move(sources), width](std::int64_t index) {
    const Source& source = sources[static_cast<std::size_t>(index)];
    const io::FeatureBag bag = io::read_bag(source.file, source.key);
    if (bag.features.shape.size() != 2 || bag.features.shape[0] == 0 || bag.features.shape[1] != width)
      throw Error(ErrorCode::kShape, source.name, "the bag is empty or not " + std::to_string(width) + " features wide",
                  "Leave it out of --labels-csv.");
    LabelledBag labelled{to_tensor(bag.features).to(at::kFloat).contiguous().clone(), source.label, {}};
    for (const std::int64_t instance : bag.instance_labels)
      labelled.evidence.push_back(instance == source.label && source.label != 0);
    return labelled;
  };
  return set;
}

}  // namespace

TrainingBags bags_on_disk(const TrainOptions& options) {
  std::vector<Source> sources = options.labels_csv.empty() ? from_groups(options) : from_table(options);
  if (sources.size() < 2)
    throw Error(ErrorCode::kUsage, "--bags", "there are fewer than two bags", "Check --bags and --labels-csv.");
  TrainingBags bags;
  bags.labels = number_labels(sources, options);
  if (bags.labels.size() < 2)
    throw Error(ErrorCode::kUsage, "--labels-csv", "there is only one class",
                "Training needs bags of two classes or more.");
  const io::FeatureBag first = io::read_bag(sources.front().file, sources.front().key);
  bags.features = first.features.shape.back();
  bags.encoder = first.encoder;
  bags.mpp = first.geometry.mpp_target;
  if (first.geometry.tile_px > 0) bags.tile_px = first.geometry.tile_px;
  auto [train, validation] = split(sources, options);
  bags.card = {"Trained on " + std::to_string(train.size()) + " feature bags, validated on " +
               std::to_string(validation.size()) + " others."};
  bags.train = bag_set(std::move(train), bags.features),
  bags.validation = bag_set(std::move(validation), bags.features);
  return bags;
}

}  // namespace fovea::pipeline::slide
