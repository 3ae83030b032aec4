// The visible part of a slide as a picture that is kept: what moves is moved, what came is drawn, nothing else.
#pragma once

#include <QColor>
#include <QElapsedTimer>
#include <QPixmap>
#include <QRect>
#include <QRegion>
#include <QSet>
#include <QTransform>

#include "model/tile_loader.h"
#include "model/viewport.h"

namespace fovea::gui {

/// Columns and rows of the tiles of `level` over a rectangle of level-0 pixels.
QRect tilesOver(const pipeline::ViewLevel& level, const QRectF& slide);

class TileLayer {
 public:
  /// Of another slide from now on.
  void clear();
  /// Tiles of `level` in device pixels, `ratio` of them a pixel of the viewport. A tile that is not there yet is
  /// replaced by coarser ones, one that cannot be read is hatched.
  const QPixmap& picture(const Viewport& viewport, int level, double ratio, TileLoader& loader);
  /// The last picture was drawn without interpolating, because zooming would have faltered: `refine` it when the zoom
  /// rests.
  bool rough() const { return rough_; }
  void refine();

 private:
  QRegion scrolled(const QTransform& now);
  QRegion arrived(const TileLoader& loader);
  void draw(const QRegion& dirty, const Viewport& viewport, TileLoader& loader);
  void drawCoarser(QPainter& painter, TileLoader& loader, const QRectF& where) const;
  QRect onPicture(const QRectF& slide) const;

  QPixmap picture_;
  QTransform shown_;  ///< slide to device pixels
  int level_ = 0;
  double ratio_ = 1;
  QColor ground_;
  QSet<TileKey> missing_;  ///< drawn without the tile itself
  int base_tiles_ = 0;
  bool whole_ = true, rough_ = false;
  double smooth_ms_ = 0;  ///< what the last whole picture took
  QElapsedTimer since_zoom_;
};

}  // namespace fovea::gui
