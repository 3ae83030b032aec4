// The training page as a researcher uses it: real clicks and keys, a real training in a process of its own.
#include <QComboBox>
#include <QDir>
#include <QLabel>
#include <QLineEdit>
#include <QMessageBox>
#include <QPushButton>
#include <QSpinBox>
#include <QTableWidget>
#include <QTimer>

#include <cstdio>

#include <fovea/gui/desktop.h>
#include <fovea/gui/main_window.h>
#include <fovea/pipeline/text_file.h>

#include "gui_test.h"
#include "model/session.h"
#include "model/training_request.h"
#include "training_data.h"
#include "widgets/curve_plot.h"
#include "widgets/message_bar.h"
#include "widgets/train_page.h"

namespace fovea::gui {
namespace {

using test::wait_for;

constexpr int kLongMs = 200'000;  // a machine that other programs use too
constexpr double kBlockMs = 50;   // of processor time in the window's thread
constexpr int kEpochs = 250;

class TrainingFlowTest : public testing::Test {
 protected:
  void SetUp() override {
    test::application();
    QLocale::setDefault(QLocale::c());
    setTheme(test::application(), WindowTheme::kLight);
    test::write_training_bags(data_.path());
    Settings settings(home_.path());
    settings.setModelFolder(home_.path() + QStringLiteral("/none"));
    settings.setThreads(1);
    settings.setNoticeSeen();
    settings.file().sync();
    openWindow();
  }
  void TearDown() override {
    page().training().stopAll();
    window_.reset();
  }
  void openWindow() {
    window_ = std::make_unique<MainWindow>(home_.path());
    window_->resize(1280, 800);
    window_->show();
    window_->activateWindow();
    ASSERT_TRUE(QTest::qWaitForWindowActive(window_.get()));
    QTest::keyClick(window_.get(), Qt::Key_4, Qt::ControlModifier);
    ASSERT_TRUE(page().isVisible());
  }
  TrainPage& page() { return *window_->findChild<TrainPage*>(); }
  template <class Widget>
  Widget* find(const char* name) {
    Widget* found = window_->findChild<Widget*>(QLatin1String(name));
    EXPECT_NE(found, nullptr) << name;
    return found;
  }
  void type(const char* name, const QString& text) {
    auto* edit = find<QLineEdit>(name);
    edit->setFocus();
    edit->selectAll();
    QTest::keyClicks(edit, text);
  }
  QString state() { return find<QLabel>("trainingState")->text(); }
  QString file(const char* name) const { return data_.path() + QLatin1Char('/') + QLatin1String(name); }
  void fillForm(int epochs) {
    auto* recipe = find<QComboBox>("recipe");
    ASSERT_TRUE(wait_for([&] { return recipe->findData(QStringLiteral("abmil")) >= 0; }));
    recipe->setCurrentIndex(recipe->findData(QStringLiteral("abmil")));
    auto* count = find<QSpinBox>("epochs");
    ASSERT_TRUE(wait_for([&] { return count->value() == 50; })) << "the recipe's own";
    EXPECT_EQ(find<QLineEdit>("rate")->text(), QStringLiteral("0.0001"));
    type("bags", file("bags"));
    type("labels", file("labels.csv"));
    type("runFolder", file("run"));
    type("rate", QStringLiteral("1e-3"));
    count->setFocus();
    count->selectAll();
    QTest::keyClicks(count, QString::number(epochs));
  }
  void start() {
    auto* start = find<QPushButton>("startTraining");
    ASSERT_TRUE(wait_for([&] { return start->isEnabled(); }, kLongMs))
        << find<QLabel>("trainChecks")->text().toStdString();
    QTest::mouseClick(start, Qt::LeftButton);
  }
  std::size_t epochs() {
    const auto run = page().training().run();
    return run && !run->folds.empty() ? run->folds[0].epochs.size() : 0;
  }
  bool untilEpoch(std::size_t epoch) {
    return wait_for(
        [&] {
          page().training().poll();
          return epochs() >= epoch;
        },
        kLongMs);
  }

