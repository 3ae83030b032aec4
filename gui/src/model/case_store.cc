#include "model/case_store.h"

#include <QCoreApplication>
#include <QDateTime>
#include <QDir>
#include <QFile>
#include <QFileInfo>
#include <QSqlError>
#include <QSqlQuery>
#include <QVariant>

#include <atomic>

#include <fovea/base/error.h>

namespace fovea::gui {
namespace {

constexpr const char* kSubject = "case list";
constexpr const char* kColumns =
    "id, kind, path, pseudonym, patient, added, state, reason, result, request, mpp, bytes";

struct Tr {
  Q_DECLARE_TR_FUNCTIONS(CaseStore)
};

CaseRecord record_of(const QSqlQuery& row) {
  CaseRecord record;
  record.id = row.value(0).toLongLong();
  record.kind = static_cast<CaseKind>(row.value(1).toInt());
  record.path = row.value(2).toString(), record.pseudonym = row.value(3).toString();
  record.patient = row.value(4).toString(), record.added = row.value(5).toLongLong();
  record.state = static_cast<CaseState>(row.value(6).toInt());
  record.reason = row.value(7).toString(), record.result = row.value(8).toString();
  record.request = row.value(9).toString(), record.mpp = row.value(10).toDouble();
  record.bytes = row.value(11).toLongLong();
  return record;
}

/// All or nothing; rolled back unless committed.
class Transaction {
 public:
  explicit Transaction(const QSqlDatabase& database) : database_(database) { database_.transaction(); }
  ~Transaction() {
    if (!done_) database_.rollback();
  }
  void commit() {
    if (!database_.commit())
      throw Error(ErrorCode::kWriteFailed, kSubject, "the change could not be stored",
                  "Check the free space of the disk it lies on.");
    done_ = true;
  }

 private:
  QSqlDatabase database_;
  bool done_ = false;
};

QString prepared(const QString& folder) {
  QDir dir(folder);
  if (!dir.mkpath(QStringLiteral(".")))
    throw Error(ErrorCode::kWriteFailed, kSubject, "its folder cannot be made", "Choose another with --home.");
  QFile::setPermissions(folder, QFile::ReadOwner | QFile::WriteOwner | QFile::ExeOwner);
  return dir.absolutePath();
}

}  // namespace

CaseStore::CaseStore(const QString& folder)
    : folder_(prepared(folder)), lock_(folder_ + QStringLiteral("/cases.lock")) {
  lock_.setStaleLockTime(0);  // a lock is stale when its process is gone, never by age
  if (!lock_.tryLock(0)) {
    if (lock_.error() != QLockFile::LockFailedError)
      throw Error(ErrorCode::kWriteFailed, kSubject, "its folder cannot be written", "Choose another with --home.");
    throw Error(ErrorCode::kUsage, kSubject, "another Fovea window has it open", "Close that window first.");
  }
  static std::atomic<int> number{0};
  database_ = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), QStringLiteral("cases%1").arg(number++));
  if (!database_.isValid())
    throw Error(ErrorCode::kNotFound, kSubject, "Qt's SQLite driver is not installed", "Install libqt6sql6-sqlite.");
  const QString file = folder_ + QStringLiteral("/cases.sqlite");
  if (!QFile::exists(file)) {
    QFile fresh(file);
    fresh.open(QIODevice::WriteOnly);
    fresh.setPermissions(QFile::ReadOwner | QFile::WriteOwner);
  }
  database_.setDatabaseName(file);
  if (!database_.open())
    throw Error(ErrorCode::kCorrupt, kSubject, "it cannot be opened", "Choose another folder with --home.");
  prepare_schema();
}

CaseStore::~CaseStore() {
  const QString name = database_.connectionName();
  database_.close();
  database_ = QSqlDatabase();
  QSqlDatabase::removeDatabase(name);
}

QSqlQuery CaseStore::run(const QString& sql, const QVariantList& values) const {
  QSqlQuery query(database_);
  query.setForwardOnly(true);
  bool good = query.prepare(sql);
  for (const QVariant& value : values) query.addBindValue(value);
  good = good && query.exec();
  if (!good) {
    const QString native = query.lastError().nativeErrorCode();
    if (native == QLatin1String("11") || native == QLatin1String("26"))
      throw Error(ErrorCode::kCorrupt, kSubject, "its file is damaged", "Put back a copy, or choose another folder.");
    throw Error(ErrorCode::kWriteFailed, kSubject,
                "it could not be read or written (" + query.lastError().text().toStdString() + ")",
                "Check the disk it lies on.");
  }
  return query;
}

