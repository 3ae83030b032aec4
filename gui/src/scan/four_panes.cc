#include "scan/four_panes.h"

#include <QGridLayout>
#include <QKeyEvent>

namespace fovea::gui {

FourPanes::FourPanes(ScanScene* scene, QWidget* parent) : QWidget(parent) {
  auto* grid = new QGridLayout(this);
  grid->setContentsMargins(0, 0, 0, 0);
  grid->setSpacing(2);
  for (const Plane plane : kPlanes) panes_[static_cast<std::size_t>(plane)] = new SlicePane(scene, plane, this);
  surface_ = new SurfacePane(scene, this);
  grid->addWidget(pane(Plane::kAxial), 0, 0);
  grid->addWidget(pane(Plane::kSagittal), 0, 1);
  grid->addWidget(pane(Plane::kCoronal), 1, 0);
  grid->addWidget(surface_, 1, 1);
  for (int i = 0; i < 2; ++i) grid->setRowStretch(i, 1), grid->setColumnStretch(i, 1);
  setTabOrder(pane(Plane::kAxial), pane(Plane::kSagittal));
  setTabOrder(pane(Plane::kSagittal), pane(Plane::kCoronal));
  setTabOrder(pane(Plane::kCoronal), surface_);
  for (SlicePane* one : panes_) {
    connect(one, &SlicePane::hovered, this, &FourPanes::hovered);
    connect(one, &SlicePane::lesionClicked, this, &FourPanes::lesionClicked);
    connect(one, &SlicePane::maximiseRequested, this, [this, one] { toggleMaximised(one); });
    connect(one, &SlicePane::planeRequested, this, [this](Plane plane) {
      if (maximised_ != pane(plane)) toggleMaximised(pane(plane));
    });
    for (SlicePane* other : panes_)
      if (other != one) connect(one, &SlicePane::zoomChanged, other, &SlicePane::setZoom);
  }
  connect(surface_, &SurfacePane::lesionClicked, this, &FourPanes::lesionClicked);
  connect(surface_, &SurfacePane::maximiseRequested, this, [this] { toggleMaximised(surface_); });
}

void FourPanes::toggleMaximised(QWidget* pane) {
  maximised_ = maximised_ == pane ? nullptr : pane;
  for (QWidget* one : {static_cast<QWidget*>(panes_[0]), static_cast<QWidget*>(panes_[1]),
                       static_cast<QWidget*>(panes_[2]), static_cast<QWidget*>(surface_)})
    one->setVisible(maximised_ == nullptr || maximised_ == one);
  // An empty row or column takes no place.
  auto* grid = static_cast<QGridLayout*>(layout());
  for (int i = 0; i < 2; ++i) {
    const auto used = [&](QLayoutItem* a, QLayoutItem* b) {
      return maximised_ == nullptr || a->widget() == maximised_ || b->widget() == maximised_ ? 1 : 0;
    };
    grid->setRowStretch(i, used(grid->itemAtPosition(i, 0), grid->itemAtPosition(i, 1)));
    grid->setColumnStretch(i, used(grid->itemAtPosition(0, i), grid->itemAtPosition(1, i)));
  }
  grid->setSpacing(maximised_ ? 0 : 2);
  pane->setFocus();
}

void FourPanes::resetViews() {
  if (maximised_) toggleMaximised(maximised_);
  for (SlicePane* one : panes_) one->setZoom(1), one->setPanMm({});
}

void FourPanes::keyPressEvent(QKeyEvent* event) {
  if (event->key() == Qt::Key_Escape && maximised_)
    toggleMaximised(maximised_);
  else
    QWidget::keyPressEvent(event);
}

}  // namespace fovea::gui
