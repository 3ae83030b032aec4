// What went wrong, for people: one sentence without file names, and the full text for the folded part.
#pragma once

#include <QString>

#include <exception>

namespace fovea::gui {

struct Failure {
  QString sentence;  ///< problem and remedy; no path, no name
  QString details;   ///< everything, may name files
  bool cancelled = false;
};

Failure failureOf(const std::exception& error);

}  // namespace fovea::gui
