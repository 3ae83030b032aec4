#include "scan/growth_model.h"

#include "scan/number_text.h"

namespace fovea::gui {
namespace {

QString signed_text(double value, int decimals) {
  const QString text = number_text(value, decimals);
  return value > 0 && text.toDouble() != 0 ? '+' + text : text;
}

QString change_text(const pipeline::ViewGrowth::Change& change) {
  return signed_text(change.change_ml, 3) + QStringLiteral(" ± ") + number_text(change.change_uncertainty_ml, 3);
}

}  // namespace

void GrowthModel::setGrowth(std::optional<pipeline::ViewGrowth> growth) {
  beginResetModel();
  growth_ = std::move(growth);
  endResetModel();
}

int GrowthModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() || !growth_ ? 0 : totals() + static_cast<int>(growth_->lesions.size());
}

const pipeline::ViewGrowth::Change& GrowthModel::change(int row) const {
  return row < totals() ? *growth_->total : growth_->lesions[static_cast<std::size_t>(row - totals())];
}

std::optional<pipeline::ViewPoint> GrowthModel::centroid(int row) const {
  return row >= 0 && row < rowCount() ? change(row).centroid_lps_mm : std::nullopt;
}

QVariant GrowthModel::data(const QModelIndex& index, int role) const {
  if (!index.isValid() || index.row() >= rowCount()) return {};
  const auto& c = change(index.row());
  if (role == Qt::TextAlignmentRole)
    return QVariant(Qt::AlignVCenter | (index.column() <= kVerdict ? Qt::AlignLeft : Qt::AlignRight));
  if (role != Qt::DisplayRole) return {};
  switch (index.column()) {
    case kWhat: return index.row() < totals() ? tr("all") : tr("lesion %1").arg(index.row() - totals() + 1);
    case kVerdict:
      if (c.verdict == "new") return tr("new");
      if (c.verdict == "vanished") return tr("vanished");
      if (c.verdict == "grown") return tr("grown");
      if (c.verdict == "shrunk") return tr("shrunk");
      return c.verdict == "no certain change" ? tr("no certain change") : QString::fromStdString(c.verdict);
    case kBefore: return number_text(c.before_ml, 3);
    case kAfter: return number_text(c.after_ml, 3);
    case kChange: return change_text(c);
    case kPercent: return c.change_percent ? signed_text(*c.change_percent, 1) : QStringLiteral("–");
    case kDoubling: return c.doubling_days ? number_text(*c.doubling_days, 0) : QStringLiteral("–");
    default: return {};
  }
}

QVariant GrowthModel::headerData(int section, Qt::Orientation orientation, int role) const {
  if (orientation != Qt::Horizontal || role != Qt::DisplayRole) return {};
  switch (section) {
    case kWhat: return tr("What");
    case kVerdict: return tr("Verdict");
    case kBefore: return tr("Before, ml");
    case kAfter: return tr("After, ml");
    case kChange: return tr("Change, ml");
    case kPercent: return tr("Change, %");
    case kDoubling: return tr("Doubling, days");
    default: return {};
  }
}

QString GrowthModel::summary() const {
  if (!growth_) return tr("No growth.json: run fovea mri growth for the change in ml.");
  if (!growth_->total) return tr("Neither outline holds a lesion.");
  const auto& all = *growth_->total;
  QString text = tr("%1 ml, %2 days later %3 ml: %4 ml")
                     .arg(number_text(all.before_ml, 3), number_text(growth_->days, 0), number_text(all.after_ml, 3),
                          change_text(all));
  if (all.change_percent) text += tr(" (%1 %)").arg(signed_text(*all.change_percent, 1));
  return text + ", " + data(index(0, kVerdict)).toString();
}

}  // namespace fovea::gui
