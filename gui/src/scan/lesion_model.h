// The lesions of a segmentation as a table that can be sorted and copied.
#pragma once

#include <QAbstractTableModel>

#include <memory>

#include <fovea/pipeline/volume_view.h>

namespace fovea::gui {

class LesionModel : public QAbstractTableModel {
  Q_OBJECT

 public:
  enum Column {
    kNumber,
    kLabel,
    kVolume,
    kLongest,
    kAxial,
    kWidth,
    kSide,
    kCentroid,
    kMeanProbability,
    kMaxProbability,
    kNote,
    kColumns
  };
  static constexpr int kSortRole = Qt::UserRole;  ///< numbers stay numbers

  explicit LesionModel(QObject* parent = nullptr) : QAbstractTableModel(parent) {}
  void setSegmentation(std::shared_ptr<const pipeline::ViewSegmentation> segmentation);

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : kColumns; }
  QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

 private:
  QString text(const pipeline::ViewLesion& lesion, int row, int column) const;
  QVariant sortValue(const pipeline::ViewLesion& lesion, int row, int column) const;

  std::shared_ptr<const pipeline::ViewSegmentation> segmentation_;
};

/// Rows of the model as CSV with a heading, in the order given.
QString lesion_csv(const QAbstractItemModel& model, const QList<int>& rows);

}  // namespace fovea::gui
