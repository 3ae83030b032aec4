#include "scan/lesion_table.h"

#include <QClipboard>
#include <QGuiApplication>
#include <QHeaderView>
#include <QKeyEvent>

#include <algorithm>

namespace fovea::gui {
namespace {

constexpr int kRowHeight = 26;

}  // namespace

LesionTable::LesionTable(ScanScene* scene, QWidget* parent) : QTableView(parent), scene_(scene) {
  sorted_.setSourceModel(&model_);
  sorted_.setSortRole(LesionModel::kSortRole);
  setModel(&sorted_);
  setAccessibleName(tr("Lesions"));
  setAccessibleDescription(tr("A row jumps to its lesion; the columns sort"));
  setSelectionBehavior(SelectRows);
  setSelectionMode(SingleSelection);
  setEditTriggers(NoEditTriggers);
  setTabKeyNavigation(false);  // Tab leaves the table
  setSortingEnabled(true);
  sortByColumn(LesionModel::kNumber, Qt::AscendingOrder);
  setAlternatingRowColors(true);
  setShowGrid(false);
  setWordWrap(false);
  verticalHeader()->hide();
  verticalHeader()->setDefaultSectionSize(std::max(kRowHeight, fontMetrics().height() + 8));
  horizontalHeader()->setStretchLastSection(true);
  horizontalHeader()->setHighlightSections(false);
  horizontalHeader()->setMinimumHeight(kRowHeight);
  connect(this, &QTableView::clicked, this, &LesionTable::jump);
  connect(this, &QTableView::activated, this, &LesionTable::jump);
  connect(scene, &ScanScene::contentChanged, this, &LesionTable::takeContent);
  connect(scene, &ScanScene::lesionSelected, this, &LesionTable::showSelected);
}

void LesionTable::takeContent() {
  if (shown_ == scene_->labels().segmentation) return;
  shown_ = scene_->labels().segmentation;
  model_.setSegmentation(shown_);
  resizeColumnsToContents();
}

void LesionTable::showSelected(int lesion) {
  const QModelIndex source = model_.index(lesion, 0);
  const QModelIndex row = sorted_.mapFromSource(source);
  if (!row.isValid()) return clearSelection();
  const QModelIndex column = row.siblingAtColumn(currentIndex().isValid() ? currentIndex().column() : 0);
  setCurrentIndex(column);
  scrollTo(column);
}

void LesionTable::jump(const QModelIndex& index) {
  const int lesion = sorted_.mapToSource(index).row();
  scene_->selectLesion(lesion);
  Q_EMIT lesionClicked(lesion);
}

void LesionTable::keyPressEvent(QKeyEvent* event) {
  if (event->matches(QKeySequence::Copy)) {
    QList<int> rows;
    for (int row = 0; row < sorted_.rowCount(); ++row) rows << row;
    QGuiApplication::clipboard()->setText(lesion_csv(sorted_, rows));
    return;
  }
  const QModelIndex before = currentIndex();
  QTableView::keyPressEvent(event);
  if (currentIndex().row() != before.row() && currentIndex().isValid()) jump(currentIndex());
}

}  // namespace fovea::gui
