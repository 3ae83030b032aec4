#include "documents.h"

#include <algorithm>
#include <map>

namespace fovea::documents {
namespace {

/// Text as troff shows it: backslashes and hyphens as typed, no line that starts with a control character.
std::string troff(const std::string& text) {
  std::string out;
  bool line_start = true;
  for (const char c : text) {
    if (line_start && (c == '.' || c == '\'')) out += "\\&";
    line_start = c == '\n';
    if (c == '\\') {
      out += "\\e";
    } else if (c == '-') {
      out += "\\-";
    } else {
      out += c;
    }
  }
  return out;
}

/// Paragraphs and examples of a command's details. Their lines are broken for a terminal: one that does not start with
/// a capital goes on with the one before.
std::string paragraphs(const std::string& text) {
  std::string out;
  bool open = false;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    std::size_t first = at;
    while (first < end && text[first] == ' ') ++first;
    const std::string line = text.substr(first, end - first);
    at = end + 1;
    if (line.empty()) {
      open = false;
      continue;
    }
    if (!open || (line[0] >= 'A' && line[0] <= 'Z')) out += ".PP\n";
    out += troff(line) + "\n";
    open = true;
  }
  return out;
}

std::string option_text(const CLI::Option& option) {
  // Behind a colon CLI11 repeats the choices, which the description lists.
  const std::string type = option.get_type_name().substr(0, option.get_type_name().find(':'));
  std::string name = option.get_positional() ? option.get_name(true, false) : option.get_name(false, true);
  if (option.get_positional())
    for (const std::string& flag : option.get_lnames()) name += ",--" + flag;
  for (std::size_t at = 0; (at = name.find(',', at)) != std::string::npos; at += 2) name.replace(at, 1, ", ");
  return ".TP\n\\fB" + troff(name) + "\\fR" + (type.empty() ? "" : " \\fI" + troff(type) + "\\fR") +
         (option.get_required() ? " (required)" : "") + "\n" + troff(option.get_description()) + "\n";
}

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

std::string options_text(const CLI::App& app) {
  std::vector<std::string> order;
  std::map<std::string, std::string> sections;
  for (const CLI::Option* option : app.get_options()) {
    const std::string& group = option->get_group();
    if (group.empty()) continue;
    if (!sections.count(group)) order.push_back(group);
    sections[group] += option_text(*option);
  }
  std::string text;
  for (const std::string& group : order) text += ".SH " + troff(upper(group)) + "\n" + sections[group];
  return text;
}

std::string first_line(const std::string& text) {
  return text.substr(0, text.find('\n'));
}

std::string page(const CLI::App& app, const std::string& name, const std::string& words, const std::string& version) {
  std::string text = ".TH " + upper(name) + " 1 \"\" \"Fovea " + version + "\" \"Fovea\"\n.SH NAME\n" + troff(name) +
                     " \\- " + troff(first_line(app.get_description())) + "\n.SH SYNOPSIS\n\\fB" + troff(words) +
                     "\\fR";
  text += app.get_subcommands({}).empty() ? " [OPTIONS]" : " COMMAND";
  for (const CLI::Option* option : app.get_options())
    if (option->get_positional()) text += " \\fI" + troff(option->get_name(true, false)) + "\\fR";
  text += "\n.SH DESCRIPTION\n" + paragraphs(app.get_description() + "\n" + app.get_footer()) + options_text(app);
  if (const auto commands = app.get_subcommands({}); !commands.empty()) {
    text += ".SH COMMANDS\n";
    for (const CLI::App* command : commands)
      text += ".TP\n\\fB" + troff(words + " " + command->get_name()) + "\\fR\n" +
              troff(first_line(command->get_description())) + "\n";
  }
  return text;
}

void add_pages(const CLI::App& app, const std::string& name, const std::string& words, const std::string& version,
               std::vector<std::pair<std::string, std::string>>& pages) {
  pages.emplace_back(name + ".1", page(app, name, words, version));
  for (const CLI::App* command : app.get_subcommands({}))
    add_pages(*command, name + "-" + command->get_name(), words + " " + command->get_name(), version, pages);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> man_pages(const CLI::App& program, const std::string& version) {
  std::vector<std::pair<std::string, std::string>> pages;
  add_pages(program, program.get_name(), program.get_name(), version, pages);
  return pages;
}

}  // namespace fovea::documents
