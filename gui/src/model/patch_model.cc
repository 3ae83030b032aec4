#include "model/patch_model.h"

#include <QLocale>

#include <algorithm>
#include <cmath>

namespace fovea::gui {
namespace {

QImage read_patch(const pipeline::SlideView& slide, double x, double y, double edge_px, std::stop_token stop) {
  const auto& levels = slide.info().levels;
  int level = 0;
  for (std::size_t i = 1; i < levels.size(); ++i)
    if (edge_px / levels[i].downsample >= PatchModel::kPicturePx) level = static_cast<int>(i);
  const int edge =
      std::clamp(static_cast<int>(std::lround(edge_px / levels[static_cast<std::size_t>(level)].downsample)), 1, 2048);
  const io::Image read = slide.read_region(level, x, y, edge, edge, std::move(stop));
  const QImage view(read.pixels.data(), read.width, read.height, 3 * read.width, QImage::Format_RGB888);
  return view.scaled(PatchModel::kPicturePx, PatchModel::kPicturePx, Qt::IgnoreAspectRatio, Qt::SmoothTransformation)
      .convertToFormat(QImage::Format_RGB32);
}

}  // namespace

QString shareText(double share) {
  const double percent = 100 * share;
  const int decimals = percent >= 10 ? 0 : percent >= 1 ? 1 : percent >= 0.1 ? 2 : 3;
  return QLocale().toString(percent, 'f', decimals) + QStringLiteral(" %");
}

int PatchModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() || !attention_ ? 0 : static_cast<int>(attention_->top.size());
}

QVariant PatchModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || index.row() >= rowCount()) return {};
  const auto row = static_cast<std::size_t>(index.row());
  const std::int64_t tile = attention_->top[row];
  const double weight = attention_->attention[static_cast<std::size_t>(tile)];
  switch (role) {
    case Qt::DisplayRole: return tr("%1.  %2").arg(index.row() + 1).arg(shareText(weight));
    case Qt::AccessibleTextRole: return tr("Place %1, %2 of the attention").arg(index.row() + 1).arg(shareText(weight));
    case Qt::DecorationRole: return icons_[row];
    case kTile: return QVariant::fromValue<qint64>(tile);
    case kRank: return index.row() + 1;
    case kWeight: return weight;
    default: return {};
  }
}

void PatchModel::show(std::shared_ptr<const pipeline::SlideView> slide,
                      std::shared_ptr<const AttentionView> attention) {
  beginResetModel();
  slide_ = std::move(slide), attention_ = std::move(attention);
  QImage empty(kPicturePx, kPicturePx, QImage::Format_RGB32);
  empty.fill(0xff808890);
  pictures_.assign(attention_ ? attention_->top.size() : 0, empty);
  icons_.assign(pictures_.size(), QIcon(QPixmap::fromImage(empty)));
  ++generation_;
  endResetModel();
  if (slide_ && rowCount() > 0) load(0);
}

void PatchModel::load(int row) {
  const std::int64_t tile = attention_->top[static_cast<std::size_t>(row)];
  const auto& coords = attention_->result->coords;
  const auto at = static_cast<std::size_t>(2 * tile);
  const auto x = static_cast<double>(coords[at]), y = static_cast<double>(coords[at + 1]);
  const int generation = generation_;
  const auto next = [this, row, generation] {
    if (generation == generation_ && row + 1 < rowCount()) load(row + 1);
  };
  engine_.ask(
      this,
      [slide = slide_, x, y, edge = attention_->result->footprint_px](std::stop_token stop) {
        return read_patch(*slide, x, y, edge, std::move(stop));
      },
      [this, row, generation, next](QImage picture) {
        if (generation != generation_) return;
        icons_[static_cast<std::size_t>(row)] = QIcon(QPixmap::fromImage(picture));
        pictures_[static_cast<std::size_t>(row)] = std::move(picture);
        Q_EMIT dataChanged(index(row), index(row), {Qt::DecorationRole});
        next();
      },
      [next](const Failure&) { next(); });
}

int PatchModel::rowOf(qint64 tile) const {
  if (!attention_) return -1;
  const auto found = std::find(attention_->top.begin(), attention_->top.end(), tile);
  return found == attention_->top.end() ? -1 : static_cast<int>(found - attention_->top.begin());
}

}  // namespace fovea::gui
