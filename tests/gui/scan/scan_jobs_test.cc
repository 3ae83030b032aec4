// What the scan view shows of real jobs: gate and modality weights of a small recurrent network that was trained just
// before, and the growth between two time points.
#include <gtest/gtest.h>

#include <QComboBox>
#include <QDoubleSpinBox>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QTableView>

#include <cmath>
#include <fstream>
#include <random>

#include <fovea/gui/scan_view.h>
#include <fovea/io/volume.h>
#include <fovea/pipeline/job.h>

#include "scan/compare_dialog.h"
#include "scan/comparison_panel.h"
#include "scan/growth_model.h"
#include "scan/growth_request.h"
#include "scan/scan_scene.h"
#include "shared.h"
#include "support.h"

namespace fovea::gui {
namespace {

using test::wait_until;

class ScanJobsTest : public test::WidgetTest {
 protected:
  void SetUp() override {
    view_.resize(1000, 760);
    view_.show();
    QObject::connect(&view_, &ScanView::failed,
                     [this](const QString& sentence, const QString& more) { problem_ = sentence + ' ' + more; });
  }
  QString file(const char* name) const { return QString::fromStdString((folder_ / name).string()); }
  QComboBox* combo(const char* name) {
    for (QComboBox* box : view_.findChildren<QComboBox*>())
      if (box->accessibleName() == QLatin1String(name)) return box;
    return nullptr;
  }
  void idle() {
    ASSERT_TRUE(wait_until([&] { return !view_.isBusy(); }));
    ASSERT_EQ(problem_, QString());
    QCoreApplication::processEvents();
  }
  QString status() {
    for (QLabel* label : view_.findChildren<QLabel*>())
      if (label->accessibleName() == "Position and values") return label->text();
    return {};
  }

