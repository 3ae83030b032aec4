#include "widgets/report_page.h"

#include <QDir>
#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QUrl>
#include <QVBoxLayout>

#include <fovea/pipeline/text_file.h>

#include "widgets/icons.h"

namespace fovea::gui {
namespace {

/// A scan's report is what its run left in `folder`; a slide's is made from `content`.
void write(ReportPage::Format format, const ReportContent& content, const QString& folder, const QString& path) {
  using Format = ReportPage::Format;
  if (!folder.isEmpty()) {
    const char* name = format == Format::kPdf    ? "/report.pdf"
                       : format == Format::kJson ? "/report.json"
                                                 : "/lesions.csv";
    pipeline::write_text_file(path.toStdString(), pipeline::read_text_file(folder.toStdString() + name));
  } else if (format == Format::kPdf) {
    QTextDocument document;
    fillReport(document, content);
    writePdf(document, path);
  } else {
    pipeline::write_text_file(path.toStdString(),
                              format == Format::kJson ? content.result->json : tilesCsv(content.result->attention));
  }
}

}  // namespace

ReportPage::ReportPage(Engine& engine, QWidget* parent) : QWidget(parent), engine_(engine) {
  preview_ = new QTextBrowser(this);
  preview_->setObjectName(QStringLiteral("report"));
  preview_->setAccessibleName(tr("Preview of the report"));
  preview_->setOpenLinks(false);
  // Paper: what is printed is seen, whatever the theme.
  preview_->setStyleSheet(QStringLiteral("QTextBrowser { background: #ffffff; color: #1c2430; padding: 18px; }"));
  pdf_ = new QPushButton(icon(QStringLiteral("report"), true), tr("Save PDF…"), this);
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
  connect(pdf_, &QPushButton::clicked, this, [this] { ask(Format::kPdf, QStringLiteral("pdf"), tr("PDF (*.pdf)")); });
  connect(json_, &QPushButton::clicked, this,
          [this] { ask(Format::kJson, QStringLiteral("json"), tr("JSON (*.json)")); });
  connect(csv_, &QPushButton::clicked, this, [this] { ask(Format::kCsv, QStringLiteral("csv"), tr("CSV (*.csv)")); });
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

void ReportPage::save(Format format, const QString& path) {
  engine_.ask(
      this,
      [format, path, content = content_, folder = folder_](std::stop_token) {
        write(format, content, folder, path);
        return path;
      },
      [this](const QString& written) { Q_EMIT saved(written); },
      [this](const Failure& failure) { Q_EMIT failed(failure.sentence, failure.details); });
}

void ReportPage::ask(Format format, const QString& ending, const QString& filter) {
  const QString suggested = QDir::homePath() + QLatin1Char('/') + pseudonym_ + QLatin1Char('.') + ending;
  const QString path = QFileDialog::getSaveFileName(this, tr("Save the report"), suggested, filter);
  if (!path.isEmpty()) save(format, path);
}

}  // namespace fovea::gui
