// The window under long use: memory and open files end where they began. FOVEA_SOAK_MINUTES makes it longer.
#include <QElapsedTimer>
#include <QTemporaryDir>

#include <cstdio>
#include <cstdlib>

#include <fovea/gui/desktop.h>

#include "deps.h"
#include "encoder.h"
#include "gui_test.h"
#include "program.h"
#include "shared.h"
#include "soak.h"

namespace fovea::gui {
namespace {

constexpr double kMinutes = 0.7;
constexpr int kWarmUp = 4;  // rounds: caches, thread pools and fonts are filled by then, nearly
constexpr int kFewestRounds = 6;
constexpr double kGrowthMb =
    96;  // arenas of the allocator fill for some rounds more; a slide or volume leaked in each is more
constexpr int kMoreFiles = 4;

TEST(Soak, MemoryAndOpenFilesStayBounded) {
  auto& app = test::application();
  const auto slide = fovea::test::deps_dir() / "demo/cmu_small_region.svs";
  if (!std::filesystem::exists(slide)) GTEST_SKIP() << "no demo slide; ./run deps fetches it";
  setenv("FOVEA_ENCODERS", fovea::test::encoder_folder().c_str(), 1);
  setTheme(app, WindowTheme::kLight);
  QTemporaryDir home;
  {
    Settings settings(home.path());
    settings.setModelFolder(test::source_file("demo/models"));
    settings.setCacheMegabytes(64);
    settings.setNoticeSeen();
  }
  MainWindow window(home.path());
  window.resize(1280, 800);
  window.show();
  QStringList paths{QString::fromStdString(slide.string())};
  const auto data = fovea::test::shared_dir() / "data";
  for (const char* more : {"wsi/mosaic-40x-levels-1-4-16.svs", "mri/colin27/ch2.nii.gz", "mri/t1-dicom"})
    if (std::filesystem::exists(data / more)) paths << QString::fromStdString((data / more).string());
  window.addPaths(paths);
  ASSERT_TRUE(test::wait_for([&] { return window.session().cases().count() == paths.size(); }));

  const QString asked = qEnvironmentVariable("FOVEA_SOAK_MINUTES");
  const double minutes = asked.isEmpty() ? kMinutes : asked.toDouble();
  test::ScriptedUse use(window);
  test::Held first;
  int rounds = 0;
  QElapsedTimer clock;
  for (clock.start(); rounds < kFewestRounds || static_cast<double>(clock.elapsed()) < minutes * 60'000; ++rounds) {
    if (rounds == kWarmUp) first = test::held();
    ASSERT_EQ(use.round(), "") << "round " << rounds;
  }
  const test::Held last = test::held();
  std::printf(
      "%d rounds with %d runs cancelled in %.0f s: %.0f MB and %d files after %d rounds, %.0f MB and %d at the end\n",
      rounds, use.runs(), static_cast<double>(clock.elapsed()) / 1000, first.resident_mb, first.files, kWarmUp,
      last.resident_mb, last.files);
  EXPECT_LT(last.resident_mb, first.resident_mb + kGrowthMb);
  EXPECT_LE(last.files, first.files + kMoreFiles);
}

}  // namespace
}  // namespace fovea::gui
