// The slide itself: deep zoom, heatmap and what is drawn over it; mouse, wheel and keys.
#pragma once

#include <QElapsedTimer>
#include <QLineF>
#include <QTimer>
#include <QWidget>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/attention_view.h"
#include "model/region_model.h"
#include "model/tile_loader.h"
#include "model/viewport.h"
#include "widgets/tile_layer.h"

namespace fovea::gui {

enum class CanvasTool { kPan, kRectangle, kPolygon, kPoint, kMeasure };

/// What of the overlays is shown, and how.
struct OverlayStyle {
  bool heatmap = true, hidden_while_held = false, smooth = false, tissue = true, top_frames = true, regions = true;
  double opacity = 0.45;
  std::string map = "viridis";
};

/// What lies over the slide; drawn by canvas_layers.h.
struct CanvasContent {
  std::shared_ptr<const AttentionView> attention;
  bool live = false;  ///< of a run that goes on
  QImage heatmap;     ///< attention in colours
  std::vector<pipeline::Outline> tissue;
  qint64 selected_tile = -1, hovered_tile = -1;
  double flash = 0;  ///< 1..0, of the selected tile's frame
  double mpp = 0;
  QPolygonF drawing;  ///< of the tool, level-0 pixels; the last point follows the mouse
  QLineF measure;     ///< the last distance measured; null: none
  CanvasTool tool = CanvasTool::kPan;
};

class SlideCanvas : public QWidget {
  Q_OBJECT

 public:
  explicit SlideCanvas(QWidget* parent = nullptr);
  ~SlideCanvas() override;

  /// Null clears everything.
  void setSlide(std::shared_ptr<const pipeline::SlideView> slide, qint64 cache_bytes);
  void setMpp(double mpp);
  void setAttention(std::shared_ptr<const AttentionView> attention, bool live = false);
  void setTissue(std::vector<pipeline::Outline> tissue);
  void setRegions(RegionModel* regions);
  void setStyle(const OverlayStyle& style);
  void setTool(CanvasTool tool);
  void setCacheBytes(qint64 bytes);

  const OverlayStyle& overlayStyle() const { return style_; }
  const Viewport& viewport() const { return viewport_; }
  const CanvasContent& content() const { return content_; }
  TileLoader* tiles() const { return loader_.get(); }
  bool hasSlide() const { return loader_ != nullptr; }
  CanvasTool tool() const { return content_.tool; }

  /// Selects the tile, brings it to the middle at a zoom at which it is well seen.
  void showTile(qint64 tile);
  void selectTile(qint64 tile);
  void fit();
  void zoomBy(double factor);
  void zoomTo(double zoom);
  void rotateBy(double degrees);
  void centreOn(const QPointF& slide_point);
  /// Slide and heatmap as now shown, without hints of the mouse.
  QImage picture();

 Q_SIGNALS:
  void viewChanged();
  void styleChanged();
  void tileClicked(qint64 tile);
  void stepRequested(int by);  ///< to the next or previous of the most attended places
  void toolEnded();
  void measured(double um);
  void tileFailed(const QString& sentence);

 protected:
  void paintEvent(QPaintEvent* event) override;
  void resizeEvent(QResizeEvent* event) override;
  void mousePressEvent(QMouseEvent* event) override;
  void mouseMoveEvent(QMouseEvent* event) override;
  void mouseReleaseEvent(QMouseEvent* event) override;
  void mouseDoubleClickEvent(QMouseEvent* event) override;
  void leaveEvent(QEvent* event) override;
  void wheelEvent(QWheelEvent* event) override;
  void keyPressEvent(QKeyEvent* event) override;
  void keyReleaseEvent(QKeyEvent* event) override;
  void focusOutEvent(QFocusEvent* event) override;
  bool event(QEvent* event) override;

 private:
  void moved();
  void wantTiles();
  void hover(const QPointF& position);
  void finishDrawing();
  void cancelDrawing();
  bool drawKey(int key);
  bool viewKey(QKeyEvent* event);
  int level() const;
  QPointF clamped(const QPointF& slide_point) const;

  Viewport viewport_;
  std::unique_ptr<TileLoader> loader_;
  TileLayer layer_;
  std::vector<double> downsamples_;
  CanvasContent content_;
  OverlayStyle style_;
  RegionModel* regions_ = nullptr;
  std::optional<QPointF> grabbed_;  ///< last mouse position of a drag
  QPointF pressed_;
  bool dragged_ = false, fitted_ = true;
  QTimer flash_timer_, refine_timer_;
  QElapsedTimer flash_clock_;
};

}  // namespace fovea::gui
