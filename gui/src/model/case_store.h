// The case list on disk: SQLite, safe against crashes, for one program at a time.
#pragma once

#include <QList>
#include <QLockFile>
#include <QSqlDatabase>
#include <QString>

#include <optional>

#include "model/case_record.h"

namespace fovea::gui {

/// Every change is one transaction (WAL, synchronous). Files are 0600. Errors are fovea::Error.
class CaseStore {
 public:
  static constexpr int kSchema = 1;

  /// Opens or makes `folder`/cases.sqlite. Error(kUnsupported) when a newer version wrote it, Error(kUsage) when
  /// another program has it open, Error(kCorrupt) or Error(kWriteFailed).
  explicit CaseStore(const QString& folder);
  ~CaseStore();
  CaseStore(const CaseStore&) = delete;
  CaseStore& operator=(const CaseStore&) = delete;

  QList<CaseRecord> all() const;  ///< newest first
  /// In one transaction. A path that is there already is left as it is; returns the ids of all, old and new. Fills
  /// pseudonym and time of new ones.
  QList<qint64> add(const QList<CaseRecord>& cases);
  void update(const CaseRecord& record);
  void remove(qint64 id);
  std::optional<CaseRecord> find(qint64 id) const;

  /// Cases whose path begins with `before` get `after` instead where that exists, in one transaction. Returns how many.
  int relocate(const QString& before, const QString& after);
  /// After a crash: what was running failed, what was queued is queued still. Returns the queued ones, oldest first.
  QList<CaseRecord> recover();

  const QString& folder() const { return folder_; }

 private:
  QSqlQuery run(const QString& sql, const QVariantList& values = {}) const;
  void prepare_schema();

  QString folder_;
  QLockFile lock_;
  QSqlDatabase database_;
};

}  // namespace fovea::gui
