// The MIL networks: one file and one row each.
#include <fovea/base/error.h>

#include "mil/abmil.h"
#include "mil/acmil_ga.h"

namespace fovea::models {

std::span<const MilRow> mil_models() {
  static const std::vector<MilRow> rows{mil::acmil_ga_row(), mil::abmil_row()};
  return rows;
}

const MilRow& mil_model(std::string_view name) {
  std::string known;
  for (const MilRow& row : mil_models()) {
    if (row.name == name) return row;
    known += (known.empty() ? "" : ", ") + std::string(row.name);
  }
  throw Error(ErrorCode::kNotFound, "MIL model", "there is no architecture '" + std::string(name) + "'",
              "Known: " + known + ".");
}

}  // namespace fovea::models
