#include "module.h"

#include <algorithm>
#include <charconv>

#include <fovea/base/error.h>

namespace fovea::slicer {
namespace {

using pipeline::ParameterType;

std::string number_text(double value) {
  char text[32];
  const auto [end, error] = std::to_chars(text, text + sizeof text, value);
  return error == std::errc{} ? std::string(text, end) : std::string("0");
}

struct DefaultText {
  std::string operator()(bool value) const { return value ? "true" : "false"; }
  std::string operator()(std::int64_t value) const { return std::to_string(value); }
  std::string operator()(double value) const { return number_text(value); }
  std::string operator()(const std::string& value) const { return value; }
  std::string operator()(const std::vector<std::string>&) const { return ""; }
};

}  // namespace

const Module& module(const std::string& name) {
  std::string known;
  for (const Module& one : modules()) {
    if (one.name == name) return one;
    known += (known.empty() ? "" : ", ") + one.name;
  }
  throw Error(ErrorCode::kUsage, "fovea-slicer-job", "there is no module '" + name + "'", "Modules: " + known + ".");
}

bool is_output(Role role) {
  return role != Role::kOption && role != Role::kListItem && role != Role::kReturned;
}

const pipeline::Parameter* option_of(const Module& module, const ModuleParameter& parameter) {
  if (parameter.option.empty()) return nullptr;
  for (const pipeline::Parameter& option : pipeline::job_kind(module.job).parameters)
    if (option.name == parameter.option) return &option;
  return nullptr;
}

Tag tag_of(const Module& module, const ModuleParameter& parameter) {
  if (parameter.tag) return *parameter.tag;
  const pipeline::Parameter* option = option_of(module, parameter);
  if (!option) return Tag::kString;
  switch (option->type) {
    case ParameterType::kFlag: return Tag::kBoolean;
    case ParameterType::kInteger: return Tag::kInteger;
    case ParameterType::kNumber: return Tag::kDouble;
    case ParameterType::kChoice: return Tag::kEnumeration;
    case ParameterType::kFile:
    case ParameterType::kOutputFile:
    case ParameterType::kFileList: return Tag::kFile;
    case ParameterType::kFolder:
    case ParameterType::kOutputFolder: return Tag::kDirectory;
    case ParameterType::kText:
    case ParameterType::kTextList: return Tag::kString;
  }
  return Tag::kString;
}

std::string description_of(const Module& module, const ModuleParameter& parameter) {
  if (!parameter.description.empty()) return parameter.description;
  const pipeline::Parameter* option = option_of(module, parameter);
  return option ? option->help : std::string{};
}

std::string default_of(const Module& module, const ModuleParameter& parameter) {
  if (parameter.role == Role::kReturned || is_output(parameter.role)) return "";
  if (!parameter.fallback.empty()) return parameter.fallback;
  const Tag tag = tag_of(module, parameter);
  if (tag == Tag::kBoolean) return "false";
  // A node or a file is chosen or not; a word that stands for one ("auto") is the job's own affair.
  if (tag == Tag::kImage || tag == Tag::kTable || tag == Tag::kFile || tag == Tag::kDirectory) return "";
  const pipeline::Parameter* option = option_of(module, parameter);
  const std::string text = option ? std::visit(DefaultText{}, option->fallback) : std::string{};
  // Rows of a job's table may leave a number's fallback out: then it is zero.
  if ((tag == Tag::kInteger || tag == Tag::kDouble) && (text.empty() || text == "false")) return "0";
  return text == "false" ? "" : text;
}

}  // namespace fovea::slicer
