// The desktop's window: cases at the left, the slide or scan in the middle, what can be done with it at the right.
#pragma once

#include <QMainWindow>
#include <QString>

#include <memory>

namespace fovea::gui {

class Session;

class MainWindow : public QMainWindow {
  Q_OBJECT

 public:
  /// `home`: folder of case list, settings and results; made when it is not there. Errors are fovea::Error: another
  /// window has it open, a newer version wrote it, it cannot be written.
  explicit MainWindow(const QString& home, QWidget* parent = nullptr);
  ~MainWindow() override;

  Session& session();
  /// As if dropped on the window; the first is opened.
  void addPaths(const QStringList& paths);

 protected:
  void dragEnterEvent(QDragEnterEvent* event) override;
  void dropEvent(QDropEvent* event) override;
  void closeEvent(QCloseEvent* event) override;

 private:
  struct Parts;
  void buildActions();
  void buildPages();
  void connectSession();
  void connectRun();
  void showCase(qint64 id);
  void showPage(int page);
  void fillReport();
  void editSettings();
  void updateStatus();
  void say(const QString& sentence, const QString& details = {});
  void locate(qint64 id);

  std::unique_ptr<Session> session_;
  std::unique_ptr<Parts> parts_;
};

}  // namespace fovea::gui
