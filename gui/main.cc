// fovea-desktop: the window over the pipeline.
#include <QApplication>
#include <QCommandLineParser>
#include <QMessageBox>
#include <QStandardPaths>

#include <clocale>
#include <cstdio>

#include <fovea/gui/desktop.h>
#include <fovea/gui/main_window.h>
#include <fovea/pipeline/job.h>

int main(int argc, char** argv) {
  QApplication application(argc, argv);
  std::setlocale(LC_NUMERIC, "C");  // Qt set the user's; numbers in files do not depend on it
  QApplication::setApplicationName(QStringLiteral("fovea"));
  QApplication::setApplicationVersion(QString::fromStdString(fovea::pipeline::version()));

  QCommandLineParser parser;
  parser.setApplicationDescription(
      QStringLiteral("Fovea: attention for medical images.\nResearch use only, not for diagnosis."));
  parser.addHelpOption();
  parser.addVersionOption();
  const QCommandLineOption home(
      QStringLiteral("home"), QStringLiteral("Folder of the case list, settings and results."),
      QStringLiteral("folder"), QStandardPaths::writableLocation(QStandardPaths::AppDataLocation));
  parser.addOption(home);
  parser.addPositionalArgument(QStringLiteral("paths"), QStringLiteral("Slides, scans or folders to add."),
                               QStringLiteral("[paths...]"));
  parser.process(application);
  const QString folder = parser.value(home);
  fovea::gui::prepareApplication(application, folder);
  try {
    fovea::gui::MainWindow window(folder);
    window.show();
    window.addPaths(parser.positionalArguments());
    return QApplication::exec();
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fovea-desktop: %s\n", error.what());
    QMessageBox::critical(nullptr, QStringLiteral("Fovea"), fovea::gui::sentenceOf(error));
    return 3;
  }
}
