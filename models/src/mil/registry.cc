// The MIL networks: one file and one row each.
#include <fovea/base/error.h>

#include "mil/abmil.h"
#include "mil/acmil_ga.h"
#include "mil/acmil_mha.h"
#include "mil/clam.h"
#include "mil/dsmil.h"
#include "mil/mha.h"
#include "mil/pooling.h"
#include "mil/slide_transformer_row.h"
#include "mil/transmil.h"

namespace fovea::models {

std::span<const MilRow> mil_models() {
  static const std::vector<MilRow> rows{mil::acmil_ga_row(),     mil::acmil_mha_row(),   mil::abmil_row(),
                                        mil::mha_row(),          mil::clam_sb_row(),     mil::clam_mb_row(),
                                        mil::transmil_row(),     mil::dsmil_row(),       mil::dsmil_linear_row(),
                                        mil::mean_pooling_row(), mil::max_pooling_row(), mil::slide_transformer_row()};
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
