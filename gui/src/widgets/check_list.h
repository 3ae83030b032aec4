// What was looked at before a start, as text: the word tells what the colour says.
#pragma once

#include <QString>

#include <vector>

#include <fovea/pipeline/preparation.h>

namespace fovea::gui {

QString checkListHtml(const std::vector<pipeline::PreflightCheck>& checks);
/// True when nothing is bad.
bool allGood(const std::vector<pipeline::PreflightCheck>& checks);

}  // namespace fovea::gui
