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

struct Tr {
  Q_DECLARE_TR_FUNCTIONS(Shortcuts)
};

QString section(const QString& title, const QList<std::pair<QString, QString>>& keys) {
  QString html = QStringLiteral("<h3>%1</h3><table cellpadding='4'>").arg(title);
  for (const auto& [key, what] : keys)
    html += QStringLiteral("<tr><td><b>%1</b></td><td>%2</td></tr>").arg(key.toHtmlEscaped(), what.toHtmlEscaped());
  return html + QStringLiteral("</table>");
}

QString page() {
  QString html = section(Tr::tr("Window"), {{QStringLiteral("Ctrl+O"), Tr::tr("Add files")},
                                            {QStringLiteral("Ctrl+Shift+O"), Tr::tr("Add a folder")},
                                            {QStringLiteral("Ctrl+F"), Tr::tr("Search cases")},
                                            {QStringLiteral("Ctrl+1, 2, 3"), Tr::tr("View, report, queue")},
                                            {QStringLiteral("Ctrl+R"), Tr::tr("Start the run")},
                                            {QStringLiteral("Ctrl+P"), Tr::tr("Save the report as PDF")},
                                            {QStringLiteral("Ctrl+,"), Tr::tr("Settings")}});
  html +=
      section(Tr::tr("Slide"), {{Tr::tr("Drag, arrows"), Tr::tr("Move")},
                                {Tr::tr("Wheel, + and -"), Tr::tr("Zoom")},
                                {QStringLiteral("0"), Tr::tr("Whole slide")},
                                {QStringLiteral("1"), Tr::tr("One slide pixel for one of the screen")},
                                {QStringLiteral("R, Shift+R"), Tr::tr("Rotate by 90°, and back")},
                                {QStringLiteral("H"), Tr::tr("Heatmap on and off")},
                                {Tr::tr("Space, held"), Tr::tr("Hide the heatmap")},
                                {QStringLiteral("[ ]"), Tr::tr("Opacity of the heatmap")},
                                {QStringLiteral("T"), Tr::tr("Tissue outline on and off")},
                                {Tr::tr("Page down, page up"), Tr::tr("Next and previous of the most attended places")},
                                {QStringLiteral("V, B, P, O, M"), Tr::tr("Move, rectangle, polygon, point, measure")},
                                {Tr::tr("Enter, double click"), Tr::tr("End a polygon")},
                                {Tr::tr("Backspace, Esc"), Tr::tr("Take back its last point, give it up")},
                                {QStringLiteral("Ctrl+Z, Ctrl+Shift+Z"), Tr::tr("Undo, redo regions")}});
#ifdef FOVEA_SCAN_VIEW
  const auto keys = ScanView::shortcuts();
  html += section(Tr::tr("Scan"), QList<std::pair<QString, QString>>(keys.begin(), keys.end()));
#endif
  return html + QStringLiteral("<p>%1</p>").arg(researchNotice());
}

}  // namespace

void showShortcuts(QWidget* parent) {
  QDialog dialog(parent);
  dialog.setWindowTitle(Tr::tr("Keys"));
  auto* text = new QTextBrowser(&dialog);
  text->setAccessibleName(Tr::tr("Keys"));
  text->setHtml(page());
  auto* buttons = new QDialogButtonBox(&dialog);
  buttons->addButton(Tr::tr("Close"), QDialogButtonBox::RejectRole);
  QObject::connect(buttons, &QDialogButtonBox::rejected, &dialog, &QDialog::reject);
  auto* layout = new QVBoxLayout(&dialog);
  layout->addWidget(text);
  layout->addWidget(buttons);
  dialog.resize(560, 620);
  dialog.exec();
}

}  // namespace fovea::gui
