// The window opens on the offscreen platform, and what it draws is not blank.
#include <QApplication>
#include <QImage>
#include <QPixmap>
#include <set>

#include <gtest/gtest.h>

#include <fovea/gui/main_window.h>

TEST(MainWindow, OpensAndDrawsItsText) {
  qputenv("QT_QPA_PLATFORM", "offscreen");
  int argc = 1;
  char name[] = "window_test";
  char* argv[] = {name, nullptr};
  QApplication application(argc, argv);
  fovea::gui::MainWindow window;
  window.show();
  QApplication::processEvents();
  EXPECT_TRUE(window.isVisible());
  const QImage picture = window.grab().toImage();
  std::set<QRgb> colours;
  for (int y = 0; y < picture.height(); ++y)
    for (int x = 0; x < picture.width(); ++x) colours.insert(picture.pixel(x, y));
  EXPECT_GT(colours.size(), 1u);
}
