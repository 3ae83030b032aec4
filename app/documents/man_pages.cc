#include "documents.h"

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

/// Paragraphs and examples of a command's details, one source line a paragraph.
std::string paragraphs(const std::string& text) {
  std::string out;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string line = text.substr(at, end - at);
    if (!line.empty() && line != " ") out += ".PP\n" + troff(line) + "\n";
    at = end + 1;
  }
  return out;
}

std::string option_text(const CLI::Option& option) {
  const std::string type = option.get_type_name();
  std::string name = option.get_positional() ? option.get_name(true, false) : option.get_name(false, true);
  for (std::size_t at = 0; (at = name.find(',', at)) != std::string::npos; at += 2) name.replace(at, 1, ", ");
  return ".TP\n\\fB" + troff(name) + "\\fR" + (type.empty() ? "" : " \\fI" + troff(type) + "\\fR") +
         (option.get_required() ? " (required)" : "") + "\n" + troff(option.get_description()) + "\n";
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
  for (const std::string& group : order) text += ".SH " + troff(group) + "\n" + sections[group];
  return text;
}

std::string upper(std::string text) {
  for (char& c : text)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
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
