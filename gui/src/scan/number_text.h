// Numbers as the window shows them: no thousands separators, a true minus sign, the dot that the files have too.
#pragma once

#include <QString>

namespace fovea::gui {

inline QString with_minus(QString text) {
  if (text.startsWith('-')) text.replace(0, 1, QChar(0x2212));
  return text;
}

/// "−10.7"; "0.0" and never "−0.0".
inline QString number_text(double value, int decimals) {
  QString text = QString::number(value, 'f', decimals);
  if (text.startsWith('-') && text.toDouble() == 0) text.remove(0, 1);
  return with_minus(text);
}

inline QString significant_text(double value, int digits) {
  return with_minus(QString::number(value, 'g', digits));
}

}  // namespace fovea::gui