  QTemporaryDir home_, data_;
  std::unique_ptr<MainWindow> window_;
};

TEST_F(TrainingFlowTest, StartWatchStopResumeFinishAndUseTheModel) {
  auto& app = test::application();
  auto* start_button = find<QPushButton>("startTraining");
  EXPECT_FALSE(start_button->isEnabled()) << "nothing is chosen yet";
  fillForm(kEpochs);
  start();
  app.reset();
  ASSERT_TRUE(untilEpoch(3)) << state().toStdString();
  EXPECT_TRUE(state().startsWith(QStringLiteral("Running"))) << state().toStdString();
  QTest::mouseClick(find<QPushButton>("stopTraining"), Qt::LeftButton);
  ASSERT_TRUE(wait_for([&] { return state().startsWith(QStringLiteral("Stopped")); }, kLongMs))
      << state().toStdString();
  std::printf("worst block of the window's thread while it trained: %.1f ms of processor (%s)\n", app.worst_cpu_ms,
              app.worst_event.constData());
  EXPECT_LT(app.worst_cpu_ms, kBlockMs) << app.worst_event.constData();
  const std::size_t stopped_at = epochs();
  EXPECT_LT(stopped_at, static_cast<std::size_t>(kEpochs));
  EXPECT_TRUE(QFileInfo::exists(file("run/seed_0/fold_0/checkpoint")));

  // The request that the command line repeats.
  const auto request = pipeline::job_from_json(pipeline::read_text_file(file("run/request.json").toStdString()));
  EXPECT_EQ(request.kind, "mil train");
  EXPECT_EQ(std::get<std::vector<std::string>>(request.values.at("set")),
            (std::vector<std::string>{"epochs=250", "optimiser.learning_rate=0.001"}));

  // The curves are read by keyboard.
  auto* score = find<CurvePlot>("plot1");
  EXPECT_EQ(score->accessibleName(), QStringLiteral("Validation AUC"));
  score->setFocus();
  QTest::keyClick(score, Qt::Key_Home);
  EXPECT_TRUE(score->reading().startsWith(QStringLiteral("epoch 1: seed 0, fold 0 ")))
      << score->reading().toStdString();
  EXPECT_EQ(find<CurvePlot>("plot0")->cursor(), 1) << "one cursor for all";
  QTest::keyClick(score, Qt::Key_Right);
  EXPECT_EQ(score->accessibleDescription(), score->reading());
  EXPECT_TRUE(score->reading().startsWith(QStringLiteral("epoch 2: ")));
  EXPECT_EQ(find<QTableWidget>("folds")->rowCount(), 1);

  QTest::mouseClick(find<QPushButton>("resumeTraining"), Qt::LeftButton);
  ASSERT_TRUE(wait_for([&] { return state().startsWith(QStringLiteral("Finished")); }, kLongMs))
      << state().toStdString();
  const auto run = page().training().run();
  ASSERT_EQ(run->folds.size(), 1u);
  ASSERT_EQ(run->folds[0].epochs.size(), static_cast<std::size_t>(kEpochs));
  for (std::size_t i = 0; i < run->folds[0].epochs.size(); ++i)
    ASSERT_EQ(run->folds[0].epochs[i], static_cast<double>(i + 1)) << "it went on where it stopped";
  EXPECT_FALSE(find<QPushButton>("resumeTraining")->isEnabled());
  EXPECT_TRUE(find<QPushButton>("trainingReport")->isEnabled()) << "the evaluation is there";

  QTest::mouseClick(find<QPushButton>("keepModel"), Qt::LeftButton);
  auto* models = find<QComboBox>("model");
  window_->addPaths({});
  ASSERT_TRUE(wait_for([&] { return models->findText(QStringLiteral("run-seed0-fold0"), Qt::MatchStartsWith) >= 0; }))
      << window_->findChild<MessageBar*>()->sentence().toStdString();
  EXPECT_TRUE(window_->findChild<MessageBar*>()->sentence().contains(QStringLiteral("run-seed0-fold0")));
}

TEST_F(TrainingFlowTest, TheWindowClosesAndTheTrainingGoesOn) {
  fillForm(100'000);
  start();
  ASSERT_TRUE(untilEpoch(1)) << state().toStdString();
  bool asked = false;
  const auto answer = [&](const QString& text) {
    QTimer::singleShot(200, window_.get(), [&, text] {
      auto* box = qobject_cast<QMessageBox*>(QApplication::activeModalWidget());
      ASSERT_NE(box, nullptr);
      asked = true;
      for (QAbstractButton* button : box->buttons())
        if (button->text() == text || (text.isEmpty() && box->buttonRole(button) == QMessageBox::RejectRole)) {
          button->click();
          return;
        }
    });
  };
  answer({});
  EXPECT_FALSE(window_->close()) << "Cancel leaves the window open";
  answer(QStringLiteral("Go on in the background"));
  EXPECT_TRUE(window_->close());
  EXPECT_TRUE(asked);
  const std::size_t before = epochs();
  window_.reset();

  openWindow();  // the page opens the run of the last time
  ASSERT_TRUE(untilEpoch(before + 1)) << state().toStdString();
  EXPECT_TRUE(page().training().isRunning());
  answer(QStringLiteral("Stop at the checkpoint"));
  EXPECT_TRUE(window_->close());
  ASSERT_TRUE(wait_for(
      [&] {
        page().training().poll();
        return !page().training().isRunning();
      },
      kLongMs));
  EXPECT_EQ(page().training().run()->status.state, pipeline::JobStatus::State::kStopped);
}

TEST_F(TrainingFlowTest, WhatIsWrongIsSaidBeforeTheStart) {
  fillForm(5);
  type("labels", file("nothing.csv"));
  auto* checks = find<QLabel>("trainChecks");
  ASSERT_TRUE(wait_for([&] { return checks->text().contains(QStringLiteral("No:")); })) << checks->text().toStdString();
  EXPECT_FALSE(find<QPushButton>("startTraining")->isEnabled());
  type("labels", file("labels.csv"));
  type("seeds", QStringLiteral("0, one"));
  ASSERT_TRUE(wait_for([&] { return checks->text().contains(QStringLiteral("Seeds are whole numbers")); }));
  EXPECT_FALSE(find<QPushButton>("saveTraining")->isEnabled());
  type("seeds", QStringLiteral("0, 1"));
  ASSERT_TRUE(wait_for([&] { return find<QPushButton>("startTraining")->isEnabled(); }))
      << checks->text().toStdString();
  EXPECT_TRUE(checks->text().contains(QStringLiteral("20 bags of the classes a, b"))) << checks->text().toStdString();
}

/// Pictures for docs/images and for people to look at, as in screenshots_test.cc.
TEST_F(TrainingFlowTest, PicturesAreTaken) {
  const QString folder = qEnvironmentVariable("FOVEA_SCREENSHOTS");
  if (folder.isEmpty()) GTEST_SKIP() << "set FOVEA_SCREENSHOTS to a folder";
  QDir().mkpath(folder);
  fillForm(60);
  type("seeds", QStringLiteral("0, 1"));
  start();
  const auto second = [&]() -> std::size_t {
    page().training().poll();
    const auto run = page().training().run();
    return run && run->folds.size() > 1 ? run->folds[1].epochs.size() : 0;
  };
  ASSERT_TRUE(wait_for([&] { return second() >= 20; }, kLongMs)) << state().toStdString();
  QTest::mouseClick(find<QPushButton>("stopTraining"), Qt::LeftButton);
  ASSERT_TRUE(wait_for([&] { return !page().training().isRunning(); }, kLongMs));
  auto* score = find<CurvePlot>("plot1");
  score->setFocus();
  QTest::keyClick(score, Qt::Key_End);
  for (int i = 0; i < 20; ++i) QTest::keyClick(score, Qt::Key_Left);
  for (const auto theme : {WindowTheme::kLight, WindowTheme::kDark}) {
    setTheme(test::application(), theme);
    for (const QSize size : {QSize(1280, 800), QSize(1920, 1080)}) {
      window_->resize(size);
      QTest::qWait(200);
      EXPECT_TRUE(window_->grab().save(QStringLiteral("%1/train-%2-%3.png")
                                           .arg(folder, theme == WindowTheme::kDark ? "dark" : "light")
                                           .arg(size.width())));
    }
  }
}

}  // namespace
}  // namespace fovea::gui
