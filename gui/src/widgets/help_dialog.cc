#include "widgets/help_dialog.h"

#include <QCoreApplication>
#include <QDialog>
#include <QDialogButtonBox>
#include <QPushButton>
#include <QTextBrowser>
#include <QVBoxLayout>

#include "model/report.h"

#if __has_include(<fovea/gui/scan_view.h>)
#include <fovea/gui/scan_view.h>
#define FOVEA_SCAN_VIEW 1
#endif

namespace fovea::gui {
namespace {

QString tr(const char* text) {
  return QCoreApplication::translate("Shortcuts", text);
}

QString section(const QString& title, const QList<std::pair<QString, QString>>& keys) {
  QString html = QStringLiteral("<h3>%1</h3><table cellpadding='4'>").arg(title);
  for (const auto& [key, what] : keys)
    html += QStringLiteral("<tr><td><b>%1</b></td><td>%2</td></tr>").arg(key.toHtmlEscaped(), what.toHtmlEscaped());
  return html + QStringLiteral("</table>");
}

QString page() {
  QString html = section(tr("Window"), {{QStringLiteral("Ctrl+O"), tr("Add files")},
                                        {QStringLiteral("Ctrl+Shift+O"), tr("Add a folder")},
                                        {QStringLiteral("Ctrl+F"), tr("Search cases")},
                                        {QStringLiteral("Ctrl+1, 2, 3"), tr("View, report, queue")},
                                        {QStringLiteral("Ctrl+R"), tr("Start the run")},
                                        {QStringLiteral("Ctrl+P"), tr("Save the report as PDF")},
                                        {QStringLiteral("Ctrl+,"), tr("Settings")}});
  html += section(tr("Slide"), {{tr("Drag, arrows"), tr("Move")},
                                {tr("Wheel, + and -"), tr("Zoom")},
                                {QStringLiteral("0"), tr("Whole slide")},
                                {QStringLiteral("1"), tr("One slide pixel for one of the screen")},
                                {QStringLiteral("R, Shift+R"), tr("Rotate by 90°, and back")},
                                {QStringLiteral("H"), tr("Heatmap on and off")},
                                {tr("Space, held"), tr("Hide the heatmap")},
                                {QStringLiteral("[ ]"), tr("Opacity of the heatmap")},
                                {QStringLiteral("T"), tr("Tissue outline on and off")},
                                {tr("Page down, page up"), tr("Next and previous of the most attended places")},
                                {QStringLiteral("V, B, P, O, M"), tr("Move, rectangle, polygon, point, measure")},
                                {tr("Enter, double click"), tr("End a polygon")},
                                {tr("Backspace, Esc"), tr("Take back its last point, give it up")},
                                {QStringLiteral("Ctrl+Z, Ctrl+Shift+Z"), tr("Undo, redo regions")}});
#ifdef FOVEA_SCAN_VIEW
  const auto keys = ScanView::shortcuts();
  html += section(tr("Scan"), QList<std::pair<QString, QString>>(keys.begin(), keys.end()));
#endif
  return html + QStringLiteral("<p>%1</p>").arg(researchNotice());
}

}  // namespace

void showShortcuts(QWidget* parent) {
  QDialog dialog(parent);
  dialog.setWindowTitle(tr("Keys"));
  auto* text = new QTextBrowser(&dialog);
  text->setAccessibleName(tr("Keys"));
  text->setHtml(page());
  auto* buttons = new QDialogButtonBox(&dialog);
  buttons->addButton(tr("Close"), QDialogButtonBox::RejectRole);
  QObject::connect(buttons, &QDialogButtonBox::rejected, &dialog, &QDialog::reject);
  auto* layout = new QVBoxLayout(&dialog);
  layout->addWidget(text);
  layout->addWidget(buttons);
  dialog.resize(560, 620);
  dialog.exec();
}

}  // namespace fovea::gui
