#include "widgets/report_page.h"

#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QUrl>
#include <QVBoxLayout>

#include <fovea/pipeline/text_file.h>

#include "model/failure.h"
#include "widgets/icons.h"

namespace fovea::gui {
namespace {

void copy(const QString& from, const QString& to) {
  pipeline::write_text_file(to.toStdString(), pipeline::read_text_file(from.toStdString()));
}

}  // namespace

ReportPage::ReportPage(QWidget* parent) : QWidget(parent) {
  preview_ = new QTextBrowser(this);
  preview_->setObjectName(QStringLiteral("report"));
  preview_->setAccessibleName(tr("Preview of the report"));
  preview_->setOpenLinks(false);
  // Paper: what is printed is seen, whatever the theme.
  preview_->setStyleSheet(QStringLiteral("QTextBrowser { background: #ffffff; color: #1c2430; padding: 18px; }"));
  pdf_ = new QPushButton(icon(QStringLiteral("report")), tr("Save PDF…"), this);
  pdf_->setObjectName(QStringLiteral("savePdf"));
  pdf_->setProperty("primary", true);
  json_ = new QPushButton(icon(QStringLiteral("save")), tr("Save JSON…"), this);
  csv_ = new QPushButton(icon(QStringLiteral("save")), tr("Save CSV…"), this);
  auto* buttons = new QHBoxLayout;
  for (QPushButton* button : {pdf_, json_, csv_}) buttons->addWidget(button);
  buttons->addStretch(1);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(16, 14, 16, 14);
  layout->setSpacing(10);
  layout->addLayout(buttons);
  layout->addWidget(preview_, 1);
  connect(pdf_, &QPushButton::clicked, this,
          [this] { ask(QStringLiteral("pdf"), tr("PDF (*.pdf)"), &ReportPage::savePdf); });
  connect(json_, &QPushButton::clicked, this,
          [this] { ask(QStringLiteral("json"), tr("JSON (*.json)"), &ReportPage::saveJson); });
  connect(csv_, &QPushButton::clicked, this,
          [this] { ask(QStringLiteral("csv"), tr("CSV (*.csv)"), &ReportPage::saveCsv); });
  clear({});
}

void ReportPage::show(const ReportContent& content) {
  content_ = content, pseudonym_ = content.pseudonym, folder_.clear();
  fillReport(*preview_->document(), content_);
  for (QPushButton* button : {pdf_, json_, csv_}) button->setEnabled(true);
}

void ReportPage::showFolder(const QString& pseudonym, const QString& folder) {
  content_ = {}, pseudonym_ = pseudonym, folder_ = folder;
  const auto there = [&](const char* name) {
    return QFileInfo::exists(folder + QLatin1Char('/') + QLatin1String(name));
  };
  preview_->setSource(QUrl::fromLocalFile(folder + QStringLiteral("/report.html")));
  pdf_->setEnabled(there("report.pdf"));
  json_->setEnabled(there("report.json"));
  csv_->setEnabled(there("lesions.csv"));
}

void ReportPage::clear(const QString& why) {
  content_ = {}, folder_.clear();
  preview_->setHtml(QStringLiteral("<p>%1</p>").arg(why.toHtmlEscaped()));
  for (QPushButton* button : {pdf_, json_, csv_}) button->setEnabled(false);
}

void ReportPage::savePdf(const QString& path) const {
  if (folder_.isEmpty())
    writePdf(*preview_->document(), path);
  else
    copy(folder_ + QStringLiteral("/report.pdf"), path);
}

void ReportPage::saveJson(const QString& path) const {
  if (folder_.isEmpty())
    pipeline::write_text_file(path.toStdString(), content_.result->json);
  else
    copy(folder_ + QStringLiteral("/report.json"), path);
}

void ReportPage::saveCsv(const QString& path) const {
  if (folder_.isEmpty())
    pipeline::write_text_file(path.toStdString(), tilesCsv(content_.result->attention));
  else
    copy(folder_ + QStringLiteral("/lesions.csv"), path);
}

void ReportPage::ask(const QString& kind, const QString& filter, void (ReportPage::*save)(const QString&) const) {
  const QString suggested = QDir::homePath() + QLatin1Char('/') + pseudonym_ + QLatin1Char('.') + kind;
  const QString path = QFileDialog::getSaveFileName(this, tr("Save the report"), suggested, filter);
  if (path.isEmpty()) return;
  try {
    (this->*save)(path);
    Q_EMIT saved(path);
  } catch (const std::exception& error) {
    const Failure failure = failureOf(error);
    Q_EMIT failed(failure.sentence, failure.details);
  }
}

}  // namespace fovea::gui
