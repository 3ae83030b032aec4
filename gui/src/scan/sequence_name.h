// What a sequence is called: file names may hold a patient's name, so only known words are taken from them.
#pragma once

#include <QString>

namespace fovea::gui {

/// "T1", "T1 contrast", "FLAIR", ... when the name says so, else "Sequence 2" with `number`.
QString sequence_name(const QString& path, int number);

}  // namespace fovea::gui
