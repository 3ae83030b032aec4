#include "description.h"

#include <charconv>
#include <utility>
#include <vector>

#include <fovea/pipeline/job.h>

namespace fovea::slicer {
namespace {

std::string escaped(const std::string& text) {
  std::string out;
  for (const char c : text) {
    switch (c) {
      case '&': out += "&amp;"; break;
      case '<': out += "&lt;"; break;
      case '>': out += "&gt;"; break;
      case '"': out += "&quot;"; break;
      default: out += c;
    }
  }
  return out;
}

std::string number_text(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::string element(const std::string& name, const std::string& text, const std::string& indent) {
  return indent + "<" + name + ">" + escaped(text) + "</" + name + ">\n";
}

std::string tag_name(Tag tag) {
  switch (tag) {
    case Tag::kBoolean: return "boolean";
    case Tag::kInteger: return "integer";
    case Tag::kDouble: return "double";
    case Tag::kString: return "string";
    case Tag::kEnumeration: return "string-enumeration";
    case Tag::kFile: return "file";
    case Tag::kDirectory: return "directory";
    case Tag::kImage: return "image";
    case Tag::kTable: return "table";
  }
  return "string";
}

bool has_channel(Tag tag) {
  return tag == Tag::kImage || tag == Tag::kTable || tag == Tag::kFile || tag == Tag::kDirectory;
}

std::string attributes(const ModuleParameter& parameter) {
  std::string text;
  const std::vector<std::pair<std::string, const std::string&>> all{
      {"type", parameter.image_type}, {"fileExtensions", parameter.extensions}, {"reference", parameter.reference}};
  for (const auto& [name, value] : all)
    if (!value.empty()) text += " " + name + "=\"" + escaped(value) + "\"";
  return text;
}

std::string constraints(const ModuleParameter& parameter) {
  if (!parameter.minimum && !parameter.maximum && !parameter.step) return "";
  std::string text = "      <constraints>\n";
  if (parameter.minimum) text += element("minimum", number_text(*parameter.minimum), "        ");
  if (parameter.maximum) text += element("maximum", number_text(*parameter.maximum), "        ");
  if (parameter.step) text += element("step", number_text(*parameter.step), "        ");
  return text + "      </constraints>\n";
}

std::string parameter_xml(const Module& module, const ModuleParameter& parameter) {
  const Tag tag = tag_of(module, parameter);
  const bool is_returned = parameter.role == Role::kReturned;
  std::string text = "    <" + tag_name(tag) + attributes(parameter) + ">\n";
  text += element("name", parameter.name, "      ");
  // A return value has neither flag nor index: that is what makes it one.
  if (!is_returned) text += element("longflag", parameter.name, "      ");
  text += element("label", parameter.label, "      ");
  text += element("description", description_of(module, parameter), "      ");
  if (is_returned || is_output(parameter.role)) {
    text += element("channel", "output", "      ");
  } else if (has_channel(tag)) {
    text += element("channel", "input", "      ");
  }
  const std::string fallback =
      is_returned && (tag == Tag::kInteger || tag == Tag::kDouble) ? "0" : default_of(module, parameter);
  if (!fallback.empty()) text += element("default", fallback, "      ");
  text += constraints(parameter);
  if (tag == Tag::kEnumeration)
    for (const std::string& choice : option_of(module, parameter)->choices)
      text += element("element", choice, "      ");
  return text + "    </" + tag_name(tag) + ">\n";
}

}  // namespace

std::string description_xml(const Module& module) {
  std::string text = "<?xml version=\"1.0\" encoding=\"utf-8\"?>\n<executable>\n";
  text += element("category", module.category, "  ");
  text += element("title", module.title, "  ");
  text += element("description", module.description, "  ");
  text += element("version", pipeline::version(), "  ");
  text += element("license", "Apache-2.0", "  ");
  text += element("contributor", "The Fovea authors", "  ");
  text += element("acknowledgements", "Built on LibTorch, ITK, OpenSlide, GDCM and DCMTK.", "  ");
  for (const ParameterGroup& group : module.groups) {
    text += std::string("  <parameters") + (group.advanced ? " advanced=\"true\"" : "") + ">\n";
    text += element("label", group.label, "    ");
    text += element("description", group.description, "    ");
    for (const ModuleParameter& parameter : group.parameters) text += parameter_xml(module, parameter);
    text += "  </parameters>\n";
  }
  return text + "</executable>\n";
}

std::string help_text(const Module& module) {
  std::string text = module.title + " " + pipeline::version() + "\n" + module.description +
                     "\n\nusage: " + module.name + " [--returnparameterfile FILE] --NAME VALUE ...\n";
  for (const ParameterGroup& group : module.groups) {
    text += "\n" + group.label + ": " + group.description + "\n";
    for (const ModuleParameter& parameter : group.parameters) {
      const bool passed = parameter.role != Role::kReturned;
      text +=
          std::string(passed ? "  --" : "  (returned) ") + parameter.name + "  " + description_of(module, parameter);
      if (const std::string fallback = default_of(module, parameter); !fallback.empty()) text += " [" + fallback + "]";
      text += "\n";
    }
  }
  return text + "\nAlso: --xml, --help, --version.\n";
}

}  // namespace fovea::slicer
