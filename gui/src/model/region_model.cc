#include "model/region_model.h"

#include <QFile>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>

#include <cmath>

#include <fovea/base/error.h>
#include <fovea/pipeline/text_file.h>

#include "model/failure.h"
#include "model/units.h"

namespace fovea::gui {
namespace {

constexpr int kMostUndo = 200;
constexpr const char* kSubject = "regions";

QJsonArray pair(const QPointF& point) {
  return {point.x(), point.y()};
}

QPointF point_of(const QJsonValue& value) {
  const QJsonArray pair = value.toArray();
  if (pair.size() < 2 || !pair[0].isDouble() || !pair[1].isDouble())
    throw Error(ErrorCode::kCorrupt, kSubject, "a position is no pair of numbers", "Export the file again.");
  return {pair[0].toDouble(), pair[1].toDouble()};
}

bool is_rectangle(const QPolygonF& p) {
  return p.size() == 4 && p[0].y() == p[1].y() && p[1].x() == p[2].x() && p[2].y() == p[3].y() && p[3].x() == p[0].x();
}

QJsonObject feature_of(const Region& region) {
  QJsonObject geometry;
  if (region.shape == Region::Shape::kPoint) {
    geometry = {{"type", "Point"}, {"coordinates", pair(region.points.value(0))}};
  } else {
    QJsonArray ring;
    for (const QPointF& point : region.points) ring.append(pair(point));
    ring.append(pair(region.points.value(0)));
    QJsonArray rings;
    rings.append(ring);
    geometry = {{"type", "Polygon"}, {"coordinates", rings}};
  }
  return {{"type", "Feature"},
          {"geometry", geometry},
          {"properties", QJsonObject{{"objectType", "annotation"}, {"name", region.name}}}};
}

}  // namespace

double polygonArea(const QPolygonF& points) {
  double twice = 0;
  for (qsizetype i = 0, j = points.size() - 1; i < points.size(); j = i++)
    twice += points[j].x() * points[i].y() - points[i].x() * points[j].y();
  return std::abs(twice) / 2;
}

int RegionModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(regions_.size());
}

QString RegionModel::measure(const Region& region) const {
  if (region.shape == Region::Shape::kPoint) return tr("point");
  const double area = polygonArea(region.points);
  return mpp_ > 0 ? areaText(area * mpp_ * mpp_) : tr("%1 px²").arg(std::lround(area));
}

QVariant RegionModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || index.row() >= regions_.size()) return {};
  const Region& region = regions_[index.row()];
  if (role == Qt::EditRole) return region.name;
  if (role == Qt::DisplayRole || role == Qt::AccessibleTextRole)
    return QStringLiteral("%1, %2").arg(region.name, measure(region));
  return {};
}

bool RegionModel::setData(const QModelIndex& index, const QVariant& value, int role) {
  if (role != Qt::EditRole || !index.isValid()) return false;
  QList<Region> next = regions_;
  next[index.row()].name = value.toString().left(200);
  replace(std::move(next));
  return true;
}

Qt::ItemFlags RegionModel::flags(const QModelIndex& index) const {
  return QAbstractListModel::flags(index) | Qt::ItemIsEditable;
}

void RegionModel::setMpp(double mpp) {
  mpp_ = mpp;
  if (!regions_.isEmpty()) Q_EMIT dataChanged(index(0), index(static_cast<int>(regions_.size()) - 1));
}

void RegionModel::apply(QList<Region> regions) {
  beginResetModel();
  regions_ = std::move(regions);
  endResetModel();
  Q_EMIT changed();
  if (file_.isEmpty()) return;
  try {
    saveTo(file_);
  } catch (const std::exception& error) {
    Q_EMIT saveFailed(failureOf(error).sentence);
  }
}

void RegionModel::replace(QList<Region> regions) {
  undo_.push_back(regions_);
  if (undo_.size() > kMostUndo) undo_.removeFirst();
  redo_.clear();
  apply(std::move(regions));
}

void RegionModel::add(Region region) {
  if (region.name.isEmpty()) region.name = tr("Region %1").arg(regions_.size() + 1);
  QList<Region> next = regions_;
  next.push_back(std::move(region));
  replace(std::move(next));
}

void RegionModel::remove(int row) {
  if (row < 0 || row >= regions_.size()) return;
  QList<Region> next = regions_;
  next.removeAt(row);
  replace(std::move(next));
}

void RegionModel::undo() {
  if (undo_.isEmpty()) return;
  redo_.push_back(regions_);
  apply(undo_.takeLast());
}

void RegionModel::redo() {
  if (redo_.isEmpty()) return;
  undo_.push_back(regions_);
  apply(redo_.takeLast());
}

void RegionModel::setFile(const QString& path) {
  file_.clear();
  undo_.clear();
  redo_.clear();
  apply({});
  if (path.isEmpty()) return;
  if (QFile file(path); file.exists()) {
    if (!file.open(QIODevice::ReadOnly))
      throw Error(ErrorCode::kNotFound, kSubject, "their file cannot be read", "Check its permissions.");
    apply(fromGeoJson(file.readAll()));
  }
  file_ = path;
}

QByteArray RegionModel::geoJson() const {
  QJsonArray features;
  for (const Region& region : regions_) features.append(feature_of(region));
  return QJsonDocument(QJsonObject{{"type", "FeatureCollection"}, {"features", features}}).toJson();
}

void RegionModel::saveTo(const QString& path) const {
  pipeline::write_text_file(path.toStdString(), geoJson().toStdString());
}

QList<Region> RegionModel::fromGeoJson(const QByteArray& text) {
  const QJsonDocument document = QJsonDocument::fromJson(text);
  const QJsonValue listed = document.object().value(QLatin1String("features"));
  if (!listed.isArray() && !document.isArray())
    throw Error(ErrorCode::kCorrupt, kSubject, "this is not GeoJSON with features", "Export the file again.");
  QList<Region> regions;
  const QJsonArray features = document.isArray() ? document.array() : listed.toArray();
  for (const QJsonValue& value : features) {
    const QJsonObject feature = value.toObject(), geometry = feature.value(QLatin1String("geometry")).toObject();
    const QString type = geometry.value(QLatin1String("type")).toString();
    const QJsonArray places = geometry.value(QLatin1String("coordinates")).toArray();
    Region region;
    region.name = feature.value(QLatin1String("properties")).toObject().value(QLatin1String("name")).toString();
    if (type == QLatin1String("Point")) {
      region.shape = Region::Shape::kPoint;
      region.points << point_of(places);
    } else if (type == QLatin1String("Polygon")) {
      for (const QJsonValue& point : places.at(0).toArray()) region.points << point_of(point);
      if (region.points.size() > 1 && region.points.first() == region.points.last()) region.points.removeLast();
      if (region.points.size() < 3) continue;
      if (is_rectangle(region.points)) region.shape = Region::Shape::kRectangle;
    } else {
      continue;
    }
    regions.push_back(std::move(region));
  }
  return regions;
}

}  // namespace fovea::gui
