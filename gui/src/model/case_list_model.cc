#include "model/case_list_model.h"

#include <QDateTime>
#include <QFileInfo>
#include <QLocale>
#include <QSet>

#include <algorithm>

namespace fovea::gui {

QString stateText(CaseState state) {
  switch (state) {
    case CaseState::kNew: return CaseListModel::tr("new");
    case CaseState::kQueued: return CaseListModel::tr("queued");
    case CaseState::kRunning: return CaseListModel::tr("running");
    case CaseState::kDone: return CaseListModel::tr("done");
    case CaseState::kFailed: return CaseListModel::tr("failed");
  }
  return {};
}

CaseListModel::CaseListModel(CaseStore& store, QObject* parent) : QAbstractListModel(parent), store_(store) {
  reload();
}

void CaseListModel::reload() {
  beginResetModel();
  records_ = store_.all();
  row_of_.clear();
  row_of_.reserve(records_.size());
  for (int i = 0; i < records_.size(); ++i) row_of_.insert(records_[i].id, i);
  refilter();
  endResetModel();
}

void CaseListModel::refilter() {
  shown_.clear();
  for (int i = 0; i < records_.size(); ++i)
    if (passes(records_[i])) shown_.push_back(i);
}

bool CaseListModel::passes(const CaseRecord& record) const {
  if (filter_.isEmpty()) return true;
  QString text = record.pseudonym + QLatin1Char(' ') + stateText(record.state) + QLatin1Char(' ') +
                 (record.kind == CaseKind::kSlide ? tr("slide") : tr("scan")) + QLatin1Char(' ') + record.patient;
  if (names_shown_) text += QLatin1Char(' ') + QFileInfo(record.path).fileName();
  const QStringList words = filter_.split(QLatin1Char(' '), Qt::SkipEmptyParts);
  return std::all_of(words.begin(), words.end(),
                     [&](const QString& word) { return text.contains(word, Qt::CaseInsensitive); });
}

int CaseListModel::rowCount(const QModelIndex& parent) const {
  return parent.isValid() ? 0 : static_cast<int>(shown_.size());
}

QString CaseListModel::subtitle(const CaseRecord& record) const {
  if (names_shown_) return QFileInfo(record.path).fileName();
  const QString kind = record.kind == CaseKind::kSlide ? tr("Slide") : tr("Scan");
  if (!record.patient.isEmpty()) return tr("%1, patient %2").arg(kind, record.patient.left(4).toUpper());
  return tr("%1, added %2")
      .arg(kind, QLocale().toString(QDateTime::fromSecsSinceEpoch(record.added).date(), QLocale::ShortFormat));
}

QVariant CaseListModel::data(const QModelIndex& index, int role) const {
  const CaseRecord* r = at(index);
  if (!r) return {};
  switch (role) {
    case Qt::DisplayRole: return r->pseudonym;
    case Qt::ToolTipRole: return r->state == CaseState::kFailed ? r->reason : QVariant();
    case Qt::AccessibleTextRole:
      return QStringLiteral("%1, %2, %3").arg(r->pseudonym, subtitle(*r), data(index, kStateText).toString());
    case kId: return r->id;
    case kKind: return static_cast<int>(r->kind);
    case kState: return static_cast<int>(r->state);
    case kReason: return r->reason;
    case kPercent: return percent_.value(r->id, -1);
    case kSubtitle: return subtitle(*r);
    case kStateText: {
      const int percent = percent_.value(r->id, -1);
      if (r->state == CaseState::kRunning && percent >= 0) return tr("running, %1 %").arg(percent);
      return stateText(r->state);
    }
    default: return {};
  }
}

const CaseRecord* CaseListModel::at(const QModelIndex& index) const {
  if (!index.isValid() || index.row() >= static_cast<int>(shown_.size())) return nullptr;
  return &records_[shown_[static_cast<std::size_t>(index.row())]];
}

const CaseRecord* CaseListModel::record(qint64 id) const {
  const auto found = row_of_.find(id);
  return found == row_of_.end() ? nullptr : &records_[*found];
}

QModelIndex CaseListModel::indexOf(qint64 id) const {
  const auto found = row_of_.find(id);
  if (found == row_of_.end()) return {};
  const auto place = std::lower_bound(shown_.begin(), shown_.end(), *found);
  if (place == shown_.end() || *place != *found) return {};
  return index(static_cast<int>(place - shown_.begin()));
}

void CaseListModel::setFilter(const QString& text) {
  beginResetModel();
  filter_ = text.trimmed();
  refilter();
  endResetModel();
}

void CaseListModel::setNamesShown(bool shown) {
  beginResetModel();
  names_shown_ = shown;
  refilter();
  endResetModel();
}

QList<qint64> CaseListModel::add(const QList<CaseRecord>& cases) {
  const QList<qint64> ids = store_.add(cases);
  QList<CaseRecord> records;  // the new ones, newest first
  for (const qint64 id : QSet<qint64>(ids.begin(), ids.end()))
    if (!row_of_.contains(id)) records.push_back(*store_.find(id));
  std::sort(records.begin(), records.end(), [](const auto& a, const auto& b) { return a.id > b.id; });
  const int count = static_cast<int>(records.size());
  std::vector<int> shown;
  for (int i = 0; i < count; ++i)
    if (passes(records[i])) shown.push_back(i);
  // Inserted, not read anew: what is selected stays, and a folder of thousands comes in pieces.
  const int rows = static_cast<int>(shown.size());
  if (rows > 0) beginInsertRows({}, 0, rows - 1);
  records_ = records + records_;
  for (int i = 0; i < records_.size(); ++i) row_of_.insert(records_[i].id, i);
  for (const int row : shown_) shown.push_back(row + count);
  shown_ = std::move(shown);
  if (rows > 0) endInsertRows();
  return ids;
}

void CaseListModel::update(const CaseRecord& record) {
  store_.update(record);
  const auto found = row_of_.find(record.id);
  if (found == row_of_.end()) return;
  records_[*found] = record;
  if (record.state != CaseState::kRunning) percent_.remove(record.id);
  if (const QModelIndex index = indexOf(record.id); index.isValid()) Q_EMIT dataChanged(index, index);
}

void CaseListModel::remove(qint64 id) {
  store_.remove(id);
  reload();
}

int CaseListModel::relocate(const QString& before, const QString& after) {
  const int moved = store_.relocate(before, after);
  reload();
  return moved;
}

void CaseListModel::setPercent(qint64 id, int percent) {
  if (percent_.value(id, -1) == percent) return;
  percent_[id] = percent;
  if (const QModelIndex index = indexOf(id); index.isValid()) Q_EMIT dataChanged(index, index, {kPercent, kStateText});
}

}  // namespace fovea::gui