void CaseStore::prepare_schema() {
  run(QStringLiteral("PRAGMA journal_mode=WAL"));
  run(QStringLiteral("PRAGMA synchronous=FULL"));
  QSqlQuery version = run(QStringLiteral("PRAGMA user_version"));
  version.next();
  const int found = version.value(0).toInt();
  version.finish();
  if (found > kSchema)
    throw Error(ErrorCode::kUnsupported, kSubject, "a newer version of Fovea wrote it",
                "Use that version, or another folder with --home.");
  if (found == kSchema) return;
  Transaction transaction(database_);
  run(
      QStringLiteral("CREATE TABLE cases (id INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, "
                     "path TEXT NOT NULL UNIQUE, pseudonym TEXT NOT NULL UNIQUE, patient TEXT NOT NULL, "
                     "added INTEGER NOT NULL, state INTEGER NOT NULL, reason TEXT NOT NULL, result TEXT NOT NULL, "
                     "request TEXT NOT NULL, mpp REAL NOT NULL, bytes INTEGER NOT NULL)"));
  run(QStringLiteral("PRAGMA user_version=%1").arg(kSchema));
  transaction.commit();
}

QList<CaseRecord> CaseStore::all() const {
  QSqlQuery query = run(QStringLiteral("SELECT %1 FROM cases ORDER BY id DESC").arg(QLatin1String(kColumns)));
  QList<CaseRecord> records;
  while (query.next()) records.push_back(record_of(query));
  return records;
}

QList<qint64> CaseStore::add(const QList<CaseRecord>& cases) {
  Transaction transaction(database_);
  QList<qint64> ids;
  for (const CaseRecord& record : cases) {
    QSqlQuery known = run(QStringLiteral("SELECT id FROM cases WHERE path = ?"), {record.path});
    if (known.next()) {
      ids.push_back(known.value(0).toLongLong());
      continue;
    }
    QSqlQuery last = run(QStringLiteral("SELECT COALESCE(MAX(seq), 0) FROM sqlite_sequence WHERE name = 'cases'"));
    const qint64 next = last.next() ? last.value(0).toLongLong() + 1 : 1;
    const QString letter = record.kind == CaseKind::kSlide ? QStringLiteral("S") : QStringLiteral("M");
    const QString pseudonym = QStringLiteral("%1-%2").arg(letter).arg(next, 4, 10, QLatin1Char('0'));
    QSqlQuery added = run(QStringLiteral("INSERT INTO cases (kind, path, pseudonym, patient, added, state, reason, "
                                         "result, request, mpp, bytes) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"),
                          {static_cast<int>(record.kind), record.path, pseudonym,
                           record.patient.isNull() ? QStringLiteral("") : record.patient,
                           record.added ? record.added : QDateTime::currentSecsSinceEpoch(), 0, QStringLiteral(""),
                           QStringLiteral(""), QStringLiteral(""), record.mpp, record.bytes});
    ids.push_back(added.lastInsertId().toLongLong());
  }
  transaction.commit();
  return ids;
}

void CaseStore::update(const CaseRecord& r) {
  const auto text = [](const QString& value) { return value.isNull() ? QStringLiteral("") : value; };
  Transaction transaction(database_);
  run(QStringLiteral("UPDATE cases SET path = ?, pseudonym = ?, state = ?, reason = ?, result = ?, request = ?, "
                     "mpp = ?, bytes = ? WHERE id = ?"),
      {r.path, r.pseudonym, static_cast<int>(r.state), text(r.reason), text(r.result), text(r.request), r.mpp, r.bytes,
       r.id});
  transaction.commit();
}

void CaseStore::remove(qint64 id) {
  Transaction transaction(database_);
  run(QStringLiteral("DELETE FROM cases WHERE id = ?"), {id});
  transaction.commit();
}

std::optional<CaseRecord> CaseStore::find(qint64 id) const {
  QSqlQuery query = run(QStringLiteral("SELECT %1 FROM cases WHERE id = ?").arg(QLatin1String(kColumns)), {id});
  if (!query.next()) return {};
  return record_of(query);
}

int CaseStore::relocate(const QString& before, const QString& after) {
  Transaction transaction(database_);
  int moved = 0;
  for (const CaseRecord& record : all()) {
    const bool below = record.path == before || record.path.startsWith(before + QLatin1Char('/'));
    if (!below || QFileInfo::exists(record.path)) continue;
    const QString path = after + record.path.mid(before.size());
    if (!QFileInfo::exists(path)) continue;
    run(QStringLiteral("UPDATE OR IGNORE cases SET path = ? WHERE id = ?"), {path, record.id});
    ++moved;
  }
  transaction.commit();
  return moved;
}

QList<CaseRecord> CaseStore::recover() {
  const int running = static_cast<int>(CaseState::kRunning), failed = static_cast<int>(CaseState::kFailed);
  {
    Transaction transaction(database_);
    run(QStringLiteral("UPDATE cases SET state = ?, reason = ? WHERE state = ?"),
        {failed, Tr::tr("The program ended while this case ran. Run it again."), running});
    transaction.commit();
  }
  QSqlQuery query = run(QStringLiteral("SELECT %1 FROM cases WHERE state = ? ORDER BY id").arg(QLatin1String(kColumns)),
                        {static_cast<int>(CaseState::kQueued)});
  QList<CaseRecord> queued;
  while (query.next()) queued.push_back(record_of(query));
  return queued;
}

}  // namespace fovea::gui
