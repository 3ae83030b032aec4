// The report of a slide's result: what it says as HTML (for preview and PDF), and its tiles as CSV.
#pragma once

#include <QImage>
#include <QList>
#include <QString>
#include <QTextDocument>

#include <memory>

#include <fovea/pipeline/attention_result.h>

#include "model/region_model.h"

namespace fovea::gui {

struct ReportPatch {
  QImage picture;
  qint64 rank = 0;
  double weight = 0;    ///< share of the attention
  double x = 0, y = 0;  ///< level-0 corner
};

struct ReportContent {
  QString pseudonym;
  std::shared_ptr<const pipeline::SlideResult> result;
  QImage picture;  ///< the slide with its heatmap
  QString picture_caption;
  QList<ReportPatch> patches;
  QList<Region> regions;
  double mpp = 0;
};

/// The notice that every result carries.
QString researchNotice();
/// Fills the document; pictures are its resources.
void fillReport(QTextDocument& document, const ReportContent& content);
/// A4, page numbers and the notice at every foot. Atomic; Error(kWriteFailed). No author, no file name inside.
void writePdf(const QTextDocument& document, const QString& path);
/// Every tile: rank by mean attention, place, attention of every branch. C locale.
std::string tilesCsv(const pipeline::AttentionResult& attention);

}  // namespace fovea::gui
