// From the choices of the training page to the request that the command line would make of them.
#pragma once

#include <QList>
#include <QString>

#include <optional>

#include <fovea/pipeline/training_view.h>

#include "model/settings.h"

namespace fovea::gui {

struct TrainingChoices {
  bool scans = false;        ///< `mri train`, else `mil train`
  QString recipe;            ///< built-in name or path
  QString bags, labels;      ///< slides: features, and the table of labels (may be empty)
  QString cases;             ///< scans: the table of cases, or a folder of outlined slices
  QString out;               ///< run folder
  int epochs = 0;            ///< 0: the recipe's
  QList<qint64> seeds;       ///< empty: the recipe's
  double learning_rate = 0;  ///< 0: the recipe's
  int folds = 0;             ///< 0: one split
  int threads = 0;           ///< 0: all
};

std::string trainingKind(bool scans);
/// Where models that were trained here are kept for running, beside the model folder: <home>/models.
QString trainedModels(const Settings& settings);
/// "0, 1, 2"; nothing when it is no list of whole numbers from 0.
std::optional<QList<qint64>> seedsOf(const QString& text);
QString seedsText(const std::vector<std::int64_t>& seeds);
/// What differs from `recipe` becomes a change to it; the rest stays in the file.
pipeline::JobRequest trainingRequest(const TrainingChoices& choices, const pipeline::TrainingRecipe& recipe);

}  // namespace fovea::gui
