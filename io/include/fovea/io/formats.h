// The explicit tables of readers and exporters. A new format is one new file and one row.
#pragma once

#include <span>
#include <string_view>

namespace fovea::io {

struct FormatRow {
  std::string_view kind;        ///< "slide", "volume", "bag", "weights", "export"
  std::string_view name;        ///< "aperio, hamamatsu, ... (OpenSlide)"
  std::string_view extensions;  ///< ".svs .ndpi ..."
  std::string_view direction;   ///< "read", "write", "read/write"
  std::string_view note;
};

std::span<const FormatRow> formats();

}  // namespace fovea::io
