// The report of the case that is open: preview, PDF, JSON, CSV.
#pragma once

#include <QPushButton>
#include <QTextBrowser>
#include <QWidget>

#include "model/engine.h"
#include "model/report.h"

namespace fovea::gui {

class ReportPage : public QWidget {
  Q_OBJECT

 public:
  enum class Format { kPdf, kJson, kCsv };

  explicit ReportPage(Engine& engine, QWidget* parent = nullptr);
  /// A slide's report.
  void show(const ReportContent& content);
  /// A scan's: the files that its run left in `folder`.
  void showFolder(const QString& pseudonym, const QString& folder);
  void clear(const QString& why);

  /// Away from the window's thread; ends with saved or failed.
  void save(Format format, const QString& path);

 Q_SIGNALS:
  void saved(const QString& path);
  void failed(const QString& sentence, const QString& details);

 private:
  void ask(Format format, const QString& ending, const QString& filter);

  Engine& engine_;
  QTextBrowser* preview_;
  QPushButton *pdf_, *json_, *csv_;
  ReportContent content_;
  QString pseudonym_, folder_;
};

}  // namespace fovea::gui
