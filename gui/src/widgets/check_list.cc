#include "widgets/check_list.h"

#include <QCoreApplication>

#include <algorithm>

#include "model/engine_text.h"
#include "widgets/theme.h"

namespace fovea::gui {

using State = pipeline::PreflightCheck::State;

QString checkListHtml(const std::vector<pipeline::PreflightCheck>& checks) {
  const ThemeColours& c = themeColours();
  QString html;
  for (const auto& row : checks) {
    const bool bad = row.state == State::kBad;
    html += QStringLiteral("<p style='margin: 0 0 6px 0'><span style='color:%1'><b>%2</b></span> %3</p>")
                .arg((bad                         ? c.bad
                      : row.state == State::kNote ? c.warn
                                                  : c.good)
                         .name(),
                     bad                         ? QCoreApplication::translate("check_list", "No:")
                     : row.state == State::kNote ? QCoreApplication::translate("check_list", "Note:")
                                                 : QCoreApplication::translate("check_list", "Good:"),
                     engineText(row.sentence).toHtmlEscaped());
  }
  return html;
}

bool allGood(const std::vector<pipeline::PreflightCheck>& checks) {
  return std::none_of(checks.begin(), checks.end(), [](const auto& row) { return row.state == State::kBad; });
}

}  // namespace fovea::gui
