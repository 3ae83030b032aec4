// report.json: what was found, in which geometry, by which model. No names, identifiers, dates or paths.
#pragma once

#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "model_store.h"
#include "mri/components.h"
#include "mri/midline.h"
#include "mri/modalities.h"
#include "mri/segmentation.h"

namespace fovea::pipeline::mri {

struct InputFacts {
  io::Geometry geometry;
  std::string content_hash, modality;
  std::string name;  ///< "swan": what the user gave it as; empty for volumes by position
};

struct Finding {
  Lesion lesion;
  Laterality laterality;
  bool below_size_limit = false;
  /// Mean weight of the modality attention within the lesion, by modality; empty for other networks.
  std::vector<std::pair<std::string, double>> modality_weights;
  std::string dominant_modality() const;  ///< the one of the largest weight
};

struct Report {
  ModelDescription model;
  SegmentationSettings settings;
  Preprocessing preprocessing;
  std::vector<InputFacts> inputs;
  std::vector<Modality> modalities;  ///< empty when volumes were given by position
  std::vector<std::string> labels;   ///< class names, background first
  std::vector<double> thresholds;    ///< one per foreground class
  std::vector<Plane> planes;
  Box crop;
  std::vector<Finding> findings;   ///< largest first
  std::optional<Midline> midline;  ///< looked for when something was found
  std::size_t folds = 1;
  double min_component_ml = 0, below_size_mm3 = 0;
  std::int64_t dropped_components = 0;
  std::vector<std::string> notices;

  double total_ml() const;
};

/// Components of `segmentation.labels` (26-connected), measured, largest first. Those below `min_component_ml` are
/// erased from the labels and counted; those below `below_size_mm3` are kept and marked. `image`: the reference,
/// whose symmetry tells left from right.
void find_findings(Segmentation& segmentation, const io::Volume& image, Report& report);

nlohmann::json report_json(const Report& report);
std::string report_text(const Report& report);
/// lesions.csv: a row a lesion, largest first.
std::string lesions_csv(const Report& report);

}  // namespace fovea::pipeline::mri
