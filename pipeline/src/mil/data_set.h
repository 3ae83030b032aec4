// What `mil train` learns from: bags found on disk, joined with the table of labels; and what was left out of it, why.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "mil/recipe.h"

namespace fovea::pipeline::mil {

/// Where the instances of one slide lie.
struct BagFile {
  std::filesystem::path file;
  std::optional<std::string> key;  ///< the slide's group in a file of many
};

struct Target {
  std::int64_t label = -1;     ///< class index
  std::vector<float> present;  ///< multi-label: 1 for the classes that are there
  double time = 0;             ///< survival
  bool event = false;          ///< survival: false = censored at `time`
  double value = 0;            ///< regression
};

/// One bag to learn from: a slide, or all slides of a patient.
struct Item {
  std::string case_id, slide_id;  ///< text; the ids of several slides joined by ';'
  std::vector<BagFile> parts;
  std::string label;  ///< as in the table
  Target target;
  std::string split;   ///< the table's own: train, val, test, or empty
  std::string centre;  ///< the table's own, or empty
};

struct LeftOut {
  std::string slide_id, reason;
};

struct DataSet {
  std::vector<Item> items;           ///< in the order of the table
  std::vector<std::string> classes;  ///< of classification and multi-label
  std::vector<LeftOut> left_out;
};

/// `labels`: CSV with slide_id and label (regression: a number; multi-label: names joined by ';'; survival: time and
/// event instead), and perhaps case_id, split, centre. Empty: the labels that the bags themselves store. `bags`: a
/// folder with a file a slide (CLAM's and torchmil's subfolders are found), an HDF5 file with a group a slide, or a CSV
/// file of instances (csv_bags.h). Slides without features, features without label, unknown classes and rows that say
/// nothing go to `left_out`. Error(kUsage) when fewer than two bags or, for classification, two classes are left.
DataSet read_data_set(const std::filesystem::path& bags, const std::filesystem::path& labels, const Recipe& recipe);

/// Several slides of a patient, as the recipe says.
std::vector<Item> per_patient(std::vector<Item> items, const Recipe& recipe, const std::vector<std::string>& classes);

}  // namespace fovea::pipeline::mil
