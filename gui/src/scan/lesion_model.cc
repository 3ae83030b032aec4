#include "scan/lesion_model.h"

#include <QColor>

#include "scan/number_text.h"

namespace fovea::gui {
namespace {

QString or_dash(const std::optional<double>& value, int decimals) {
  return value ? number_text(*value, decimals) : QStringLiteral("–");
}

QString csv_cell(QString text) {
  text.replace(QChar(0x2212), '-');  // programs read a plain minus
  if (text.contains(',') || text.contains('"') || text.contains('\n'))
    text = '"' + text.replace('"', QStringLiteral("\"\"")) + '"';
  return text;
}

}  // namespace

void LesionModel::setSegmentation(std::shared_ptr<const pipeline::ViewSegmentation> segmentation) {
  beginResetModel();
  segmentation_ = std::move(segmentation);
  endResetModel();
}

int LesionModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() || !segmentation_ ? 0 : static_cast<int>(segmentation_->lesions.size());
}

QString LesionModel::text(const pipeline::ViewLesion& lesion, int row, int column) const {
  switch (column) {
    case kNumber: return QString::number(row + 1);
    case kLabel: return QString::fromStdString(lesion.name);
    case kVolume: return number_text(lesion.volume_ml, 3);
    case kLongest: return number_text(lesion.longest_diameter_mm, 1);
    case kAxial: return number_text(lesion.longest_axial_diameter_mm, 1);
    case kWidth: return number_text(lesion.axial_width_mm, 1);
    case kSide:
      if (lesion.laterality == "left") return tr("left");
      if (lesion.laterality == "right") return tr("right");
      return lesion.laterality == "midline" ? tr("midline") : QStringLiteral("–");
    case kCentroid:
      return QStringLiteral("%1, %2, %3")
          .arg(number_text(lesion.centroid_lps_mm[0], 1), number_text(lesion.centroid_lps_mm[1], 1),
               number_text(lesion.centroid_lps_mm[2], 1));
    case kMeanProbability: return or_dash(lesion.mean_probability, 2);
    case kMaxProbability: return or_dash(lesion.max_probability, 2);
    case kNote: return lesion.below_size_limit ? tr("below size limit") : QString();
    default: return {};
  }
}

QVariant LesionModel::sortValue(const pipeline::ViewLesion& lesion, int row, int column) const {
  switch (column) {
    case kNumber: return row;
    case kVolume: return lesion.volume_ml;
    case kLongest: return lesion.longest_diameter_mm;
    case kAxial: return lesion.longest_axial_diameter_mm;
    case kWidth: return lesion.axial_width_mm;
    case kCentroid: return lesion.centroid_lps_mm[2];  // from below upwards, as slices are read
    case kMeanProbability: return lesion.mean_probability.value_or(-1);
    case kMaxProbability: return lesion.max_probability.value_or(-1);
    default: return text(lesion, row, column);
  }
}

QVariant LesionModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || index.row() >= rowCount()) return {};
  const pipeline::ViewLesion& lesion = segmentation_->lesions[static_cast<std::size_t>(index.row())];
  const int column = index.column();
  switch (role) {
    case Qt::DisplayRole: return text(lesion, index.row(), column);
    case kSortRole: return sortValue(lesion, index.row(), column);
    case Qt::DecorationRole:
      return column == kLabel ? QVariant(QColor(pipeline::label_colour(lesion.label))) : QVariant();
    case Qt::TextAlignmentRole:
      return QVariant(Qt::AlignVCenter |
                      (column == kLabel || column == kSide || column == kNote ? Qt::AlignLeft : Qt::AlignRight));
    default: return {};
  }
}

QVariant LesionModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal) return {};
  if (role == Qt::ToolTipRole) switch (section) {
      case kLongest: return tr("Largest distance between two voxel centres of the lesion");
      case kAxial: return tr("The same within one axial slice");
      case kWidth: return tr("Extent across it within that slice");
      case kSide: return tr("Side of the plane of best mirror symmetry");
      case kCentroid: return tr("Left, posterior and superior are positive");
      case kMeanProbability:
      case kMaxProbability: return tr("The network's own probability");
      default: return {};
    }
  if (role != Qt::DisplayRole) return {};
  switch (section) {
    case kNumber: return tr("#");
    case kLabel: return tr("Label");
    case kVolume: return tr("Volume, ml");
    case kLongest: return tr("Longest, mm");
    case kAxial: return tr("Axial, mm");
    case kWidth: return tr("Width, mm");
    case kSide: return tr("Side");
    case kCentroid: return tr("Centroid LPS, mm");
    case kMeanProbability: return tr("Mean p");
    case kMaxProbability: return tr("Max p");
    case kNote: return tr("Note");
    default: return {};
  }
}

QString lesion_csv(const QAbstractItemModel& model, const QList<int>& rows) {
  const auto line = [&](const auto& cell) {
    QStringList cells;
    for (int column = 0; column < model.columnCount(); ++column) cells << csv_cell(cell(column));
    return cells.join(',') + '\n';
  };
  QString csv = line([&](int column) { return model.headerData(column, Qt::Horizontal).toString(); });
  for (const int row : rows) csv += line([&](int column) { return model.index(row, column).data().toString(); });
  return csv;
}

}  // namespace fovea::gui
