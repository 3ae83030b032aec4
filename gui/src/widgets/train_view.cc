#include "widgets/train_view.h"

#include <QDesktopServices>
#include <QDir>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QPainter>
#include <QUrl>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>

#include "model/units.h"
#include "widgets/icons.h"
#include "widgets/theme.h"

namespace fovea::gui {
namespace {

using State = pipeline::JobStatus::State;

constexpr int kPlots = 4, kFoldsHeight = 132, kRowHeight = 28, kSwatch = 16;

QIcon swatch(int group) {
  QPixmap pixmap(kSwatch, kSwatch);
  pixmap.fill(curveColour(group, themeColours().field.lightness() < 128));
  return QIcon(pixmap);
}

}  // namespace

TrainView::TrainView(Training& training, QWidget* parent) : QWidget(parent), training_(training) {
  runs_ = new QComboBox(this);
  runs_->setObjectName(QStringLiteral("trainingRuns"));
  runs_->setAccessibleName(tr("Training runs"));
  runs_->setPlaceholderText(tr("No run is open"));
  runs_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
  const auto button = [this](const QString& image, const QString& text, const char* name) {
    auto* made = new QPushButton(image.isEmpty() ? QIcon() : icon(image), text, this);
    made->setObjectName(QLatin1String(name));
    return made;
  };
  open_ = button(QStringLiteral("folder"), tr("Open a run…"), "openRun");
  forget_ = button({}, tr("Take off the list"), "forgetRun");
  stop_ = button(QStringLiteral("stop"), tr("Stop"), "stopTraining");
  resume_ = button(QStringLiteral("run"), tr("Resume"), "resumeTraining");
  keep_ = button(QStringLiteral("save"), tr("Use this model"), "keepModel");
  keep_->setToolTip(tr("Copies the kept epoch's model to the models that Run offers"));
  report_ = button(QStringLiteral("report"), tr("Evaluation"), "trainingReport");
  title_ = new QLabel(this);
  title_->setProperty("heading", true);
  state_ = new QLabel(this);
  state_->setObjectName(QStringLiteral("trainingState"));
  state_->setWordWrap(true);
  details_ = new QLabel(this);
  details_->setWordWrap(true);
  details_->setProperty("muted", true);
  details_->setTextInteractionFlags(Qt::TextSelectableByMouse);
  progress_ = new QProgressBar(this);
  progress_->setRange(0, 1000);
  progress_->setTextVisible(false);
  progress_->setAccessibleName(tr("Progress of the training"));
  folds_ = new QTableWidget(0, 2, this);
  folds_->setObjectName(QStringLiteral("folds"));
  for (int i = 0; i < kPlots; ++i) {
    plots_.push_back(new CurvePlot(QString(), this));
    plots_.back()->setObjectName(QStringLiteral("plot%1").arg(i));
    connect(plots_.back(), &CurvePlot::cursorMoved, this, [this](double epoch) {
      for (CurvePlot* plot : plots_) plot->setCursor(epoch);
    });
  }
  layOut();

  connect(open_, &QPushButton::clicked, this, [this] {
    const QString folder = QFileDialog::getExistingDirectory(this, tr("Open a run folder"));
    if (!folder.isEmpty()) training_.open(folder);
  });
  connect(forget_, &QPushButton::clicked, this, [this] { training_.forget(training_.folder()); });
  connect(stop_, &QPushButton::clicked, &training_, &Training::stop);
  connect(resume_, &QPushButton::clicked, this, &TrainView::resume);
  connect(keep_, &QPushButton::clicked, this,
          [this] { training_.keepModel(chosenFold() >= 0 ? chosenFold() : training_.bestFold()); });
  connect(report_, &QPushButton::clicked, this, [this] {
    QDesktopServices::openUrl(QUrl::fromLocalFile(QString::fromStdString(training_.run()->report.string())));
  });
  connect(runs_, &QComboBox::activated, this, [this](int row) { training_.open(runs_->itemData(row).toString()); });
  connect(folds_->selectionModel(), &QItemSelectionModel::selectionChanged, this, [this] {
    for (CurvePlot* plot : plots_) plot->setChosen(chosenFold());
    refreshState();
  });
  connect(&training_, &Training::changed, this, &TrainView::refresh);
  connect(&training_, &Training::foldersChanged, this, &TrainView::fillRuns);
  fillRuns();
  refresh();
}

void TrainView::layOut() {
  folds_->setAccessibleName(tr("Seeds and folds"));
  folds_->setHorizontalHeaderLabels({tr("Seed and fold"), tr("State")});
  folds_->setSelectionBehavior(QAbstractItemView::SelectRows);
  folds_->setSelectionMode(QAbstractItemView::SingleSelection);
  folds_->setEditTriggers(QAbstractItemView::NoEditTriggers);
  folds_->setTabKeyNavigation(false);
  folds_->setShowGrid(false);
  folds_->verticalHeader()->hide();
  folds_->verticalHeader()->setDefaultSectionSize(std::max(kRowHeight, fontMetrics().height() + 8));
  folds_->horizontalHeader()->setSectionResizeMode(0, QHeaderView::ResizeToContents);
  folds_->horizontalHeader()->setSectionResizeMode(1, QHeaderView::Stretch);
  folds_->horizontalHeader()->setDefaultAlignment(Qt::AlignLeft | Qt::AlignVCenter);
  folds_->setMaximumHeight(kFoldsHeight);

  auto* first = new QHBoxLayout;
  first->addWidget(runs_, 1);
  first->addWidget(open_);
  first->addWidget(forget_);
  auto* second = new QHBoxLayout;
  second->addWidget(stop_);
  second->addWidget(resume_);
  second->addStretch(1);
  second->addWidget(keep_);
  second->addWidget(report_);
  grid_ = new QGridLayout;
  grid_->setSpacing(8);
  for (int i = 0; i < kPlots; ++i) grid_->addWidget(plots_[static_cast<std::size_t>(i)], i / 2, i % 2);
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(14, 12, 14, 12);
  column->setSpacing(8);
  column->addLayout(first);
  column->addWidget(title_);
  column->addWidget(state_);
  column->addWidget(progress_);
  column->addWidget(details_);
  column->addLayout(grid_, 1);
  column->addWidget(folds_);
  column->addLayout(second);
}

void TrainView::fillRuns() {
  const QSignalBlocker quiet(runs_);
  runs_->clear();
  for (const QString& folder : training_.folders()) {
    const QDir dir(folder);
    runs_->addItem(dir.dirName(), folder);
    runs_->setItemData(runs_->count() - 1, QDir::toNativeSeparators(folder), Qt::ToolTipRole);
  }
  runs_->setCurrentIndex(runs_->findData(training_.folder()));
}

int TrainView::chosenFold() const {
  const QModelIndexList rows = folds_->selectionModel()->selectedRows();
  return rows.isEmpty() ? -1 : rows.first().row();
}

void TrainView::refresh() {
  runs_->setCurrentIndex(runs_->findData(training_.folder()));
  refreshFolds();
  refreshPlots();
  refreshState();
}

void TrainView::refreshState() {
  const auto run = training_.run();
  const bool running = training_.isRunning();
  progress_->setVisible(running);
  stop_->setEnabled(training_.mayStop());
  const bool unfinished = run && !running && run->status.state != State::kDone && !run->all_trained();
  resume_->setEnabled(unfinished);
  const int fold = chosenFold() >= 0 ? chosenFold() : training_.bestFold();
  keep_->setEnabled(run && fold >= 0 && fold < static_cast<int>(run->folds.size()) &&
                    run->folds[static_cast<std::size_t>(fold)].trained);
  report_->setEnabled(run && !run->report.empty());
  forget_->setEnabled(!training_.folder().isEmpty());
  title_->setVisible(run != nullptr);
  details_->setVisible(run != nullptr);
  if (!run) {
    state_->setText(training_.folder().isEmpty() ? tr("Start a training at the left, or open the folder of one.")
                                                 : tr("Reading the run…"));
    return;
  }
  title_->setText(
      QStringLiteral("%1 (%2)").arg(QString::fromStdString(run->recipe), QString::fromStdString(run->architecture)));
  QString text = trainingStateText(*run, training_.isStopping());
  if (running && !training_.isStopping()) {
    text += QStringLiteral(": %1, %2 %")
                .arg(QString::fromStdString(run->status.progress.stage))
                .arg(std::floor(100 * run->status.progress.fraction));
    if (training_.secondsLeft() >= 0)
      text += QStringLiteral(", ") + tr("about %1 left").arg(durationText(training_.secondsLeft()));
  }
  state_->setText(text);
  progress_->setValue(static_cast<int>(std::lround(1000 * run->status.progress.fraction)));
  QStringList lines;
  if (run->status.state == State::kFailed || run->status.state == State::kLost)
    lines << QString::fromStdString(run->status.problem);
  for (const std::string& notice : run->status.notices) lines << QString::fromStdString(notice);
  details_->setText(lines.join(QLatin1Char('\n')));
  details_->setVisible(!lines.isEmpty());
}

void TrainView::refreshPlots() {
  const auto run = training_.run();
  const std::vector<Quantity> shown = run ? quantitiesOf(*run) : std::vector<Quantity>{};
  for (std::size_t i = 0; i < plots_.size(); ++i) {
    plots_[i]->setVisible(i < shown.size());
    if (i >= shown.size()) continue;
    plots_[i]->setTitle(quantityName(shown[i], *run));
    plots_[i]->setCurves(curvesOf(*run, shown[i]), tr("After the first epoch"));
  }
}

void TrainView::refreshFolds() {
  const auto run = training_.run();
  const int rows = run ? static_cast<int>(run->folds.size()) : 0;
  folds_->setVisible(rows > 0);
  if (folds_->rowCount() != rows) {
    folds_->clearSelection();
    folds_->setRowCount(rows);
  }
  for (int row = 0; row < rows; ++row) {
    const pipeline::TrainingFold& fold = run->folds[static_cast<std::size_t>(row)];
    const QString texts[] = {foldName(fold), foldText(fold, *run)};
    for (int column = 0; column < 2; ++column) {
      if (!folds_->item(row, column)) folds_->setItem(row, column, new QTableWidgetItem);
      if (folds_->item(row, column)->text() != texts[column]) folds_->item(row, column)->setText(texts[column]);
    }
    folds_->item(row, 0)->setIcon(swatch(row));
  }
}

void TrainView::resume() {
  const auto run = training_.run();
  if (!run) return;
  if (run->resumable) return training_.resume();
  Q_EMIT takeUpRequested(run->kind == "mri train", training_.folder() + QStringLiteral("/recipe.json"),
                         training_.folder());
}

}  // namespace fovea::gui
