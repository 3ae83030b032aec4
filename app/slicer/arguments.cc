#include "arguments.h"

#include <algorithm>
#include <charconv>

#include <fovea/base/error.h>

namespace fovea::slicer {
namespace {

std::vector<const ModuleParameter*> passed_parameters(const Module& module) {
  std::vector<const ModuleParameter*> all;
  for (const ParameterGroup& group : module.groups)
    for (const ModuleParameter& parameter : group.parameters)
      if (parameter.role != Role::kReturned) all.push_back(&parameter);
  return all;
}

const ModuleParameter* find(const Module& module, const std::string& name) {
  for (const ModuleParameter* parameter : passed_parameters(module))
    if (parameter->name == name) return parameter;
  return nullptr;
}

/// Whole text in the C locale, whatever the user's is.
template <class T>
bool parse_number(const std::string& text, T& value) {
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  return error == std::errc{} && end == text.data() + text.size();
}

std::string joined(const std::vector<std::string>& parts, const char* between) {
  std::string text;
  for (const std::string& part : parts) text += (text.empty() ? "" : between) + part;
  return text;
}

void check_value(const Module& module, const ModuleParameter& parameter, const std::string& text,
                 std::vector<std::string>& problems) {
  const Tag tag = tag_of(module, parameter);
  const std::string flag = "--" + parameter.name;
  double number = 0;
  std::int64_t whole = 0;
  if (tag == Tag::kInteger ? !parse_number(text, whole) : tag == Tag::kDouble && !parse_number(text, number)) {
    problems.push_back(flag + ": '" + text + "' is not a number");
    return;
  }
  if (tag == Tag::kInteger) number = static_cast<double>(whole);
  // Written so that NaN is out of range.
  if ((parameter.minimum && !(number >= *parameter.minimum)) || (parameter.maximum && !(number <= *parameter.maximum)))
    problems.push_back(flag + " is out of range: " + text);
  if ((parameter.role == Role::kLesionTable || parameter.role == Role::kTileTable) &&
      std::filesystem::path(text).extension() != ".csv")
    problems.push_back(flag + " is written as .csv");
  const std::filesystem::path ending = std::filesystem::path(text).extension();
  if (parameter.role == Role::kReport && ending != ".pdf" && ending != ".html")
    problems.push_back(flag + " is written as .pdf or .html");
}

void check_complete(const Module& module, const Arguments& arguments, std::vector<std::string>& problems) {
  const auto given = [&](const std::string& name) { return arguments.values.count(name) > 0; };
  bool any_output = false;
  for (const ModuleParameter* parameter : passed_parameters(module)) {
    if (parameter->required && !given(parameter->name))
      problems.push_back("no " + parameter->label + " was chosen (--" + parameter->name + ": " +
                         description_of(module, *parameter) + ")");
    any_output = any_output || (is_output(parameter->role) && given(parameter->name));
  }
  if (!module.any_of.empty() && std::none_of(module.any_of.begin(), module.any_of.end(), given))
    problems.push_back("no image was chosen (at least one of --" + joined(module.any_of, ", --") + ")");
  if (!any_output) problems.push_back("no output was chosen");
}

pipeline::Value value_of(Tag tag, const std::string& text) {
  if (tag == Tag::kBoolean) return true;
  if (tag == Tag::kInteger) {
    std::int64_t value = 0;
    parse_number(text, value);
    return value;
  }
  if (tag == Tag::kDouble) {
    double value = 0;
    parse_number(text, value);
    return value;
  }
  return text;
}

}  // namespace

std::filesystem::path Arguments::output(const Module& module, Role role) const {
  for (const ModuleParameter* parameter : passed_parameters(module))
    if (parameter->role == role)
      if (const auto found = values.find(parameter->name); found != values.end()) return found->second;
  return {};
}

Arguments parse_arguments(const Module& module, const std::vector<std::string>& words) {
  Arguments arguments;
  std::vector<std::string> problems;
  for (std::size_t i = 0; i < words.size(); ++i) {
    const std::string& word = words[i];
    if (word == "--xml") return {.ask = Arguments::Ask::kXml};
    if (word == "--help" || word == "-h") return {.ask = Arguments::Ask::kHelp};
    if (word == "--version") return {.ask = Arguments::Ask::kVersion};
    if (word == "--logo") continue;
    const auto equals = word.find('=');
    const std::string name = word.rfind("--", 0) == 0 ? word.substr(2, equals - 2) : "";
    const bool foreign = name == "returnparameterfile" || name == "processinformationaddress";
    const ModuleParameter* parameter = foreign ? nullptr : find(module, name);
    if (!foreign && !parameter) {
      problems.push_back("'" + word + "' is no option of this module");
      continue;
    }
    if (parameter && tag_of(module, *parameter) == Tag::kBoolean) {
      arguments.values[name] = "true";
      continue;
    }
    if (equals == std::string::npos && i + 1 == words.size()) {
      problems.push_back(word + " needs a value");
      continue;
    }
    const std::string value = equals != std::string::npos ? word.substr(equals + 1) : words[++i];
    if (name == "returnparameterfile") arguments.return_file = value;
    if (!parameter || value.empty()) continue;
    check_value(module, *parameter, value, problems);
    arguments.values[name] = value;
  }
  if (problems.empty()) check_complete(module, arguments, problems);
  if (!problems.empty()) throw Error(ErrorCode::kUsage, "", joined(problems, "; "), "--help lists what it takes.");
  return arguments;
}

pipeline::JobRequest request_of(const Module& module, const Arguments& arguments, const std::filesystem::path& out) {
  pipeline::JobRequest request{module.job, {}};
  request.values["out"] = out.string();
  for (const ModuleParameter* parameter : passed_parameters(module)) {
    const auto found = arguments.values.find(parameter->name);
    if (found == arguments.values.end() || is_output(parameter->role)) continue;
    if (parameter->role == Role::kListItem) {
      pipeline::Value& list = request.values.try_emplace(parameter->option, std::vector<std::string>{}).first->second;
      std::get<std::vector<std::string>>(list).push_back(parameter->item_prefix + found->second);
      continue;
    }
    const Tag tag = tag_of(module, *parameter);
    const pipeline::Value value = value_of(tag, found->second);
    const std::string fallback = default_of(module, *parameter);
    // Slicer passes every number and choice: what has its default is left to the job.
    if (tag != Tag::kBoolean && !fallback.empty() && value == value_of(tag, fallback)) continue;
    request.values[parameter->option] = value;
  }
  return request;
}

}  // namespace fovea::slicer
