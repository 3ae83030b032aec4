// Which slides a run is about: files, folders and lists, checked before anything is opened.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace fovea::pipeline::slide {

struct SlideEntry {
  std::filesystem::path path;
  std::string id;             ///< names the outputs; unique among the entries without a problem
  std::optional<double> mpp;  ///< micrometres per level-0 pixel, from the list
  std::string case_id, label;
  std::int64_t row = 0;  ///< line of the list, 1 = its header; else the position on the command line, from 1
  std::string problem;   ///< why this row cannot be used, as a sentence; empty: none
};

/// A file, a folder that is one DICOM slide, or a folder of slides: all files with a slide's extension below it, in the
/// order of their names, every folder of .dcm files as one. Ids are file names without extension. A name that comes
/// twice (of two files) is a problem of the second: outputs would overwrite each other.
std::vector<SlideEntry> slides_of_arguments(const std::vector<std::string>& arguments);

/// A CSV with the columns `path` and `slide_id` (either may be left out: the id is then the file's name, the file is
/// then looked for beside the list), and optional `mpp`, `case_id`, `label`. Relative paths count from the list's
/// folder. Ids stay text. A row that repeats an earlier one, or gives its id to another file, is a problem of that row.
/// Error(kNotFound / kCorrupt) when the list itself cannot be used.
std::vector<SlideEntry> slides_of_list(const std::filesystem::path& list);

/// Marks entries whose id was taken by an earlier one, and ids that are no file name.
void check_ids(std::vector<SlideEntry>& entries);

}  // namespace fovea::pipeline::slide
