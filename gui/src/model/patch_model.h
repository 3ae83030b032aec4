// The most attended tiles with their pictures, most attended first.
#pragma once

#include <QAbstractListModel>
#include <QIcon>
#include <QImage>

#include <memory>
#include <vector>

#include <fovea/pipeline/slide_view.h>

#include "model/attention_view.h"
#include "model/engine.h"

namespace fovea::gui {

class PatchModel : public QAbstractListModel {
  Q_OBJECT

 public:
  static constexpr int kPicturePx = 160;
  enum Role { kTile = Qt::UserRole, kRank, kWeight };

  explicit PatchModel(Engine& engine, QObject* parent = nullptr) : QAbstractListModel(parent), engine_(engine) {}
  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;

  /// Either may be null. Pictures come one by one.
  void show(std::shared_ptr<const pipeline::SlideView> slide, std::shared_ptr<const AttentionView> attention);
  /// Row of a tile, or -1 when it is not among these.
  int rowOf(qint64 tile) const;
  QImage picture(int row) const { return pictures_[static_cast<std::size_t>(row)]; }
  const AttentionView* attention() const { return attention_.get(); }

 private:
  void load(int row);

  Engine& engine_;
  std::shared_ptr<const pipeline::SlideView> slide_;
  std::shared_ptr<const AttentionView> attention_;
  std::vector<QImage> pictures_;
  std::vector<QIcon> icons_;  ///< the same, as a view scales them to its icon size
  int generation_ = 0;
};

/// "12 %", "0.34 %", "0.002 %": of the whole attention.
QString shareText(double share);

}  // namespace fovea::gui
