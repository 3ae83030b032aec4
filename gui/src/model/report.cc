#include "model/report.h"

#include <QBuffer>
#include <QCoreApplication>
#include <QDate>
#include <QJsonArray>
#include <QJsonDocument>
#include <QJsonObject>
#include <QLocale>
#include <QAbstractTextDocumentLayout>
#include <QPainter>
#include <QPdfWriter>
#include <QUrl>

#include <charconv>

#include <fovea/pipeline/text_file.h>

#include "model/units.h"

namespace fovea::gui {
namespace {

constexpr int kPictureWidth = 480;  // CSS pixels on the page
constexpr int kPatchWidth = 112, kPatchesInRow = 4;
constexpr int kPdfDpi = 150;

struct Tr {
  Q_DECLARE_TR_FUNCTIONS(Report)
};

QString percent(double share) {
  return QLocale().toString(100 * share, 'f', 1) + QStringLiteral(" %");
}

QString row(const QString& name, const QString& value) {
  return QStringLiteral("<tr><td class='name'>%1</td><td>%2</td></tr>").arg(name, value.toHtmlEscaped());
}

QString classesHtml(const pipeline::SlideResult& result) {
  QString html = QStringLiteral("<table cellpadding='4'>");
  bool first = true;
  for (const auto& c : result.classes) {
    const QString name = QString::fromStdString(c.name).toHtmlEscaped();
    html += QStringLiteral("<tr><td>%1</td><td align='right'>%2</td></tr>")
                .arg(first ? QStringLiteral("<b>%1</b>").arg(name) : name, percent(c.probability));
    first = false;
  }
  return html + QStringLiteral("</table>");
}

QString factsHtml(const QJsonObject& json, double mpp) {
  const QJsonObject attention = json.value(QLatin1String("attention")).toObject();
  const QJsonObject scale = json.value(QLatin1String("scale")).toObject();
  QString html = QStringLiteral("<table cellpadding='3'>");
  html +=
      row(Tr::tr("Tiles looked at"),
          QLocale().toString(json.value(QLatin1String("tiles")).toObject().value(QLatin1String("used")).toInteger()));
  html += row(Tr::tr("Ten most attended tiles hold"), percent(attention.value(QLatin1String("top10_mass")).toDouble()));
  html += row(Tr::tr("Evenness of attention (entropy, 1 = even)"),
              QLocale().toString(attention.value(QLatin1String("entropy_normalised")).toDouble(), 'f', 2));
  if (const QJsonObject tissue = json.value(QLatin1String("tissue")).toObject(); !tissue.isEmpty())
    html += row(Tr::tr("Tissue"), areaText(tissue.value(QLatin1String("area_mm2")).toDouble() * 1e6));
  if (mpp > 0)
    html += row(Tr::tr("Scale"),
                Tr::tr("%1 µm per pixel (%2)")
                    .arg(QLocale().toString(mpp, 'g', 4), scale.value(QLatin1String("source")).toString()));
  return html + QStringLiteral("</table>");
}

QString provenanceHtml(const QJsonObject& json) {
  const QJsonObject from = json.value(QLatin1String("provenance")).toObject();
  const QJsonObject model = from.value(QLatin1String("model")).toObject();
  const QJsonObject encoder = from.value(QLatin1String("encoder")).toObject();
  QString html = QStringLiteral("<table cellpadding='3'>");
  html += row(Tr::tr("Program"), QStringLiteral("Fovea ") + from.value(QLatin1String("version")).toString());
  html += row(Tr::tr("Model"), model.value(QLatin1String("architecture")).toString() + QStringLiteral(", SHA-256 ") +
                                   model.value(QLatin1String("sha256")).toString().left(16));
  html += row(Tr::tr("Tile encoder"), encoder.value(QLatin1String("name")).toString());
  html += row(Tr::tr("Slide"),
              json.value(QLatin1String("slide")).toObject().value(QLatin1String("identity")).toString().left(16));
  if (const QString card = model.value(QLatin1String("card")).toString(); !card.isEmpty())
    html += row(Tr::tr("What the model is"), card);
  return html + QStringLiteral("</table>");
}

QString patchesHtml(QTextDocument& document, const QList<ReportPatch>& patches) {
  QString html = QStringLiteral("<table cellpadding='4'>");
  for (qsizetype i = 0; i < patches.size(); ++i) {
    const ReportPatch& patch = patches[i];
    const QString url = QStringLiteral("patch%1").arg(i);
    document.addResource(QTextDocument::ImageResource, QUrl(url), patch.picture);
    if (i % kPatchesInRow == 0) html += QStringLiteral("<tr>");
    html += QStringLiteral("<td><img src='%1' width='%2' height='%2'><br>%3</td>")
                .arg(url)
                .arg(kPatchWidth)
                .arg(Tr::tr("No. %1: %2").arg(QString::number(patch.rank), percent(patch.weight)));
    if (i % kPatchesInRow == kPatchesInRow - 1 || i + 1 == patches.size()) html += QStringLiteral("</tr>");
  }
  return html + QStringLiteral("</table>");
}

QString regionsHtml(const QList<Region>& regions, double mpp) {
  QString html = QStringLiteral("<table cellpadding='3'>");
  for (const Region& region : regions) {
    const double area = polygonArea(region.points) * mpp * mpp;
    html += row(region.name.toHtmlEscaped(),
                region.shape == Region::Shape::kPoint || mpp <= 0 ? QString() : areaText(area));
  }
  return html + QStringLiteral("</table>");
}

}  // namespace

QString researchNotice() {
  return Tr::tr("Research use only. Not a medical device; not for diagnosis or clinical decisions.");
}

void fillReport(QTextDocument& document, const ReportContent& content) {
  const auto& result = *content.result;
  const QJsonObject json = QJsonDocument::fromJson(QByteArray::fromStdString(result.json)).object();
  document.clear();
  document.setDefaultStyleSheet(QStringLiteral(
      "body, td, p { color: #1c2430; } h1 { font-size: 18pt; } h2 { font-size: 12pt; margin-top: 14px; } "
      ".notice { color: #8a3b12; } .name { color: #4c5766; } p, td { font-size: 9.5pt; }"));
  QString html = QStringLiteral("<h1>%1</h1><p>%2</p><p class='notice'><b>%3</b></p>")
                     .arg(Tr::tr("Slide report, case %1").arg(content.pseudonym.toHtmlEscaped()),
                          QLocale().toString(QDate::currentDate(), QLocale::LongFormat), researchNotice());
  html += QStringLiteral("<h2>%1</h2>").arg(Tr::tr("Prediction")) + classesHtml(result);
  html +=
      QStringLiteral("<p>%1</p>")
          .arg(Tr::tr("A probability is the model's own estimate. It holds for slides like those the model was trained "
                      "on and says "
                      "nothing about findings it was not trained to see."));
  if (!content.picture.isNull()) {
    document.addResource(QTextDocument::ImageResource, QUrl(QStringLiteral("slide")), content.picture);
    html += QStringLiteral("<h2>%1</h2><p><img src='slide' width='%2'></p><p>%3</p>")
                .arg(Tr::tr("Where the model looked"))
                .arg(std::min(kPictureWidth, content.picture.width()))
                .arg(content.picture_caption.toHtmlEscaped());
  }
  html += QStringLiteral("<p>%1</p>")
              .arg(Tr::tr("Attention shows where the network looked, not where disease is. It is not a probability."));
  if (!content.patches.isEmpty())
    html += QStringLiteral("<h2>%1</h2>").arg(Tr::tr("Most attended places")) + patchesHtml(document, content.patches);
  html += QStringLiteral("<h2>%1</h2>").arg(Tr::tr("Facts")) + factsHtml(json, content.mpp);
  if (!content.regions.isEmpty())
    html += QStringLiteral("<h2>%1</h2>").arg(Tr::tr("Regions")) + regionsHtml(content.regions, content.mpp);
  if (!result.notices.empty()) {
    html += QStringLiteral("<h2>%1</h2><ul>").arg(Tr::tr("Notices"));
    for (const std::string& notice : result.notices)
      html += QStringLiteral("<li>%1</li>").arg(QString::fromStdString(notice).toHtmlEscaped());
    html += QStringLiteral("</ul>");
  }
  html += QStringLiteral("<h2>%1</h2>").arg(Tr::tr("Where it comes from")) + provenanceHtml(json);
  document.setHtml(html);
}

void writePdf(const QTextDocument& document, const QString& path) {
  QBuffer bytes;
  bytes.open(QIODevice::WriteOnly);
  {
    QPdfWriter writer(&bytes);
    writer.setCreator(QStringLiteral("Fovea"));
    writer.setTitle(Tr::tr("Slide report"));
    writer.setResolution(kPdfDpi);
    writer.setPageSize(QPageSize(QPageSize::A4));
    writer.setPageMargins(QMarginsF(15, 15, 15, 20), QPageLayout::Millimeter);
    std::unique_ptr<QTextDocument> page(document.clone());
    page->documentLayout()->setPaintDevice(&writer);
    const QSizeF area = writer.pageLayout().paintRectPixels(kPdfDpi).size();
    page->setPageSize(area);
    QPainter painter(&writer);
    QFont small = painter.font();
    small.setPointSizeF(7.5);
    for (int number = 1; number <= page->pageCount(); ++number) {
      if (number > 1) writer.newPage();
      painter.save();
      painter.translate(0, -area.height() * (number - 1));
      const QRectF window(0, area.height() * (number - 1), area.width(), area.height());
      QAbstractTextDocumentLayout::PaintContext context;
      context.clip = window;
      context.palette.setColor(QPalette::Text, Qt::black);
      painter.setClipRect(window);
      page->documentLayout()->draw(&painter, context);
      painter.restore();
      painter.setFont(small);
      painter.drawText(QRectF(0, area.height() + 20, area.width(), 40), Qt::AlignLeft, researchNotice());
      painter.drawText(QRectF(0, area.height() + 20, area.width(), 40), Qt::AlignRight,
                       Tr::tr("Page %1 of %2").arg(number).arg(page->pageCount()));
    }
  }
  pipeline::write_text_file(path.toStdString(), bytes.data().toStdString());
}

std::string tilesCsv(const pipeline::AttentionResult& attention) {
  const auto number = [](auto value) {
    char text[32];
    return std::string(text, std::to_chars(text, text + sizeof text, value).ptr);
  };
  std::string csv = "rank,x_px,y_px,edge_px,attention_mean";
  for (qint64 branch = 0; attention.branches > 1 && branch < attention.branches; ++branch)
    csv += ",attention_branch_" + std::to_string(branch);
  csv += "\n";
  const std::vector<float> mean = attention.attention(-1);
  const auto count = static_cast<std::int64_t>(attention.tiles());
  std::int64_t rank = 0;
  for (const std::int64_t tile : attention.top(-1, attention.tiles())) {
    const auto i = static_cast<std::size_t>(tile);
    csv += std::to_string(++rank) + "," + std::to_string(attention.coords[2 * i]) + "," +
           std::to_string(attention.coords[2 * i + 1]) + "," + number(attention.footprint_px) + "," + number(mean[i]);
    for (std::int64_t branch = 0; attention.branches > 1 && branch < attention.branches; ++branch)
      csv += "," + number(attention.softmax[static_cast<std::size_t>(branch * count + tile)]);
    csv += "\n";
  }
  return csv;
}

}  // namespace fovea::gui
