#include "documents.h"

#include <fovea/pipeline/job.h>

namespace fovea::documents {
namespace {

std::string options_of(const CLI::App& app) {
  std::string text;
  for (const CLI::Option* option : app.get_options())
    for (const std::string& name : option->get_lnames()) text += (text.empty() ? "--" : " --") + name;
  return text;
}

std::string commands_of(const CLI::App& app) {
  std::string text;
  for (const CLI::App* command : app.get_subcommands({})) text += (text.empty() ? "" : " ") + command->get_name();
  return text;
}

/// A case line for `words` ("slide predict") and for everything below it.
void add_cases(const CLI::App& app, const std::string& words, std::string& text) {
  text += "    '" + words + "') commands='" + commands_of(app) + "' options='" + options_of(app) + "' ;;\n";
  for (const CLI::App* command : app.get_subcommands({}))
    add_cases(*command, words + (words.empty() ? "" : " ") + command->get_name(), text);
}

}  // namespace

std::vector<std::pair<std::string, std::string>> option_choices() {
  std::vector<std::pair<std::string, std::string>> all;
  for (const pipeline::JobKind& kind : pipeline::job_kinds())
    for (const pipeline::Parameter& parameter : kind.parameters) {
      std::string choices;
      for (const std::string& choice : parameter.choices) choices += (choices.empty() ? "" : " ") + choice;
      if (!choices.empty()) all.emplace_back(kind.name + " --" + parameter.name, choices);
    }
  return all;
}

std::string bash_completion(const CLI::App& program, const std::vector<std::pair<std::string, std::string>>& choices) {
  std::string text =
      "# bash completion of fovea, made from its table of commands\n"
      "_fovea() {\n"
      "  local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]} words='' word commands='' "
      "options=''\n"
      "  local i\n"
      "  for ((i = 1; i < COMP_CWORD && i < 3; i++)); do\n"
      "    word=${COMP_WORDS[i]}\n"
      "    [[ $word == -* ]] && break\n"
      "    words=${words:+$words }$word\n"
      "  done\n"
      "  COMPREPLY=()\n"
      "  case \"$words $previous\" in\n";
  for (const auto& [option, list] : choices)
    text += "    '" + option + "') COMPREPLY=($(compgen -W '" + list + "' -- \"$current\")); return ;;\n";
  text += "  esac\n  case $words in\n";
  add_cases(program, "", text);
  // A command of one word with arguments behind it: "run request.json".
  text +=
      "    *) words=${words%% *} ;;\n"
      "  esac\n"
      "  if [[ -n $commands ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$commands $options\" -- \"$current\"))\n"
      "  elif [[ $current == -* ]]; then\n"
      "    COMPREPLY=($(compgen -W \"$options\" -- \"$current\"))\n"
      "  fi\n"
      "}\n"
      "complete -o default -F _fovea fovea\n";
  return text;
}

}  // namespace fovea::documents
