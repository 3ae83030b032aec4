// The 3D Slicer modules: one table, from which their command line, their XML description and the shipped .xml are made.
// What a parameter means, its default and its choices come from the option of the pipeline job that it sets.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include <fovea/pipeline/job.h>

namespace fovea::slicer {

enum class Tag { kBoolean, kInteger, kDouble, kString, kEnumeration, kFile, kDirectory, kImage, kTable };

/// What the program makes of a parameter.
enum class Role {
  kOption,         ///< sets the job's option of that name; left out when it has its default
  kListItem,       ///< appended to a list option of the job
  kLabelMap,       ///< output: labels on the input's grid
  kProbability,    ///< output: probability of the lesion on the input's grid
  kLesionTable,    ///< output: a row a lesion (.csv)
  kReport,         ///< output: the printable report (.pdf or .html)
  kResultsFolder,  ///< output: everything the job writes
  kHeatmap,        ///< output: attention, a voxel a tile
  kTileTable,      ///< output: a row a tile (.csv)
  kReturned        ///< a line of the return parameter file, never passed
};

struct ModuleParameter {
  std::string name;   ///< identifier: <name>, and the longflag of what is passed
  std::string label;  ///< as a person reads it
  Role role = Role::kOption;
  std::string option{};       ///< of the job
  std::string description{};  ///< empty: the option's help
  std::string item_prefix{};  ///< kListItem: "swan=" before the path
  std::optional<Tag> tag{};   ///< absent: from the option's type
  std::string image_type{};   ///< kImage: "scalar", "label"
  std::string extensions{};   ///< ".nrrd", the first is what Slicer uses
  std::string reference{};    ///< the image whose place in the scene the output shares
  std::string fallback{};     ///< numbers only, in place of the option's: the value that means "not given"
  std::optional<double> minimum{}, maximum{}, step{};
  bool required = false;
};

struct ParameterGroup {
  std::string label, description;
  bool advanced = false;
  std::vector<ModuleParameter> parameters;
};

struct Module {
  std::string name;      ///< file name of the program, no dot
  std::string category;  ///< a dot makes a submenu
  std::string title, description;
  std::string job;  ///< name of the job kind
  std::vector<ParameterGroup> groups;
  /// At least one of these must be given, when not empty.
  std::vector<std::string> any_of{};
};

std::span<const Module> modules();
const Module& module(const std::string& name);  ///< Error(kUsage)

bool is_output(Role role);  ///< a file or folder that the program writes
/// The option a parameter sets; null for outputs, return values and options that this build's job does not have.
const pipeline::Parameter* option_of(const Module& module, const ModuleParameter& parameter);
Tag tag_of(const Module& module, const ModuleParameter& parameter);
std::string description_of(const Module& module, const ModuleParameter& parameter);
/// As text, numbers with a decimal point; "false" for booleans; empty = none.
std::string default_of(const Module& module, const ModuleParameter& parameter);

}  // namespace fovea::slicer
