// growth.json as a table: all lesions together, then each.
#pragma once

#include <QAbstractTableModel>

#include <optional>

#include <fovea/pipeline/volume_view.h>

namespace fovea::gui {

class GrowthModel : public QAbstractTableModel {
  Q_OBJECT

 public:
  enum Column { kWhat, kVerdict, kBefore, kAfter, kChange, kPercent, kDoubling, kColumns };

  explicit GrowthModel(QObject* parent = nullptr) : QAbstractTableModel(parent) {}
  void setGrowth(std::optional<pipeline::ViewGrowth> growth);

  int rowCount(const QModelIndex& parent = {}) const override;
  int columnCount(const QModelIndex& parent = {}) const override { return parent.isValid() ? 0 : kColumns; }
  QVariant data(const QModelIndex& index, int role = Qt::DisplayRole) const override;
  QVariant headerData(int section, Qt::Orientation orientation, int role = Qt::DisplayRole) const override;

  /// Where the row's lesion lies; nothing for the total.
  std::optional<pipeline::ViewPoint> centroid(int row) const;
  /// "1.30 ml, 184 days later 1.72 ml: +0.42 ± 0.11 ml (+32.3 %), grown"
  QString summary() const;

 private:
  const pipeline::ViewGrowth::Change& change(int row) const;
  int totals() const { return growth_ && growth_->total ? 1 : 0; }

  std::optional<pipeline::ViewGrowth> growth_;
};

}  // namespace fovea::gui
