// The case list: what a crash, a newer version, a second window and moved files do to it.
#include <QElapsedTimer>
#include <QFile>
#include <QFileInfo>
#include <QSqlDatabase>
#include <QSqlQuery>

#include <cstdlib>

#include <sys/wait.h>
#include <unistd.h>

#include <fovea/base/error.h>

#include "gui_test.h"
#include "model/case_list_model.h"
#include "model/region_model.h"

namespace fovea::gui {
namespace {

CaseRecord slide(const QString& path) {
  CaseRecord record;
  record.path = path;
  return record;
}

class CaseStoreTest : public testing::Test {
 protected:
  CaseStoreTest() { test::application(); }
  QString path(const char* name) const { return home_.filePath(QLatin1String(name)); }
  void make(const QString& file) {
    QDir().mkpath(QFileInfo(file).path());
    QFile made(file);
    ASSERT_TRUE(made.open(QIODevice::WriteOnly));
  }
  QTemporaryDir home_;
};

TEST_F(CaseStoreTest, KeepsCasesUnderPseudonyms) {
  {
    CaseStore store(home_.path());
    const auto ids = store.add({slide(QStringLiteral("/a.svs")), slide(QStringLiteral("/b.svs"))});
    CaseRecord second = *store.find(ids[1]);
    second.state = CaseState::kDone, second.result = QStringLiteral("/r");
    store.update(second);
    EXPECT_EQ(store.add({slide(QStringLiteral("/a.svs"))}).first(), ids[0]) << "a path is one case";
  }
  CaseStore again(home_.path());
  const auto all = again.all();
  ASSERT_EQ(all.size(), 2);
  EXPECT_EQ(all[0].pseudonym, QStringLiteral("S-0002"));
  EXPECT_EQ(all[0].state, CaseState::kDone);
  again.remove(all[0].id);
  const auto next = again.add({slide(QStringLiteral("/c.svs"))});
  EXPECT_EQ(again.find(next[0])->pseudonym, QStringLiteral("S-0003")) << "a pseudonym is never used twice";
}

TEST_F(CaseStoreTest, IsReadableByItsOwnerOnly) {
  const CaseStore store(home_.path());
  const auto others = QFile::ReadGroup | QFile::ReadOther | QFile::WriteGroup | QFile::WriteOther;
  for (const char* name : {"cases.sqlite", "cases.sqlite-wal"})
    EXPECT_FALSE(QFile::permissions(path(name)) & others) << name;
}

TEST_F(CaseStoreTest, ASecondWindowIsToldSo) {
  const CaseStore first(home_.path());
  try {
    const CaseStore second(home_.path());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUsage);
  }
}

TEST_F(CaseStoreTest, ANewerVersionsListIsRefusedAndLeftAlone) {
  { CaseStore store(home_.path()); }
  {
    QSqlDatabase db = QSqlDatabase::addDatabase(QStringLiteral("QSQLITE"), QStringLiteral("newer"));
    db.setDatabaseName(path("cases.sqlite"));
    ASSERT_TRUE(db.open());
    QSqlQuery(db).exec(QStringLiteral("PRAGMA user_version=99"));
  }
  QSqlDatabase::removeDatabase(QStringLiteral("newer"));
  try {
    const CaseStore store(home_.path());
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), ErrorCode::kUnsupported);
  }
}

TEST_F(CaseStoreTest, ADamagedFileIsSaidToBeOne) {
  QFile file(path("cases.sqlite"));
  ASSERT_TRUE(file.open(QIODevice::WriteOnly));
  file.write(QByteArray(4096, 'x'));
  file.close();
  EXPECT_THROW(CaseStore store(home_.path()), Error);
}

TEST_F(CaseStoreTest, AKilledProcessLosesNothingThatWasStored) {
  const pid_t child = fork();
  if (child == 0) {
    CaseStore store(home_.path());
    const auto ids = store.add({slide(QStringLiteral("/a.svs")), slide(QStringLiteral("/b.svs"))});
    CaseRecord record = *store.find(ids[0]);
    record.state = CaseState::kRunning;
    store.update(record);
    record = *store.find(ids[1]);
    record.state = CaseState::kQueued;
    store.update(record);
    kill(getpid(), SIGKILL);
  }
  int status = 0;
  waitpid(child, &status, 0);
  ASSERT_TRUE(WIFSIGNALED(status));
  CaseStore store(home_.path());  // the dead process's lock does not hold
  const auto queued = store.recover();
  ASSERT_EQ(queued.size(), 1);
  EXPECT_EQ(queued[0].path, QStringLiteral("/b.svs"));
  EXPECT_EQ(store.all()[1].state, CaseState::kFailed);
  EXPECT_FALSE(store.all()[1].reason.isEmpty());
}

