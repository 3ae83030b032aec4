// The user's regions on a slide: rectangles, polygons, points. Kept as GeoJSON that QuPath reads; changes can be
// undone.
#pragma once

#include <QAbstractListModel>
#include <QList>
#include <QPolygonF>
#include <QString>

namespace fovea::gui {

struct Region {
  enum class Shape { kRectangle, kPolygon, kPoint };
  Shape shape = Shape::kPolygon;
  QPolygonF points;  ///< level-0 pixels; not closed; a rectangle has its four corners
  QString name;
  bool operator==(const Region&) const = default;
};

class RegionModel : public QAbstractListModel {
  Q_OBJECT

 public:
  using QAbstractListModel::QAbstractListModel;
  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;
  bool setData(const QModelIndex& index, const QVariant& value, int role) override;
  Qt::ItemFlags flags(const QModelIndex& index) const override;

  const QList<Region>& regions() const { return regions_; }
  void setMpp(double mpp);
  void add(Region region);
  void remove(int row);
  void undo();
  void redo();
  bool canUndo() const { return !undo_.isEmpty(); }
  bool canRedo() const { return !redo_.isEmpty(); }

  /// Where changes go, at once and atomically; what is there already is read. Error(kCorrupt) when that is no GeoJSON
  /// with regions: it is then left alone, and nothing is saved.
  void setFile(const QString& path);
  void saveTo(const QString& path) const;  ///< Error(kWriteFailed)

  QByteArray geoJson() const;
  static QList<Region> fromGeoJson(const QByteArray& text);  ///< Error(kCorrupt)

 Q_SIGNALS:
  void changed();
  /// Saving failed; the regions are still here.
  void saveFailed(const QString& sentence);

 private:
  void replace(QList<Region> regions);
  void apply(QList<Region> regions);
  QString measure(const Region& region) const;

  QList<Region> regions_;
  QList<QList<Region>> undo_, redo_;
  QString file_;
  double mpp_ = 0;
};

/// Square pixels, by the shoelace formula.
double polygonArea(const QPolygonF& points);

}  // namespace fovea::gui
