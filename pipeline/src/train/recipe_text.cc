#include "train/recipe_text.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <utility>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

#include "nearest_name.h"
#include "problems.h"

namespace fovea::pipeline::train {
namespace {

constexpr const char* kVersionKey = "fovea_recipe";
constexpr const char* kRunKey = "run";
constexpr int kRecipeVersion = 1;

std::vector<std::string> parts_of(std::string_view path) {
  std::vector<std::string> parts;
  for (std::size_t begin = 0; begin <= path.size();) {
    const std::size_t end = std::min(path.find('.', begin), path.size());
    parts.emplace_back(path.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

/// A recipe file may say less than everything.
class Reader {
 public:
  Reader(const nlohmann::json& json, std::vector<std::string>& problems) : json_(json), problems_(problems) {}

  void visit(const std::vector<BoundKey>& keys) {
    std::vector<std::string> known{kVersionKey, kRunKey};
    for (const BoundKey& key : keys) {
      known.push_back(key.path);
      if (const nlohmann::json* value = find(key.path)) read(key, *value);
    }
    refuse_unknown(json_, "", known);
  }

 private:
  const nlohmann::json* find(const std::string& path) const {
    const nlohmann::json* at = &json_;
    for (const std::string& part : parts_of(path)) {
      if (!at->is_object() || !at->contains(part)) return nullptr;
      at = &(*at)[part];
    }
    return at;
  }

  void read(const BoundKey& key, const nlohmann::json& value) {
    try {
      if (const std::string wrong = key.set(value); !wrong.empty()) problems_.push_back("'" + key.path + "' " + wrong);
    } catch (const nlohmann::json::exception&) {
      problems_.push_back("'" + key.path + "' is of the wrong type: " + value.dump());
    }
  }

  void refuse_unknown(const nlohmann::json& json, const std::string& prefix, const std::vector<std::string>& known) {
    for (const auto& [name, value] : json.items()) {
      const std::string path = prefix + name;
      if (std::find(known.begin(), known.end(), path) != known.end()) continue;
      const bool section = std::any_of(known.begin(), known.end(),
                                       [&](const std::string& key) { return key.rfind(path + ".", 0) == 0; });
      if (section && value.is_object())
        refuse_unknown(value, path + ".", known);
      else if (section)
        problems_.push_back("'" + path + "' is not a group of keys");
      else
        problems_.push_back("'" + path + "' is no key of a recipe (did you mean '" + nearest_name(path, known) + "'?)");
    }
  }

  const nlohmann::json& json_;
  std::vector<std::string>& problems_;
};

void apply(const std::string& assignment, nlohmann::json& changes) {
  const auto equals = assignment.find('=');
  if (equals == std::string::npos || equals == 0)
    throw Error(ErrorCode::kUsage, "--set", "'" + assignment + "' is not key=value",
                "Write for example --set optimiser.learning_rate=5e-4.");
  nlohmann::json value = nlohmann::json::parse(assignment.substr(equals + 1), nullptr, false);
  if (value.is_discarded()) value = assignment.substr(equals + 1);
  nlohmann::json* at = &changes;
  for (const std::string& part : parts_of(assignment.substr(0, equals))) at = &(*at)[part];
  *at = std::move(value);
}

std::vector<std::string> assignments(const std::vector<std::string>& given) {
  std::vector<std::string> whole;
  for (const std::string& piece : given) {
    if (piece.find('=') == std::string::npos && !whole.empty())
      whole.back() += "," + piece;
    else
      whole.push_back(piece);
  }
  return whole;
}

}  // namespace

void read_recipe(std::string_view text, const std::string& subject, const std::vector<BoundKey>& keys,
                 const RecipeKind& kind) {
  const auto json = nlohmann::json::parse(text, nullptr, false, true);
  if (!json.is_object())
    throw Error(ErrorCode::kCorrupt, subject, "this is not a JSON object",
                "Start from a built-in recipe: " + std::string(kind.example) + ".");
  std::vector<std::string> problems;
  if (const auto version = json.find(kVersionKey); version != json.end() && *version != kRecipeVersion)
    problems.push_back("it is of a version this program does not know: " + version->dump());
  Reader(json, problems).visit(keys);
  if (!problems.empty())
    throw Error(ErrorCode::kUsage, subject, joined(problems, "; "),
                std::string(kind.manual) + " lists the keys of a recipe.");
}

nlohmann::ordered_json recipe_of(const std::vector<BoundKey>& keys) {
  nlohmann::ordered_json json{{kVersionKey, kRecipeVersion}};
  for (const BoundKey& key : keys) {
    nlohmann::ordered_json* at = &json;
    for (const std::string& part : parts_of(key.path)) at = &(*at)[part];
    *at = key.get();
  }
  return json;
}

std::string changed_recipe(const nlohmann::ordered_json& recipe, const std::vector<std::string>& given) {
  nlohmann::json json = nlohmann::json::parse(recipe.dump()), changes = nlohmann::json::object();
  for (const std::string& assignment : assignments(given)) apply(assignment, changes);
  // merge_patch would drop a key that is set to null; unknown keys are kept for the recipe's own complaint.
  json.update(changes, true);
  return json.dump();
}

std::string recipe_file(const std::string& path, const std::vector<std::string>& builtin) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    throw Error(ErrorCode::kNotFound, path, "this is neither a recipe file nor a built-in recipe",
                "Built-in recipes: " + joined(builtin, ", ") + ".");
  return {std::istreambuf_iterator<char>(stream), {}};
}

std::string run_fingerprint(const std::filesystem::path& recipe) {
  std::ifstream stream(recipe, std::ios::binary);
  if (!stream) return {};
  const nlohmann::json json = nlohmann::json::parse(stream, nullptr, false);
  if (!json.is_object() || !json.contains("run") || !json["run"].is_object()) return "unknown";
  return json["run"].value("fingerprint", std::string("unknown"));
}

}  // namespace fovea::pipeline::train
