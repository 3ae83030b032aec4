// The desktop's main window. A window that opens and says what it is; the desktop proper is an issue of its own.
#pragma once

#include <QMainWindow>

namespace fovea::gui {

class MainWindow : public QMainWindow {
  Q_OBJECT

 public:
  explicit MainWindow(QWidget* parent = nullptr);
};

}  // namespace fovea::gui
