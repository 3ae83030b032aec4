#include "model/training_request.h"

#include <QFileInfo>
#include <QStringList>

namespace fovea::gui {

std::string trainingKind(bool scans) {
  return scans ? "mri train" : "mil train";
}

QString trainedModels(const Settings& settings) {
  return settings.home() + QStringLiteral("/models");
}

std::optional<QList<qint64>> seedsOf(const QString& text) {
  QList<qint64> seeds;
  for (const QString& part : text.split(QLatin1Char(','))) {
    bool good = false;
    const qint64 seed = part.trimmed().toLongLong(&good);
    if (!good || seed < 0 || seeds.contains(seed)) return {};
    seeds.push_back(seed);
  }
  return seeds;
}

QString seedsText(const std::vector<std::int64_t>& seeds) {
  QStringList words;
  for (const std::int64_t seed : seeds) words << QString::number(seed);
  return words.join(QStringLiteral(", "));
}

pipeline::JobRequest trainingRequest(const TrainingChoices& choices, const pipeline::TrainingRecipe& recipe) {
  pipeline::JobRequest request;
  request.kind = trainingKind(choices.scans);
  auto& values = request.values;
  values["recipe"] = choices.recipe.toStdString();
  values["out"] = choices.out.toStdString();
  if (choices.scans) {
    const bool slices = QFileInfo(choices.cases).isDir();
    if (!choices.cases.isEmpty()) values[slices ? "slices" : "cases"] = choices.cases.toStdString();
  } else {
    values["bags"] = choices.bags.toStdString();
    if (!choices.labels.isEmpty()) values["labels"] = choices.labels.toStdString();
  }
  std::vector<std::string> changes;
  if (choices.epochs > 0 && choices.epochs != recipe.epochs)
    changes.push_back("epochs=" + std::to_string(choices.epochs));
  const std::vector<std::int64_t> seeds(choices.seeds.begin(), choices.seeds.end());
  if (!seeds.empty() && seeds != recipe.seeds)
    changes.push_back("seeds=[" + seedsText(seeds).remove(QLatin1Char(' ')).toStdString() + "]");
  if (choices.learning_rate > 0 && choices.learning_rate != recipe.learning_rate)
    changes.push_back("optimiser.learning_rate=" + QString::number(choices.learning_rate, 'g', 12).toStdString());
  if (!changes.empty()) values["set"] = changes;
  if (choices.folds > 1) values["folds"] = std::int64_t{choices.folds};
  if (choices.threads > 0) values["threads"] = std::int64_t{choices.threads};
  return request;
}

}  // namespace fovea::gui
