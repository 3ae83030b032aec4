#include "batch/redaction.h"

#include <algorithm>
#include <cctype>

namespace fovea::pipeline::batch {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kShortestStem = 3;

bool letter(char c) {
  return std::isalnum(static_cast<unsigned char>(c)) != 0;
}

/// "scan" of "scan.nii.gz".
std::string stem_of(const fs::path& input) {
  const std::string name = input.filename().string();
  return name.substr(0, name.find('.', 1));
}

}  // namespace

Redaction::Redaction(const JobRequest& request, const fs::path& work) {
  rules_.push_back({(work / "").string(), ""});
  rules_.push_back({work.string(), "the results"});
  const std::vector<Input> inputs = inputs_of(request);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::string instead = inputs.size() == 1 ? "input" : "input " + std::to_string(i + 1);
    const fs::path& path = inputs[i].path;
    rules_.push_back({path.string(), instead});
    rules_.push_back({path.filename().string(), instead, true});
    rules_.push_back({path.parent_path().string(), "the folder of " + instead});
    // Model files bear the names of things, "model" above all, not of people.
    const bool of_data = inputs[i].parameter != "model" && inputs[i].parameter != "encoder";
    if (const std::string stem = stem_of(path); of_data && stem.size() >= kShortestStem)
      rules_.push_back({stem, instead, true});
  }
  std::erase_if(rules_, [](const Rule& rule) { return rule.found.size() < 2; });
  // A folder is part of the paths in it, a stem of names.
  std::stable_sort(rules_.begin(), rules_.end(),
                   [](const Rule& a, const Rule& b) { return a.found.size() > b.found.size(); });
}

std::string Redaction::operator()(std::string text) const {
  for (const Rule& rule : rules_) {
    std::size_t at = 0;
    while ((at = text.find(rule.found, at)) != std::string::npos) {
      const std::size_t end = at + rule.found.size();
      const bool inside = rule.word && ((at > 0 && letter(text[at - 1])) || (end < text.size() && letter(text[end])));
      if (inside) {
        ++at;
        continue;
      }
      text.replace(at, rule.found.size(), rule.instead);
      at += rule.instead.size();
    }
  }
  return text;
}

}  // namespace fovea::pipeline::batch
