// What a sequence is called: file names may hold a patient's name, so only known words are taken from them.
#pragma once

#include <QString>

namespace fovea::gui {

/// "T1", "T1 contrast", "FLAIR", ... when the name says so, else "Sequence 2" with `number`.
QString sequence_name(const QString& path, int number);

/// Of a volume that `mri segment` wrote beside its result: "probability", "attention gate", "attention on swan".
QString overlay_name(const QString& file);

}  // namespace fovea::gui
