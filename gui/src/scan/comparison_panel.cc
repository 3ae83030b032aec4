#include "scan/comparison_panel.h"

#include <QButtonGroup>
#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

#include <algorithm>

namespace fovea::gui {
namespace {

constexpr int kTarget = 26, kTableHeight = 160;

}  // namespace

ComparisonPanel::ComparisonPanel(ScanScene* earlier, ScanScene* later, QWidget* parent)
    : QWidget(parent), earlier_(earlier), later_(later) {
  auto* column = new QVBoxLayout(this);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(2);

  auto* bar = new QHBoxLayout;
  bar->setContentsMargins(6, 2, 6, 2);
  planes_ = new QButtonGroup(this);
  for (const Plane plane : kPlanes) {
    auto* button = new QPushButton(plane_name(plane));
    button->setCheckable(true);
    button->setMinimumHeight(kTarget);
    planes_->addButton(button, static_cast<int>(plane));
    bar->addWidget(button);
  }
  planes_->button(0)->setChecked(true);
  connect(planes_, &QButtonGroup::idClicked, this, [this](int id) { setPlane(static_cast<Plane>(id)); });
  summary_ = new QLabel;
  summary_->setWordWrap(true);
  summary_->setTextInteractionFlags(Qt::TextSelectableByMouse);
  bar->addWidget(summary_, 1);
  auto* end = new QPushButton(tr("End comparison"));
  end->setMinimumHeight(kTarget);
  connect(end, &QPushButton::clicked, this, &ComparisonPanel::endRequested);
  bar->addWidget(end);
  column->addLayout(bar);

  auto* panes = new QHBoxLayout;
  panes->setSpacing(2);
  panes->addWidget(earlier_pane_ = new SlicePane(earlier, Plane::kAxial));
  panes->addWidget(later_pane_ = new SlicePane(later, Plane::kAxial));
  earlier_pane_->setCaption(tr("Earlier"));
  later_pane_->setCaption(tr("Later"));
  column->addLayout(panes, 1);

  table_ = new QTableView;
  table_->setModel(&model_);
  table_->setAccessibleName(tr("Change of each lesion"));
  table_->setSelectionBehavior(QTableView::SelectRows);
  table_->setSelectionMode(QTableView::SingleSelection);
  table_->setEditTriggers(QTableView::NoEditTriggers);
  table_->setTabKeyNavigation(false);
  table_->setAlternatingRowColors(true);
  table_->setShowGrid(false);
  table_->verticalHeader()->hide();
  table_->verticalHeader()->setDefaultSectionSize(std::max(kTarget, fontMetrics().height() + 8));
  table_->horizontalHeader()->setMinimumHeight(kTarget);
  table_->setMaximumHeight(kTableHeight);
  column->addWidget(table_);
  connect(table_->selectionModel(), &QItemSelectionModel::currentRowChanged, this, [this](const QModelIndex& row) {
    if (const auto centroid = model_.centroid(row.row())) later_->setCursorLps(*centroid);
  });

  link(earlier_pane_, later_pane_);
  link(later_pane_, earlier_pane_);
  connect(earlier_, &ScanScene::cursorChanged, this, [this] { follow(earlier_, later_); });
  connect(later_, &ScanScene::cursorChanged, this, [this] { follow(later_, earlier_); });
  connect(later_, &ScanScene::appearanceChanged, this, [this] {
    earlier_->setConvention(later_->convention());
    earlier_->setCrosshairShown(later_->crosshairShown());
    earlier_->setOverlaysShown(later_->overlaysShown());
  });
  setGrowth(std::nullopt);
}

void ComparisonPanel::link(SlicePane* from, SlicePane* to) {
  connect(from, &SlicePane::zoomChanged, to, &SlicePane::setZoom);
  connect(from, &SlicePane::panChanged, to, &SlicePane::setPanMm);
  connect(from, &SlicePane::hovered, this, &ComparisonPanel::hovered);
  connect(from, &SlicePane::planeRequested, this, &ComparisonPanel::setPlane);
  if (from == later_pane_) connect(from, &SlicePane::lesionClicked, this, &ComparisonPanel::lesionClicked);
}

void ComparisonPanel::follow(ScanScene* from, ScanScene* to) {
  if (following_ || from->empty() || to->empty()) return;
  following_ = true;  // the answer would be rounded to the other grid
  to->setCursorLps(from->cursorLps());
  following_ = false;
}

void ComparisonPanel::align() {
  follow(later_, earlier_);
  earlier_pane_->setZoom(later_pane_->zoom());
  earlier_pane_->setPanMm(later_pane_->panMm());
}

void ComparisonPanel::setPlane(Plane plane) {
  planes_->button(static_cast<int>(plane))->setChecked(true);
  earlier_pane_->setPlane(plane);
  later_pane_->setPlane(plane);
}

void ComparisonPanel::setGrowth(std::optional<pipeline::ViewGrowth> growth) {
  const bool shown = growth.has_value();
  QStringList notices;
  if (growth)
    for (const std::string& notice : growth->notices) notices << QString::fromStdString(notice);
  model_.setGrowth(std::move(growth));
  table_->setVisible(shown);
  table_->resizeColumnsToContents();
  summary_->setText(model_.summary());
  summary_->setToolTip(notices.join('\n'));
}

}  // namespace fovea::gui