  test::TemporaryFolder folder_;
  ScanView view_;
  QString problem_;
};

/// Noise with a bright ball at `at`; the ball alone as `label`.
void write_ball(const std::filesystem::path& image, const std::filesystem::path& label, int seed, double x) {
  io::Geometry g;
  g.size = {22, 20, 9}, g.spacing_mm = {1, 1.1, 2.4}, g.origin_mm = {-10, 5, 3};
  io::Volume volume{g, {}};
  io::LabelVolume ball{g, {}};
  std::mt19937 random(static_cast<unsigned>(seed));
  std::uniform_real_distribution<float> noise(0, 100);
  for (std::int64_t k = 0; k < g.size[2]; ++k)
    for (std::int64_t j = 0; j < g.size[1]; ++j)
      for (std::int64_t i = 0; i < g.size[0]; ++i) {
        const bool in = std::hypot(double(i) - x, (double(j) - 10) * 1.1, (double(k) - 4) * 2.4) < 4.5;
        ball.values.push_back(in);
        volume.values.push_back(300 + noise(random) + (in ? 500.F : 0.F));
      }
  io::write_volume(image, volume);
  io::write_label_map(label, ball);
}

TEST_F(ScanJobsTest, GateAndModalityWeightsOfARealRunAreInTheOverlayList) {
  std::ofstream table(folder_ / "cases.csv");
  table << "case,label,split,swan,dwi\n";
  for (int i = 0; i < 4; ++i) {
    const std::string id = std::to_string(i);
    write_ball(folder_ / (id + "_swan.nii.gz"), folder_ / (id + "_label.nii.gz"), i, 8 + i);
    write_ball(folder_ / (id + "_dwi.nii.gz"), folder_ / "unused.nii.gz", 10 + i, 8 + i);
    table << id << "," << id << "_label.nii.gz," << (i == 3 ? "val" : "train") << "," << id << "_swan.nii.gz," << id
          << "_dwi.nii.gz\n";
  }
  table.close();
  pipeline::JobRequest train{
      "mri train",
      {{"recipe", std::string("upattllstm")},
       {"cases", (folder_ / "cases.csv").string()},
       {"out", (folder_ / "run").string()},
       {"bootstrap", std::int64_t{0}},
       {"threads", std::int64_t{1}},
       {"set",
        std::vector<std::string>{"data.modalities=[\"swan\"", "\"dwi\"]", "network.filters=[8", "16]", "data.size=[24",
                                 "24", "4]", "data.spacing_mm=0", "epochs=2", "batch=2", "data.classes=[\"ball\"]"}}}};
  ASSERT_EQ(pipeline::run_job(train).exit_code, 0);
  const auto named = [&](const char* name) { return std::string(name) + "=" + (folder_ / "0_").string() + name; };
  pipeline::JobRequest segment{
      "mri segment",
      {{"modality", std::vector<std::string>{named("swan") + ".nii.gz", named("dwi") + ".nii.gz"}},
       {"alignment", std::string("headers")},
       {"model", (folder_ / "run/seed_0/fold_0/model.safetensors").string()},
       {"threads", std::int64_t{1}},
       {"out", (folder_ / "result").string()}}};
  const pipeline::JobResult segmented = pipeline::run_job(segment);
  ASSERT_LE(segmented.exit_code, 2);

  view_.open(file("0_swan.nii.gz"));
  view_.showResult(file("result"));
  idle();
  QComboBox* what = combo("What the colours show");
  ASSERT_NE(what, nullptr);
  for (const char* name : {"probability", "attention gate", "attention on swan", "attention on dwi"}) {
    const int row = what->findText(QLatin1String(name));
    ASSERT_GE(row, 1) << name;
    what->setCurrentIndex(row);
    Q_EMIT what->activated(row);
    idle();
    EXPECT_EQ(what->currentText(), QLatin1String(name));
    // The value under the crosshair is that of the file.
    const QString text = status();
    const int at = static_cast<int>(text.indexOf(QLatin1String(name)));
    ASSERT_GE(at, 0) << text.toStdString();
    const double shown = text.mid(at + static_cast<int>(qstrlen(name))).trimmed().section(' ', 0, 0).toDouble();
    EXPECT_TRUE(shown >= 0 && shown <= 1) << text.toStdString();
  }
}

TEST_F(ScanJobsTest, GrowthIsComputedFromTheDialogAndShown) {
  std::filesystem::create_directories(folder_ / "before");
  std::filesystem::create_directories(folder_ / "after");
  write_ball(folder_ / "before.nii.gz", folder_ / "before/segmentation.nii.gz", 1, 10);
  io::Volume later = io::read_volume(folder_ / "before.nii.gz");
  io::write_volume(folder_ / "after.nii.gz", later);
  io::Volume mask = io::read_volume(folder_ / "before/segmentation.nii.gz");
  io::LabelVolume grown{mask.geometry, {}};
  const auto& g = mask.geometry;
  for (std::int64_t k = 0; k < g.size[2]; ++k)
    for (std::int64_t j = 0; j < g.size[1]; ++j)
      for (std::int64_t i = 0; i < g.size[0]; ++i)
        grown.values.push_back(std::hypot(double(i) - 10, (double(j) - 10) * 1.1, (double(k) - 4) * 2.4) < 7.5);
  io::write_label_map(folder_ / "after/segmentation.nii.gz", grown);

  view_.setStudies({{QStringLiteral("S-0002"), file("else.nii.gz"), {}, false},
                    {QStringLiteral("S-0001"), file("before.nii.gz"), file("before"), true}});
  view_.open(file("after.nii.gz"));
  view_.showResult(file("after"));
  idle();
  QPushButton* compare = nullptr;
  for (QPushButton* button : view_.findChildren<QPushButton*>())
    if (button->text().startsWith(QStringLiteral("Compare with earlier"))) compare = button;
  ASSERT_NE(compare, nullptr);
  QTest::mouseClick(compare, Qt::LeftButton);
  auto* dialog = view_.findChild<CompareDialog*>();
  ASSERT_NE(dialog, nullptr);
  auto* study = dialog->findChild<QComboBox*>(QStringLiteral("earlierStudy"));
  EXPECT_EQ(study->itemText(1), QStringLiteral("S-0001, the same patient")) << "first in the list";
  study->setCurrentIndex(1);
  EXPECT_EQ(dialog->findChild<QLineEdit*>(QStringLiteral("earlierResult"))->text(), file("before"));
  dialog->findChild<QDoubleSpinBox*>(QStringLiteral("days"))->setValue(184);
  EXPECT_EQ(dialog->choices().out, file("after/growth"));
  QPushButton* go = nullptr;
  for (QPushButton* button : dialog->findChildren<QPushButton*>())
    if (button->text() == QStringLiteral("Compare")) go = button;
  ASSERT_TRUE(go && go->isEnabled());
  QTest::mouseClick(go, Qt::LeftButton);
  idle();

  auto* comparison = view_.findChild<ComparisonPanel*>();
  ASSERT_TRUE(comparison->isVisible());
  auto* table = comparison->findChild<QTableView*>();
  ASSERT_EQ(table->model()->rowCount(), 2) << "all, and the lesion";
  const auto cell = [&](int column) { return table->model()->index(1, column).data().toString(); };
  EXPECT_EQ(cell(GrowthModel::kVerdict), QStringLiteral("grown"));
  const auto found = pipeline::load_view_growth(folder_ / "after/growth");
  ASSERT_EQ(found.lesions.size(), 1u);
  EXPECT_EQ(found.days, 184);
  // Doubling time of a growth by that factor over that time.
  const double factor = found.lesions[0].after_ml / found.lesions[0].before_ml;
  EXPECT_NEAR(*found.lesions[0].doubling_days, 184 * std::log(2) / std::log(factor), 0.5);
  EXPECT_EQ(cell(GrowthModel::kDoubling), QString::number(std::lround(*found.lesions[0].doubling_days)));
  EXPECT_TRUE(std::filesystem::exists(folder_ / "after/growth/report.html"));
}

TEST(GrowthRequest, NeedsBothOutlinesAndDays) {
  GrowthChoices choices;
  choices.earlier = {QStringLiteral("a.nii.gz"), QStringLiteral("a-mask.nii.gz")};
  choices.later = {QStringLiteral("b.nii.gz"), QStringLiteral("b-mask.nii.gz")};
  choices.out = QStringLiteral("out");
  EXPECT_FALSE(canCompute(choices)) << "no days";
  choices.days = 30;
  EXPECT_TRUE(canCompute(choices));
  EXPECT_EQ(growthRequest(choices).values.count("before-image"), 1u);
  choices.registered = false;
  EXPECT_EQ(growthRequest(choices).values.count("before-image"), 0u);
  choices.earlier.result.clear();
  EXPECT_FALSE(canCompute(choices));
}

}  // namespace
}  // namespace fovea::gui
