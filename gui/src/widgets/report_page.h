// The report of the case that is open: preview, PDF, JSON, CSV.
#pragma once

#include <QPushButton>
#include <QTextBrowser>
#include <QWidget>

#include "model/report.h"

namespace fovea::gui {

class ReportPage : public QWidget {
  Q_OBJECT

 public:
  explicit ReportPage(QWidget* parent = nullptr);
  /// A slide's report.
  void show(const ReportContent& content);
  /// A scan's: the files that its run left in `folder`.
  void showFolder(const QString& pseudonym, const QString& folder);
  void clear(const QString& why);

  /// Errors are fovea::Error.
  void savePdf(const QString& path) const;
  void saveJson(const QString& path) const;
  void saveCsv(const QString& path) const;

 Q_SIGNALS:
  void saved(const QString& path);
  void failed(const QString& sentence, const QString& details);

 private:
  void ask(const QString& kind, const QString& filter, void (ReportPage::*save)(const QString&) const);

  QTextBrowser* preview_;
  QPushButton *pdf_, *json_, *csv_;
  ReportContent content_;
  QString pseudonym_, folder_;
};

}  // namespace fovea::gui