TEST_F(CaseStoreTest, CasesFollowAFolderThatMoved) {
  make(path("new/x/1.svs"));
  make(path("new/x/2.svs"));
  CaseStore store(home_.path());
  store.add({slide(path("old/x/1.svs")), slide(path("old/x/2.svs")), slide(path("old/x/lost.svs"))});
  EXPECT_EQ(store.relocate(path("old"), path("new")), 2);
  EXPECT_EQ(store.all()[2].path, path("new/x/1.svs"));
  EXPECT_EQ(store.all()[0].path, path("old/x/lost.svs"));
}

TEST_F(CaseStoreTest, NamesAreNeitherShownNorSearchedUnlessSwitchedOn) {
  CaseStore store(home_.path());
  store.add({slide(QStringLiteral("/data/Meier_Anna.svs")), slide(QStringLiteral("/data/other.svs"))});
  CaseListModel model(store);
  const auto seen = [&] {
    QString all;
    for (int row = 0; row < model.rowCount(); ++row)
      for (const int role : {static_cast<int>(Qt::DisplayRole), static_cast<int>(Qt::ToolTipRole),
                             static_cast<int>(Qt::AccessibleTextRole), static_cast<int>(CaseListModel::kSubtitle)})
        all += model.index(row).data(role).toString();
    return all;
  };
  EXPECT_FALSE(seen().contains(QStringLiteral("Meier")));
  model.setFilter(QStringLiteral("meier"));
  EXPECT_EQ(model.rowCount(), 0);
  model.setNamesShown(true);
  EXPECT_EQ(model.rowCount(), 1);
  EXPECT_TRUE(seen().contains(QStringLiteral("Meier")));
  model.setFilter(QStringLiteral("s-0002"));
  EXPECT_EQ(model.rowCount(), 1);
}

TEST_F(CaseStoreTest, OddPathsSurvive) {
  CaseStore store(home_.path());
  const QString odd[] = {QStringLiteral("/") + QString(40000, QLatin1Char('x')), QStringLiteral("/مريض/שם.svs"),
                         QStringLiteral("/it's \"quoted\"; DROP TABLE cases.svs")};
  for (const QString& name : odd) store.add({slide(name)});
  const auto all = store.all();
  ASSERT_EQ(all.size(), 3);
  for (int i = 0; i < 3; ++i) EXPECT_EQ(all[2 - i].path, odd[i]);
}

class RegionTest : public CaseStoreTest {
 protected:
  static Region box() {
    Region region;
    region.shape = Region::Shape::kRectangle;
    region.points << QPointF(10, 10) << QPointF(110, 10) << QPointF(110, 60) << QPointF(10, 60);
    return region;
  }
};

TEST_F(RegionTest, AreSavedAsTheyAreDrawnAndReadAgain) {
  RegionModel model;
  model.setFile(path("r.geojson"));
  model.setMpp(0.5);
  model.add(box());
  Region point;
  point.shape = Region::Shape::kPoint, point.points << QPointF(5, 7), point.name = QStringLiteral("Mitose?");
  model.add(point);
  RegionModel again;
  again.setFile(path("r.geojson"));
  ASSERT_EQ(again.regions().size(), 2);
  EXPECT_EQ(again.regions()[0].shape, Region::Shape::kRectangle);
  EXPECT_EQ(again.regions()[0].points, box().points);
  EXPECT_EQ(again.regions()[1], point);
  EXPECT_DOUBLE_EQ(polygonArea(box().points), 5000);
  QLocale::setDefault(QLocale::c());
  EXPECT_TRUE(model.index(0).data().toString().endsWith(QStringLiteral("1250 µm²")))
      << model.index(0).data().toString().toStdString();
}

TEST_F(RegionTest, ChangesCanBeUndone) {
  RegionModel model;
  model.setFile(path("r.geojson"));
  model.add(box());
  model.remove(0);
  EXPECT_EQ(model.rowCount(), 0);
  model.undo();
  EXPECT_EQ(model.rowCount(), 1);
  model.undo();
  EXPECT_EQ(model.rowCount(), 0);
  model.redo();
  EXPECT_EQ(model.regions().size(), 1);
}

TEST_F(RegionTest, AFileThatIsNotOursIsNotOverwritten) {
  QFile file(path("r.geojson"));
  ASSERT_TRUE(file.open(QIODevice::WriteOnly));
  file.write("not json");
  file.close();
  RegionModel model;
  EXPECT_THROW(model.setFile(path("r.geojson")), Error);
  model.add(box());
  ASSERT_TRUE(file.open(QIODevice::ReadOnly));
  EXPECT_EQ(file.readAll(), QByteArray("not json"));
}

}  // namespace
}  // namespace fovea::gui
