// Values checked against the table of a job kind, versioned JSON, and the one verb: run.
#include <fovea/pipeline/job.h>

#include <algorithm>
#include <exception>
#include <new>
#include <optional>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

#include "jobs.h"
#include "log/log.h"
#include "problems.h"
#include "progress.h"

namespace fovea::pipeline {
namespace {

using Json = nlohmann::json;

bool is_list(ParameterType type) {
  return type == ParameterType::kTextList || type == ParameterType::kFileList;
}

/// The value as the parameter's type, or nothing when it cannot be that (an integer may stand for a number).
std::optional<Value> as_type(const Value& value, ParameterType type) {
  switch (type) {
    case ParameterType::kFlag:
      if (std::holds_alternative<bool>(value)) return value;
      return {};
    case ParameterType::kInteger:
      if (std::holds_alternative<std::int64_t>(value)) return value;
      return {};
    case ParameterType::kNumber:
      if (const auto* integer = std::get_if<std::int64_t>(&value)) return static_cast<double>(*integer);
      if (std::holds_alternative<double>(value)) return value;
      return {};
    case ParameterType::kTextList:
    case ParameterType::kFileList:
      if (const auto* text = std::get_if<std::string>(&value)) return std::vector<std::string>{*text};
      if (std::holds_alternative<std::vector<std::string>>(value)) return value;
      return {};
    default:
      if (std::holds_alternative<std::string>(value)) return value;
      return {};
  }
}

/// Rows of a table leave `fallback` out when the type's empty value is meant.
Value fallback_of(const Parameter& parameter) {
  if (auto value = as_type(parameter.fallback, parameter.type)) return *value;
  if (parameter.type == ParameterType::kInteger) return std::int64_t{0};
  if (parameter.type == ParameterType::kNumber) return 0.0;
  if (is_list(parameter.type)) return std::vector<std::string>{};
  return std::string{};
}

std::string type_words(const Parameter& parameter) {
  switch (parameter.type) {
    case ParameterType::kFlag: return "true or false";
    case ParameterType::kInteger: return "a whole number";
    case ParameterType::kNumber: return "a number";
    case ParameterType::kTextList: return "a list of texts";
    case ParameterType::kFileList: return "a list of paths";
    default: return "a text";
  }
}

Json value_to_json(const Value& value) {
  return std::visit([](const auto& held) { return Json(held); }, value);
}

Value value_from_json(const Json& json, std::string_view subject, const std::string& name) {
  if (json.is_boolean()) return json.get<bool>();
  if (json.is_number_integer()) return json.get<std::int64_t>();
  if (json.is_number()) return json.get<double>();
  if (json.is_string()) return json.get<std::string>();
  if (json.is_array() && std::all_of(json.begin(), json.end(), [](const Json& item) { return item.is_string(); }))
    return json.get<std::vector<std::string>>();
  throw Error(ErrorCode::kUsage, std::string(subject),
              "the value of '" + name + "' is neither text, number, true/false nor a list of texts",
              "Correct it, or write a request with --save-request.");
}

}  // namespace

JobValues::JobValues(const JobKind& kind, const JobRequest& request) : request_(request) {
  std::vector<std::string> problems;
  for (const Parameter& parameter : kind.parameters) {
    auto given = request.values.find(parameter.name);
    if (given == request.values.end()) {
      if (parameter.required) problems.push_back("'" + parameter.name + "' is missing (" + parameter.help + ")");
      values_.emplace(parameter.name, fallback_of(parameter));
      continue;
    }
    auto value = as_type(given->second, parameter.type);
    if (!value) {
      problems.push_back("'" + parameter.name + "' must be " + type_words(parameter));
      continue;
    }
    if (const auto* text = std::get_if<std::string>(&*value);
        text && !parameter.choices.empty() &&
        std::find(parameter.choices.begin(), parameter.choices.end(), *text) == parameter.choices.end())
      problems.push_back("'" + parameter.name + "' is '" + *text + "' but must be one of " +
                         joined(parameter.choices, ", "));
    values_.emplace(parameter.name, std::move(*value));
  }
  for (const auto& given : request.values) {
    const std::string& name = given.first;
    const bool known =
        std::any_of(kind.parameters.begin(), kind.parameters.end(), [&](const Parameter& p) { return p.name == name; });
    if (!known) problems.push_back("'" + name + "' is not an option of " + kind.name);
  }
  refuse_problems(problems, kind.name);
}

const Value& JobValues::at(std::string_view name) const {
  auto found = values_.find(name);
  if (found == values_.end())
    throw Error(ErrorCode::kInternal, request_.kind,
                "the job asked for an undeclared option '" + std::string(name) + "'");
  return found->second;
}

bool JobValues::flag(std::string_view name) const {
  return std::get<bool>(at(name));
}
std::int64_t JobValues::integer(std::string_view name) const {
  return std::get<std::int64_t>(at(name));
}
double JobValues::number(std::string_view name) const {
  return std::get<double>(at(name));
}
const std::string& JobValues::text(std::string_view name) const {
  return std::get<std::string>(at(name));
}
const std::vector<std::string>& JobValues::list(std::string_view name) const {
  return std::get<std::vector<std::string>>(at(name));
}
bool JobValues::given(std::string_view name) const {
  return request_.values.count(std::string(name)) > 0;
}

std::string to_json(const JobRequest& request) {
  Json values = Json::object();
  for (const auto& [name, value] : request.values) values[name] = value_to_json(value);
  try {
    return Json{{"fovea_job", JobRequest::kVersion}, {"kind", request.kind}, {"values", values}}.dump(2) + "\n";
  } catch (const Json::exception&) {  // a path in the bytes of an old character set
    throw Error(ErrorCode::kUsage, "fovea " + request.kind, "an option holds bytes that are no UTF-8",
                "Rename the file or folder.");
  }
}

JobRequest job_from_json(std::string_view text, std::string_view subject) {
  const std::string name(subject);
  Json json = Json::parse(text, nullptr, false);
  if (json.is_discarded() || !json.is_object() || !json.contains("fovea_job"))
    throw Error(ErrorCode::kUsage, name, "this is not a Fovea job request", "Write one with --save-request.");
  if (json["fovea_job"] != JobRequest::kVersion)
    throw Error(ErrorCode::kUsage, name,
                "the request has version " + json["fovea_job"].dump() + ", this program reads version " +
                    std::to_string(JobRequest::kVersion),
                "Write it again with this version's --save-request.");
  if (!json.contains("kind") || !json["kind"].is_string() || !json.value("values", Json::object()).is_object())
    throw Error(ErrorCode::kUsage, name, "the request lacks its 'kind' or its 'values'",
                "Write one with --save-request.");
  JobRequest request;
  request.kind = json["kind"].get<std::string>();
  const Json values = json.value("values", Json::object());
  for (const auto& [key, value] : values.items()) request.values[key] = value_from_json(value, subject, key);
  return request;
}

const JobKind& job_kind(std::string_view name) {
  std::string known;
  for (const JobKind& kind : job_kinds()) {
    if (kind.name == name) return kind;
    known += (known.empty() ? "" : ", ") + kind.name;
  }
  throw Error(ErrorCode::kUsage, "request", "unknown job kind '" + std::string(name) + "'",
              "Known kinds: " + known + ".");
}

JobResult run_job(const JobRequest& request, const ProgressSink& progress, std::stop_token stop) {
  const JobKind& kind = job_kind(request.kind);
  const JobValues values(kind, request);
  throw_if_stopped(stop);
  log_info("job '" + kind.name + "' started");
  try {
    JobResult result = kind.run(values, progress, stop);
    log_info("job '" + kind.name + "' ended with code " + std::to_string(result.exit_code));
    return result;
  } catch (const Error&) {
    throw;
  } catch (const std::bad_alloc&) {
    throw Error(ErrorCode::kOutOfMemory, kind.name, "the machine has too little memory for this job",
                "Close other programs, or lower --batch or the size of the input.");
  } catch (const std::exception& error) {
    // What no layer translated is our fault: say so, with the first line (LibTorch appends a stack trace).
    std::string message = error.what();
    message = message.substr(0, message.find('\n'));
    throw Error(ErrorCode::kInternal, kind.name, "unexpected failure: " + message,
                "Please report this with the saved request (--save-request).");
  }
}

int exit_code_of(const std::exception& error) {
  const auto* ours = dynamic_cast<const Error*>(&error);
  if (!ours) return 3;
  if (ours->code() == ErrorCode::kUsage) return 1;
  if (ours->code() == ErrorCode::kCancelled) return 130;
  return 3;
}

}  // namespace fovea::pipeline
