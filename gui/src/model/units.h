// Numbers as people read them: always with a unit, in the user's language.
#pragma once

#include <QString>

namespace fovea::gui {

QString lengthText(double um);         ///< "250 µm", "1.3 mm"
QString areaText(double um2);          ///< "1 200 µm²", "0.45 mm²"
QString durationText(double seconds);  ///< "40 s", "3 min 20 s"
/// "20x" from the true scale shown: 10 µm/px is 1x, as microscopes count.
QString magnificationText(double um_per_screen_px);
/// The largest of 1, 2, 5 x 10^n that is not above `limit`.
double roundLength(double limit);

}  // namespace fovea::gui
