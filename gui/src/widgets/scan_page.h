// Hosts the scan view where it is built in; says so where it is not.
#pragma once

#include <QWidget>

namespace fovea::gui {

class CaseListModel;
class ScanView;
struct CaseRecord;

class ScanPage : public QWidget {
  Q_OBJECT

 public:
  explicit ScanPage(QWidget* parent = nullptr);
  void open(const QString& path);
  void showResult(const QString& folder);
  /// The scans of the list, as it is shown, may be the earlier time point of `open`.
  void setStudies(const CaseListModel& cases, const CaseRecord& open);
  void clear();
  void setNamesShown(bool shown);

 Q_SIGNALS:
  void failed(const QString& sentence, const QString& details);

 private:
  ScanView* view_ = nullptr;
};

}  // namespace fovea::gui
