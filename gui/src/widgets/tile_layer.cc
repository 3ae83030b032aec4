#include "widgets/tile_layer.h"

#include <QPainter>

#include <algorithm>
#include <cmath>

#include "widgets/draw_image.h"
#include "widgets/theme.h"

namespace fovea::gui {
namespace {

constexpr int kTile = pipeline::SlideView::kTilePx;
constexpr double kSharpAbove = 4;     // enlarged so far, pixels are shown as pixels
constexpr double kSmoothZoomMs = 6;   // a whole picture that takes longer is not interpolated while the zoom changes
constexpr int kZoomingMs = 200;       // two changes of zoom nearer than this are one movement
constexpr double kWholePixel = 1e-6;  // a movement nearer to whole pixels than this can be scrolled

QRectF slideRect(const TileKey& key, const QImage& tile, double downsample) {
  return {key.column * kTile * downsample, key.row * kTile * downsample, tile.width() * downsample,
          tile.height() * downsample};
}

/// Where a tile of which nothing is known yet lies.
QRectF slideRect(const TileKey& key, const pipeline::ViewLevel& level) {
  const double edge = kTile * level.downsample;
  return QRectF(key.column * edge, key.row * edge, edge, edge)
      .intersected(QRectF(0, 0, static_cast<double>(level.width) * level.downsample,
                          static_cast<double>(level.height) * level.downsample));
}

bool sameScale(const QTransform& a, const QTransform& b) {
  return a.m11() == b.m11() && a.m12() == b.m12() && a.m21() == b.m21() && a.m22() == b.m22();
}

}  // namespace

QRect tilesOver(const pipeline::ViewLevel& level, const QRectF& slide) {
  const double edge = kTile * level.downsample;
  const int columns = static_cast<int>((level.width - 1) / kTile), rows = static_cast<int>((level.height - 1) / kTile);
  const int left = std::clamp(static_cast<int>(std::floor(slide.left() / edge)), 0, columns);
  const int top = std::clamp(static_cast<int>(std::floor(slide.top() / edge)), 0, rows);
  const int right = std::clamp(static_cast<int>(std::floor(slide.right() / edge)), 0, columns);
  const int bottom = std::clamp(static_cast<int>(std::floor(slide.bottom() / edge)), 0, rows);
  return {QPoint(left, top), QPoint(right, bottom)};
}

void TileLayer::clear() {
  picture_ = {};
  missing_.clear();
  whole_ = true, rough_ = false, smooth_ms_ = 0;
  since_zoom_.invalidate();
}

void TileLayer::refine() {
  whole_ = true;
  since_zoom_.invalidate();
}

QRect TileLayer::onPicture(const QRectF& slide) const {
  return shown_.mapRect(slide).toAlignedRect().adjusted(-1, -1, 1, 1) & picture_.rect();
}

/// Moves the picture; what has to be drawn anew because it came into view.
QRegion TileLayer::scrolled(const QTransform& now) {
  const double dx = now.dx() - shown_.dx(), dy = now.dy() - shown_.dy();
  const QPoint by(static_cast<int>(std::lround(dx)), static_cast<int>(std::lround(dy)));
  shown_ = now;
  if (by.isNull()) return {};
  const bool fits = std::abs(by.x()) < picture_.width() && std::abs(by.y()) < picture_.height();
  if (!fits || std::abs(dx - by.x()) > kWholePixel || std::abs(dy - by.y()) > kWholePixel) return picture_.rect();
  QRegion exposed;
  picture_.scroll(by.x(), by.y(), picture_.rect(), &exposed);
  return exposed;
}

/// Where tiles lie that were missing and have come, or are known to be unreadable now.
QRegion TileLayer::arrived(const TileLoader& loader) {
  QRegion region;
  const auto& level = loader.slide().info().levels[static_cast<std::size_t>(level_)];
  missing_.removeIf([&](const TileKey& key) {
    const QRect where = onPicture(slideRect(key, level));
    if (where.isEmpty()) return true;  // out of view: drawn anew when it comes back
    if (!loader.has(key) && !loader.failed(key)) return false;
    region += where;
    return true;
  });
  return region;
}

const QPixmap& TileLayer::picture(const Viewport& viewport, int level, double ratio, TileLoader& loader) {
  const QTransform now = viewport.toScreen() * QTransform::fromScale(ratio, ratio);
  const QSize size = (viewport.screen() * ratio).toSize();
  const QColor ground = themeColours().canvas;
  if (picture_.size() != size || ratio_ != ratio || ground_ != ground || level_ != level ||
      base_tiles_ != loader.baseTiles())
    whole_ = true;
  bool zooming = false;
  if (!sameScale(now, shown_)) {
    whole_ = true;
    zooming = since_zoom_.isValid() && since_zoom_.elapsed() < kZoomingMs;
    since_zoom_.start();
  }
  if (picture_.size() != size) picture_ = QPixmap(size);
  picture_.setDevicePixelRatio(1);  // device pixels throughout
  ratio_ = ratio, ground_ = ground, level_ = level, base_tiles_ = loader.baseTiles();
  QRegion dirty;
  if (std::exchange(whole_, false)) {
    shown_ = now;
    missing_.clear();
    rough_ = zooming && smooth_ms_ > kSmoothZoomMs;
    QElapsedTimer clock;
    clock.start();
    draw(picture_.rect(), viewport, loader);
    if (!rough_) smooth_ms_ = static_cast<double>(clock.nsecsElapsed()) / 1e6;
  } else if (dirty = scrolled(now) + arrived(loader); !dirty.isEmpty()) {
    draw(dirty, viewport, loader);
  }
  picture_.setDevicePixelRatio(ratio);
  return picture_;
}

void TileLayer::draw(const QRegion& dirty, const Viewport& viewport, TileLoader& loader) {
  const auto& info = loader.slide().info().levels[static_cast<std::size_t>(level_)];
  QPainter painter(&picture_);
  painter.setClipRegion(dirty);
  painter.fillRect(picture_.rect(), ground_);
  // Upright and pixel for pixel nothing needs interpolating.
  const double scale = viewport.zoom() * info.downsample * ratio_;
  painter.setRenderHint(QPainter::SmoothPixmapTransform, !rough_ && std::abs(scale - 1) > 1e-6 && scale < kSharpAbove);
  painter.setTransform(shown_);
  const QRect range = tilesOver(info, viewport.visible());
  for (int row = range.top(); row <= range.bottom(); ++row) {
    for (int column = range.left(); column <= range.right(); ++column) {
      const TileKey key{level_, column, row};
      const QRectF where = slideRect(key, info);
      if (!dirty.intersects(onPicture(where))) continue;
      const QImage tile = loader.tile(key);
      if (!tile.isNull()) {
        missing_.remove(key);
        drawImageTurned(painter, slideRect(key, tile, info.downsample), tile);
      } else if (!loader.failed(key)) {
        missing_.insert(key);
        drawCoarser(painter, loader, where);
      } else {
        missing_.remove(key);
        painter.save();
        painter.resetTransform();
        painter.setBrush(QBrush(themeColours().muted, Qt::BDiagPattern));
        painter.setPen(Qt::NoPen);
        painter.drawPolygon(shown_.map(QPolygonF(where)));
        painter.restore();
      }
    }
  }
}

void TileLayer::drawCoarser(QPainter& painter, TileLoader& loader, const QRectF& where) const {
  painter.save();
  painter.setClipRect(where, Qt::IntersectClip);
  const auto& levels = loader.slide().info().levels;
  for (int coarse = static_cast<int>(levels.size()) - 1; coarse > level_; --coarse) {
    const auto& info = levels[static_cast<std::size_t>(coarse)];
    const QRect range = tilesOver(info, where);
    for (int row = range.top(); row <= range.bottom(); ++row) {
      for (int column = range.left(); column <= range.right(); ++column) {
        const TileKey key{coarse, column, row};
        const QImage tile = loader.tile(key);
        if (!tile.isNull()) drawImageTurned(painter, slideRect(key, tile, info.downsample), tile);
      }
    }
  }
  painter.restore();
}

}  // namespace fovea::gui
