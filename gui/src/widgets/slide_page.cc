#include "widgets/slide_page.h"

#include <QToolButton>
#include <QVBoxLayout>

#include "widgets/icons.h"

namespace fovea::gui {

SlidePage::SlidePage(QWidget* parent) : QWidget(parent) {
  bar_ = new QToolBar(tr("Slide tools"), this);
  bar_->setIconSize({18, 18});
  tools_ = new QActionGroup(this);
  canvas_ = new SlideCanvas(this);
  map_ = new OverviewMap(*canvas_, canvas_);

  addTool(CanvasTool::kPan, QStringLiteral("hand"), tr("Move and look"), QStringLiteral("V"));
  addTool(CanvasTool::kRectangle, QStringLiteral("rectangle"), tr("Draw a rectangle"), QStringLiteral("B"));
  addTool(CanvasTool::kPolygon, QStringLiteral("polygon"), tr("Draw a polygon"), QStringLiteral("P"));
  addTool(CanvasTool::kPoint, QStringLiteral("point"), tr("Mark a point"), QStringLiteral("O"));
  addTool(CanvasTool::kMeasure, QStringLiteral("ruler"), tr("Measure a distance"), QStringLiteral("M"));
  tools_->actions().first()->setChecked(true);
  undo_ = addAct(QStringLiteral("undo"), tr("Undo"), QStringLiteral("Ctrl+Z"));
  redo_ = addAct(QStringLiteral("redo"), tr("Redo"), QStringLiteral("Ctrl+Shift+Z"));
  bar_->addSeparator();
  connect(addAct(QStringLiteral("fit"), tr("Whole slide"), QString()), &QAction::triggered, canvas_, &SlideCanvas::fit);
  connect(addAct(QStringLiteral("rotate"), tr("Rotate by 90°"), QString()), &QAction::triggered, canvas_,
          [this] { canvas_->rotateBy(90); });
  bar_->addSeparator();
  show_heatmap_ = addAct(QStringLiteral("heat"), tr("Heatmap"), QString());
  show_tissue_ = addAct(QStringLiteral("contour"), tr("Tissue outline"), QString());
  show_map_ = addAct(QStringLiteral("map"), tr("Overview"), QString());
  for (QAction* action : {show_heatmap_, show_tissue_, show_map_}) action->setCheckable(true), action->setChecked(true);

  const auto restyle = [this] {
    OverlayStyle style = canvas_->overlayStyle();
    style.heatmap = show_heatmap_->isChecked(), style.tissue = show_tissue_->isChecked();
    canvas_->setStyle(style);
  };
  connect(show_heatmap_, &QAction::triggered, this, restyle);
  connect(show_tissue_, &QAction::triggered, this, restyle);
  connect(show_map_, &QAction::toggled, map_, &QWidget::setVisible);
  connect(canvas_, &SlideCanvas::styleChanged, this, [this] {
    show_heatmap_->setChecked(canvas_->overlayStyle().heatmap);
    show_tissue_->setChecked(canvas_->overlayStyle().tissue);
  });
  connect(canvas_, &SlideCanvas::toolEnded, this, [this] { tools_->actions().first()->trigger(); });

  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->setSpacing(0);
  layout->addWidget(bar_);
  layout->addWidget(canvas_, 1);
}

QAction* SlidePage::addAct(const QString& name, const QString& text, const QString& key) {
  QAction* action = bar_->addAction(icon(name), text);
  if (!key.isEmpty()) {
    action->setShortcut(QKeySequence(key));
    action->setShortcutContext(Qt::WindowShortcut);
  }
  action->setToolTip(key.isEmpty() ? text : QStringLiteral("%1 (%2)").arg(text, key));
  if (auto* button = qobject_cast<QToolButton*>(bar_->widgetForAction(action))) {
    button->setAccessibleName(text);
    button->setFocusPolicy(Qt::TabFocus);
  }
  return action;
}

void SlidePage::addTool(CanvasTool tool, const QString& name, const QString& text, const QString& key) {
  QAction* action = addAct(name, text, key);
  action->setCheckable(true);
  tools_->addAction(action);
  connect(action, &QAction::triggered, canvas_, [this, tool] {
    canvas_->setTool(tool);
    canvas_->setFocus();
  });
}

void SlidePage::setRegions(RegionModel* regions) {
  canvas_->setRegions(regions);
  const auto refresh = [this, regions] {
    undo_->setEnabled(regions->canUndo());
    redo_->setEnabled(regions->canRedo());
  };
  connect(regions, &RegionModel::changed, this, refresh);
  connect(undo_, &QAction::triggered, regions, &RegionModel::undo);
  connect(redo_, &QAction::triggered, regions, &RegionModel::redo);
  refresh();
}

void SlidePage::setSlide(std::shared_ptr<const pipeline::SlideView> slide, qint64 cache_bytes) {
  canvas_->setSlide(std::move(slide), cache_bytes);
  if (canvas_->tiles()) connect(canvas_->tiles(), &TileLoader::arrived, map_, qOverload<>(&QWidget::update));
  map_->place();
}

void SlidePage::resizeEvent(QResizeEvent* event) {
  QWidget::resizeEvent(event);
  layout()->activate();
  map_->place();
}

}  // namespace fovea::gui
