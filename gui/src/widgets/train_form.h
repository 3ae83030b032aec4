// What to train: recipe, data, run folder, and the few settings of a recipe that are often changed.
#pragma once

#include <QComboBox>
#include <QFormLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QTimer>
#include <QWidget>

#include <optional>
#include <vector>

#include <fovea/pipeline/preparation.h>

#include "model/engine.h"
#include "model/settings.h"
#include "model/training_request.h"
#include "widgets/path_row.h"

namespace fovea::gui {

class TrainForm : public QWidget {
  Q_OBJECT

 public:
  TrainForm(Engine& engine, Settings& settings, QWidget* parent = nullptr);

  TrainingChoices choices() const;
  /// Nothing while the recipe is not known or a setting makes no sense.
  std::optional<pipeline::JobRequest> request() const;
  /// The recipe of a run that was started elsewhere, to go on with; its data have to be chosen.
  void takeUp(bool scans, const QString& recipe, const QString& folder);
  void checkAgain() { check_delay_.start(); }

 Q_SIGNALS:
  void startRequested(const fovea::pipeline::JobRequest& request);
  void saveRequested(const fovea::pipeline::JobRequest& request);

 private:
  void layOut();
  void fillRecipes();
  void addRecipeFile(const QString& path);
  void readRecipe();
  void takeRecipe(const pipeline::TrainingRecipe& recipe);
  void later();
  void check();
  bool scans() const { return kind_->currentIndex() == 1; }

  Engine& engine_;
  Settings& settings_;
  QComboBox *kind_, *recipe_;
  QLabel *about_, *checks_;
  QFormLayout* data_;
  PathRow *bags_, *labels_, *cases_, *out_;
  QSpinBox *epochs_, *folds_;
  QLineEdit *seeds_, *rate_;
  QPushButton *start_, *save_;
  QTimer check_delay_;
  std::optional<pipeline::TrainingRecipe> known_;  ///< of the chosen recipe
  int asked_ = 0, recipes_asked_ = 0;
};

}  // namespace fovea::gui
