// Hosts the scan view where it is built in; says so where it is not.
#pragma once

#include <QWidget>

namespace fovea::gui {

class ScanView;

class ScanPage : public QWidget {
  Q_OBJECT

 public:
  explicit ScanPage(QWidget* parent = nullptr);
  void open(const QString& path);
  void showResult(const QString& folder);
  void clear();
  void setNamesShown(bool shown);

 Q_SIGNALS:
  void failed(const QString& sentence, const QString& details);

 private:
  ScanView* view_ = nullptr;
};

}  // namespace fovea::gui
