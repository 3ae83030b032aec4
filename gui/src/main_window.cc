#include <fovea/gui/main_window.h>

#include <QLabel>

#include <fovea/pipeline/job.h>

namespace fovea::gui {

MainWindow::MainWindow(QWidget* parent) : QMainWindow(parent) {
  setWindowTitle(tr("Fovea %1").arg(QString::fromStdString(pipeline::version())));
  auto* label =
      new QLabel(tr("Fovea: attention for medical images.\nResearch software, not for clinical decisions."), this);
  label->setAlignment(Qt::AlignCenter);
  setCentralWidget(label);
  resize(960, 640);
}

}  // namespace fovea::gui
