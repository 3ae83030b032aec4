#include "widgets/region_panel.h"

#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QVBoxLayout>

#include "widgets/icons.h"

namespace fovea::gui {

RegionPanel::RegionPanel(RegionModel& regions, SlideCanvas& canvas, QWidget* parent)
    : QWidget(parent), regions_(regions), list_(new QListView(this)) {
  auto* hint = new QLabel(tr("Draw with the tools over the slide: rectangle, polygon or point. Regions are saved with "
                             "the case as you draw and open in QuPath."),
                          this);
  hint->setWordWrap(true);
  hint->setProperty("muted", true);
  list_->setObjectName(QStringLiteral("regions"));
  list_->setAccessibleName(tr("Regions"));
  list_->setModel(&regions_);
  auto* remove = new QPushButton(icon(QStringLiteral("trash")), tr("Delete"), this);
  auto* save = new QPushButton(icon(QStringLiteral("save")), tr("Export GeoJSON…"), this);

  auto* buttons = new QHBoxLayout;
  buttons->addWidget(remove);
  buttons->addWidget(save);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(14, 12, 14, 12);
  layout->addWidget(hint);
  layout->addWidget(list_, 1);
  layout->addLayout(buttons);

  connect(remove, &QPushButton::clicked, this, [this] { regions_.remove(list_->currentIndex().row()); });
  connect(save, &QPushButton::clicked, this, &RegionPanel::exportRequested);
  connect(list_, &QListView::clicked, &canvas, [this, &canvas](const QModelIndex& index) {
    canvas.centreOn(regions_.regions()[index.row()].points.boundingRect().center());
  });
  const auto refresh = [this, remove, save] {
    const bool any = regions_.rowCount() > 0;
    remove->setEnabled(any);
    save->setEnabled(any);
  };
  connect(&regions_, &RegionModel::changed, this, refresh);
  refresh();
}

}  // namespace fovea::gui
