#include "widgets/train_form.h"

#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QVBoxLayout>

#include <cmath>

#include "widgets/check_list.h"
#include "widgets/icons.h"

namespace fovea::gui {
namespace {

constexpr int kCheckDelayMs = 400, kMostEpochs = 100'000, kMostFolds = 100;

QLabel* heading(const QString& text, QWidget* buddy = nullptr) {
  auto* label = new QLabel(text);
  label->setProperty("heading", true);
  if (buddy) label->setBuddy(buddy);
  return label;
}

QFormLayout* form() {
  auto* layout = new QFormLayout;
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setRowWrapPolicy(QFormLayout::WrapLongRows);
  layout->setFieldGrowthPolicy(QFormLayout::AllNonFixedFieldsGrow);
  return layout;
}

}  // namespace

TrainForm::TrainForm(Engine& engine, Settings& settings, QWidget* parent)
    : QWidget(parent), engine_(engine), settings_(settings) {
  kind_ = new QComboBox(this);
  kind_->setObjectName(QStringLiteral("trainKind"));
  kind_->setAccessibleName(tr("What is trained"));
  kind_->addItems({tr("Slides: features and labels"), tr("Scans: volumes and outlines")});
  recipe_ = new QComboBox(this);
  recipe_->setObjectName(QStringLiteral("recipe"));
  recipe_->setAccessibleName(tr("Recipe"));
  recipe_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
  about_ = new QLabel(this);
  about_->setWordWrap(true);
  about_->setProperty("muted", true);
  const QString tables = tr("Tables (*.csv);;All files (*)");
  bags_ = new PathRow(tr("Features"), PathRow::kFile | PathRow::kFolder,
                      tr("Features (*.h5 *.hdf5 *.csv);;All files (*)"), this);
  labels_ = new PathRow(tr("Labels"), PathRow::kFile, tables, this);
  cases_ = new PathRow(tr("Cases"), PathRow::kFile | PathRow::kFolder, tables, this);
  out_ = new PathRow(tr("Run folder"), PathRow::kFolder, {}, this);
  bags_->edit()->setObjectName(QStringLiteral("bags"));
  labels_->edit()->setObjectName(QStringLiteral("labels"));
  cases_->edit()->setObjectName(QStringLiteral("cases"));
  out_->edit()->setObjectName(QStringLiteral("runFolder"));
  labels_->edit()->setPlaceholderText(tr("those in the features"));
  epochs_ = new QSpinBox(this);
  epochs_->setObjectName(QStringLiteral("epochs"));
  epochs_->setRange(1, kMostEpochs);
  epochs_->setAccessibleName(tr("Epochs"));
  folds_ = new QSpinBox(this);
  folds_->setObjectName(QStringLiteral("folds"));
  folds_->setRange(0, kMostFolds);
  folds_->setSpecialValueText(tr("one split"));
  folds_->setAccessibleName(tr("Folds"));
  seeds_ = new QLineEdit(this);
  seeds_->setObjectName(QStringLiteral("seeds"));
  seeds_->setAccessibleName(tr("Seeds, with commas between"));
  rate_ = new QLineEdit(this);
  rate_->setObjectName(QStringLiteral("rate"));
  rate_->setAccessibleName(tr("Learning rate"));
  checks_ = new QLabel(this);
  checks_->setObjectName(QStringLiteral("trainChecks"));
  checks_->setWordWrap(true);
  start_ = new QPushButton(tr("Start training"), this);
  start_->setObjectName(QStringLiteral("startTraining"));
  start_->setProperty("primary", true);
  save_ = new QPushButton(icon(QStringLiteral("save")), tr("Save the request…"), this);
  save_->setObjectName(QStringLiteral("saveTraining"));
  save_->setToolTip(tr("A JSON file that the command line repeats: fovea run FILE"));
  layOut();

  check_delay_.setSingleShot(true);
  check_delay_.setInterval(kCheckDelayMs);
  connect(&check_delay_, &QTimer::timeout, this, &TrainForm::check);
  connect(kind_, &QComboBox::currentIndexChanged, this, &TrainForm::fillRecipes);
  connect(recipe_, &QComboBox::currentIndexChanged, this, &TrainForm::readRecipe);
  for (PathRow* row : {bags_, labels_, cases_, out_}) connect(row, &PathRow::changed, this, &TrainForm::later);
  for (QLineEdit* edit : {seeds_, rate_}) connect(edit, &QLineEdit::textChanged, this, &TrainForm::later);
  for (QSpinBox* box : {epochs_, folds_}) connect(box, &QSpinBox::valueChanged, this, &TrainForm::later);
  connect(start_, &QPushButton::clicked, this, [this] {
    start_->setEnabled(false);
    if (const auto wanted = request()) Q_EMIT startRequested(*wanted);
  });
  connect(save_, &QPushButton::clicked, this, [this] {
    if (const auto wanted = request()) Q_EMIT saveRequested(*wanted);
  });
  fillRecipes();
}

void TrainForm::layOut() {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(14, 12, 14, 12);
  column->setSpacing(8);
  column->addWidget(heading(tr("New training")));
  column->addWidget(kind_);
  auto* recipe_row = new QHBoxLayout;
  recipe_row->setSpacing(4);
  auto* file = new QPushButton(icon(QStringLiteral("folder")), {}, this);
  file->setFixedWidth(34);
  file->setAccessibleName(tr("Choose a recipe file"));
  file->setToolTip(file->accessibleName());
  connect(file, &QPushButton::clicked, this, [this] {
    const QString path = QFileDialog::getOpenFileName(this, tr("Recipe"), {}, tr("Recipes (*.json);;All files (*)"));
    if (!path.isEmpty()) addRecipeFile(path);
  });
  recipe_row->addWidget(recipe_, 1);
  recipe_row->addWidget(file);
  column->addWidget(heading(tr("&Recipe"), recipe_));
  column->addLayout(recipe_row);
  column->addWidget(about_);
  column->addWidget(heading(tr("Data")));
  data_ = form();
  data_->addRow(tr("Fea&tures"), bags_);
  data_->addRow(tr("&Labels"), labels_);
  data_->addRow(tr("&Cases"), cases_);
  data_->addRow(tr("Run f&older"), out_);
  column->addLayout(data_);
  column->addWidget(heading(tr("Changes to the recipe")));
  auto* changes = form();
  changes->addRow(tr("&Epochs"), epochs_);
  changes->addRow(tr("Lear&ning rate"), rate_);
  changes->addRow(tr("&Seeds"), seeds_);
  changes->addRow(tr("Fol&ds"), folds_);
  column->addLayout(changes);
  column->addWidget(heading(tr("Before the start")));
  column->addWidget(checks_);
  column->addWidget(start_);
  column->addWidget(save_);
  column->addStretch(1);
}

void TrainForm::fillRecipes() {
  for (PathRow* row : {bags_, labels_}) data_->setRowVisible(row, !scans());
  data_->setRowVisible(cases_, scans());
  known_.reset();
  recipe_->clear();
  const int asked = ++recipes_asked_;
  engine_.ask(
      this, [kind = trainingKind(scans())](std::stop_token) { return pipeline::builtin_training_recipes(kind); },
      [this, asked](const std::vector<pipeline::TrainingRecipe>& recipes) {
        if (asked != recipes_asked_) return;
        const QSignalBlocker quiet(recipe_);
        const QVariant before = recipe_->currentData();  // a file that was chosen meanwhile
        for (const pipeline::TrainingRecipe& each : recipes) {
          recipe_->addItem(QString::fromStdString(each.name), QString::fromStdString(each.name));
          recipe_->setItemData(recipe_->count() - 1, QString::fromStdString(each.summary), Qt::ToolTipRole);
        }
        recipe_->setCurrentIndex(std::max(0, recipe_->findData(before)));
        readRecipe();
      });
  later();
}

void TrainForm::addRecipeFile(const QString& path) {
  int row = recipe_->findData(path);
  if (row < 0) {
    recipe_->addItem(QFileInfo(path).fileName(), path);
    row = recipe_->count() - 1;
  }
  recipe_->setCurrentIndex(row);
}

void TrainForm::readRecipe() {
  known_.reset();
  later();
  const QString name = recipe_->currentData().toString();
  if (name.isEmpty()) return;
  const QString summary = recipe_->currentData(Qt::ToolTipRole).toString();
  engine_.ask(
      this,
      [kind = trainingKind(scans()), name = name.toStdString()](std::stop_token) {
        return pipeline::training_recipe(kind, name);
      },
      [this, name, summary](const pipeline::TrainingRecipe& recipe) {
        if (recipe_->currentData().toString() != name) return;
        about_->setText(summary.isEmpty() ? tr("Trains %1").arg(QString::fromStdString(recipe.architecture)) : summary);
        takeRecipe(recipe);
      },
      [this, name](const Failure& failure) {
        if (recipe_->currentData().toString() != name) return;
        about_->setText({});
        checks_->setText(failure.sentence.toHtmlEscaped());
      });
}

void TrainForm::takeRecipe(const pipeline::TrainingRecipe& recipe) {
  known_ = recipe;
  epochs_->setValue(static_cast<int>(std::min<std::int64_t>(recipe.epochs, kMostEpochs)));
  seeds_->setText(seedsText(recipe.seeds));
  rate_->setText(QString::number(recipe.learning_rate, 'g', 6));
  later();
}

void TrainForm::takeUp(bool of_scans, const QString& recipe, const QString& folder) {
  kind_->setCurrentIndex(of_scans ? 1 : 0);
  addRecipeFile(recipe);
  out_->setPath(folder);
  bags_->setFocus();
}

TrainingChoices TrainForm::choices() const {
  TrainingChoices c;
  c.scans = scans(), c.recipe = recipe_->currentData().toString();
  c.bags = bags_->path(), c.labels = labels_->path(), c.cases = cases_->path(), c.out = out_->path();
  c.epochs = epochs_->value(), c.folds = folds_->value(), c.threads = settings_.threads();
  c.seeds = seedsOf(seeds_->text()).value_or(QList<qint64>{});
  c.learning_rate = rate_->text().trimmed().toDouble();
  return c;
}

std::optional<pipeline::JobRequest> TrainForm::request() const {
  bool number = false;
  const double rate = rate_->text().trimmed().toDouble(&number);
  const TrainingChoices c = choices();
  if (!known_ || !seedsOf(seeds_->text()) || !number || !(rate > 0) || c.out.isEmpty()) return {};
  if (c.scans ? c.cases.isEmpty() : c.bags.isEmpty()) return {};
  return trainingRequest(c, *known_);
}

void TrainForm::later() {
  start_->setEnabled(false);
  save_->setEnabled(request().has_value());
  check_delay_.start();
}

void TrainForm::check() {
  const int asked = ++asked_;
  const auto wanted = request();
  if (!wanted) {
    bool number = false;
    const bool rate = rate_->text().trimmed().toDouble(&number) > 0 && number;
    checks_->setText(!known_                    ? tr("Choose a recipe.")
                     : !seedsOf(seeds_->text()) ? tr("Seeds are whole numbers with commas between.")
                     : !rate                    ? tr("The learning rate is a number above 0, for example 1e-4.")
                     : choices().out.isEmpty()  ? tr("Choose the data and a folder for the run.")
                                                : tr("Choose the data."));
    return;
  }
  engine_.ask(
      this, [request = *wanted](std::stop_token stop) { return pipeline::preflight(request, std::move(stop)); },
      [this, asked](const std::vector<pipeline::PreflightCheck>& checks) {
        if (asked != asked_) return;
        checks_->setText(checkListHtml(checks));
        start_->setEnabled(allGood(checks));
      },
      [this, asked](const Failure& failure) {
        if (asked == asked_) checks_->setText(failure.sentence.toHtmlEscaped());
      });
}

}  // namespace fovea::gui
