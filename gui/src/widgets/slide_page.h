// The slide with its tools.
#pragma once

#include <QActionGroup>
#include <QToolBar>
#include <QWidget>

#include "widgets/overview_map.h"
#include "widgets/slide_canvas.h"

namespace fovea::gui {

class SlidePage : public QWidget {
  Q_OBJECT

 public:
  explicit SlidePage(QWidget* parent = nullptr);
  SlideCanvas& canvas() { return *canvas_; }
  void setSlide(std::shared_ptr<const pipeline::SlideView> slide, qint64 cache_bytes);
  void setRegions(RegionModel* regions);

 protected:
  void resizeEvent(QResizeEvent* event) override;

 private:
  void addTool(CanvasTool tool, const QString& icon, const QString& name, const QString& key);
  QAction* addAct(const QString& icon, const QString& name, const QString& key);

  QToolBar* bar_;
  QActionGroup* tools_;
  SlideCanvas* canvas_;
  OverviewMap* map_;
  QAction *show_map_, *show_heatmap_, *show_tissue_, *undo_, *redo_;
};

}  // namespace fovea::gui
