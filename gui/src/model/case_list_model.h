// The case list as it is shown: filtered, light enough for tens of thousands of cases.
#pragma once

#include <QAbstractListModel>
#include <QHash>

#include <vector>

#include "model/case_record.h"
#include "model/case_store.h"

namespace fovea::gui {

class CaseListModel : public QAbstractListModel {
  Q_OBJECT

 public:
  enum Role { kId = Qt::UserRole, kKind, kState, kStateText, kReason, kPercent, kSubtitle };

  /// `store` is borrowed.
  explicit CaseListModel(CaseStore& store, QObject* parent = nullptr);

  int rowCount(const QModelIndex& parent = {}) const override;
  QVariant data(const QModelIndex& index, int role) const override;

  /// Words that must all occur in pseudonym, state, or (where names are shown) the file name.
  void setFilter(const QString& text);
  void setNamesShown(bool shown);

  QList<qint64> add(const QList<CaseRecord>& cases);
  void update(const CaseRecord& record);
  void remove(qint64 id);
  int relocate(const QString& before, const QString& after);
  /// Of a running case; not stored. < 0: unknown.
  void setPercent(qint64 id, int percent);

  const CaseRecord* record(qint64 id) const;
  const CaseRecord* at(const QModelIndex& index) const;
  QModelIndex indexOf(qint64 id) const;
  int count() const { return static_cast<int>(records_.size()); }
  CaseStore& store() { return store_; }

 private:
  void reload();
  void refilter();
  bool passes(const CaseRecord& record) const;
  QString subtitle(const CaseRecord& record) const;

  CaseStore& store_;
  QList<CaseRecord> records_;  // newest first
  QHash<qint64, int> row_of_;  // place in records_
  std::vector<int> shown_;
  QHash<qint64, int> percent_;
  QString filter_;
  bool names_shown_ = false;
};

QString stateText(CaseState state);

}  // namespace fovea::gui
