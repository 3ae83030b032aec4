#include "command_line.h"

#include <cstdio>
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <sstream>

#include <fovea/base/error.h>

#include "program.h"

namespace fovea::cli {
namespace {

using pipeline::JobKind;
using pipeline::Parameter;
using pipeline::ParameterType;

constexpr const char* kDescription =
    "Fovea: attention for medical images. Whole slides through multiple-instance learning, MRI through attention-gated "
    "networks.\n"
    "Research software: not a medical device, not for clinical decisions.\n";
constexpr const char* kFooter =
    "\nExamples:\n"
    "  fovea slide predict slide.svs --model model.safetensors --out result\n"
    "  fovea mri segment t1c.nii.gz --model model.safetensors --out result\n"
    "  fovea model import checkpoint.pt --labels normal,tumour --out model.safetensors\n"
    "  fovea selftest\n"
    "\nExit codes: 0 all good, 1 wrong usage, 2 some items failed, 3 none could run, 130 cancelled.\n"
    "Ctrl-C stops within two seconds and leaves no partial output.\n"
    "Each command explains itself: fovea COMMAND --help\n";

std::string type_name(ParameterType type) {
  switch (type) {
    case ParameterType::kFlag: return "";
    case ParameterType::kInteger: return "INTEGER";
    case ParameterType::kNumber: return "NUMBER";
    case ParameterType::kText: return "TEXT";
    case ParameterType::kChoice: return "CHOICE";
    case ParameterType::kFile:
    case ParameterType::kOutputFile: return "FILE";
    case ParameterType::kFolder:
    case ParameterType::kOutputFolder: return "FOLDER";
    case ParameterType::kTextList: return "TEXT,...";
    case ParameterType::kFileList: return "FILE...";
  }
  return "TEXT";
}

std::string default_words(const Parameter& parameter) {
  struct Words {
    std::string operator()(bool) const { return ""; }
    std::string operator()(std::int64_t value) const { return std::to_string(value); }
    std::string operator()(double value) const {
      std::ostringstream text;
      text.imbue(std::locale::classic());
      text << value;
      return text.str();
    }
    std::string operator()(const std::string& value) const { return value; }
    std::string operator()(const std::vector<std::string>&) const { return ""; }
  };
  return std::visit(Words{}, parameter.fallback);
}

std::string help_of(const Parameter& parameter) {
  std::string help = parameter.help;
  if (!parameter.choices.empty()) help += " {" + CLI::detail::join(parameter.choices, ", ") + "}";
  if (const std::string words = default_words(parameter); !words.empty() && !parameter.required)
    help += " [" + words + "]";
  return help;
}

/// Whole numbers and numbers in the C locale, whatever the user's is.
template <class T>
T parsed_number(const std::string& name, const std::string& text, const char* what) {
  std::istringstream stream(text);
  stream.imbue(std::locale::classic());
  T value{};
  if (!(stream >> value) || !(stream >> std::ws).eof())
    throw CLI::ValidationError("--" + name, "'" + text + "' is not " + what);
  return value;
}

pipeline::Value parsed_value(const Parameter& parameter, const std::vector<std::string>& given) {
  switch (parameter.type) {
    case ParameterType::kInteger: return parsed_number<std::int64_t>(parameter.name, given.front(), "a whole number");
    case ParameterType::kNumber: return parsed_number<double>(parameter.name, given.front(), "a number");
    case ParameterType::kTextList: {
      std::vector<std::string> items;
      for (const std::string& text : given)
        for (const std::string& item : CLI::detail::split(text, ',')) items.push_back(item);
      return items;
    }
    case ParameterType::kFileList: return given;
    default: return given.front();
  }
}

void add_parameter(CLI::App& command, const Parameter& parameter, std::map<std::string, pipeline::Value>& values) {
  if (parameter.type == ParameterType::kFlag) {
    command
        .add_flag_callback(
            "--" + parameter.name, [&values, name = parameter.name] { values[name] = true; }, help_of(parameter))
        ->group(parameter.group);
    return;
  }
  const std::string name = (parameter.positional ? parameter.name + "," : "") + "--" + parameter.name;
  auto* option = command.add_option(
      name,
      [&values, parameter](const std::vector<std::string>& given) {
        values[parameter.name] = parsed_value(parameter, given);
        return true;
      },
      help_of(parameter));
  option->type_name(type_name(parameter.type))->group(parameter.group == "Main" ? "Options" : parameter.group);
  const bool many = parameter.type == ParameterType::kTextList || parameter.type == ParameterType::kFileList;
  option->expected(1, many ? CLI::detail::expected_max_vector_size : 1);
  // CLI11 takes one value of an unbounded list unless told so; a list of texts is one word with commas.
  option->allow_extra_args(parameter.type == ParameterType::kFileList);
  if (parameter.required) option->required();
  if (!parameter.choices.empty()) option->check(CLI::IsMember(parameter.choices));
}

/// The sub-command for "slide predict": `slide` is made on first use.
CLI::App& command_for(CLI::App& program, const JobKind& kind, std::map<std::string, CLI::App*>& groups) {
  static const std::map<std::string, std::string> group_words{{"slide", "Whole-slide images: predict, train"},
                                                              {"mri", "MRI volumes: segment, train"},
                                                              {"pacs", "PACS: find, get, store, listen"},
                                                              {"model", "Weight files: import, info"}};
  const auto space = kind.name.find(' ');
  if (space == std::string::npos) return *program.add_subcommand(kind.name, kind.summary);
  const std::string group = kind.name.substr(0, space);
  CLI::App*& parent = groups[group];
  if (!parent) {
    auto words = group_words.find(group);
    parent = program.add_subcommand(group, words == group_words.end() ? group : words->second);
    parent->require_subcommand(1);
  }
  return *parent->add_subcommand(kind.name.substr(space + 1), kind.summary);
}

std::string read_text(const std::string& path) {
  std::ifstream stream(path, std::ios::binary);
  if (!stream)
    throw Error(ErrorCode::kNotFound, path, "the request cannot be read", "Check the path and its permissions.");
  return {std::istreambuf_iterator<char>(stream), {}};
}

void add_common(CLI::App& command, Invocation& invocation) {
  command
      .add_option("--save-request", invocation.save_request,
                  "Also write this request as JSON; repeat it with: fovea run FILE")
      ->type_name("FILE")
      ->group("General");
  command
      .add_flag("--json-progress", invocation.json_progress,
                "Progress, result and errors as JSON lines on stdout, for programs")
      ->group("General");
  command
      .add_option("--status", invocation.status,
                  "Keep the newest progress in this file (JSON), and at the end the result or error")
      ->type_name("FILE")
      ->group("General");
  command.add_flag("-q,--quiet", invocation.quiet, "No progress")->group("General");
  command.add_flag("-v,--verbose", invocation.verbose, "Log what is done, on stderr")->group("General");
}

}  // namespace

Program::Program() : app(kDescription, "fovea") {
  app.footer(kFooter);
  app.require_subcommand(1);
  app.set_version_flag("-V,--version", pipeline::version());
  app.get_formatter()->column_width(34);
  std::map<std::string, CLI::App*> groups;
  for (const JobKind& kind : pipeline::job_kinds()) {
    CLI::App& command = command_for(app, kind, groups);
    command.footer("\n" + kind.details);
    for (const Parameter& parameter : kind.parameters) add_parameter(command, parameter, invocation.request.values);
    add_common(command, invocation);
    command.final_callback([this, name = kind.name] { invocation.request.kind = name; });
  }
  repeat = app.add_subcommand("run", "Repeat a saved request (see --save-request)");
  repeat->add_option("request", request_path, "Request as JSON")->required()->type_name("FILE");
  add_common(*repeat, invocation);
  details = app.add_subcommand("version", "Versions of this program and its libraries");
}

Parsed parse_command_line(int argc, char** argv) {
  Program program;
  try {
    program.app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    const int code = program.app.exit(error);
    return {{}, code == 0 ? 0 : 1};
  }
  if (program.details->parsed()) {
    std::fputs(pipeline::version_details().c_str(), stdout);
    return {{}, 0};
  }
  if (program.repeat->parsed())
    program.invocation.request = pipeline::job_from_json(read_text(program.request_path), program.request_path);
  return {std::move(program.invocation), 0};
}

}  // namespace fovea::cli
