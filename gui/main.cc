#include <QApplication>

#include <fovea/gui/main_window.h>

int main(int argc, char** argv) {
  QApplication application(argc, argv);
  fovea::gui::MainWindow window;
  window.show();
  return QApplication::exec();
}
