#include <fovea/base/error.h>

#include <fstream>

#include "wsi/slide_readers.h"

namespace fovea::io {
namespace {

/// Tried in this order: a tiled TIFF is OpenSlide's, a flat one is a plain image.
const SlideReader kReaders[] = {{"OpenSlide", open_with_openslide}, {"plain image", open_plain_image}};

void check_readable(const std::filesystem::path& path) {
  std::error_code ignored;
  if (!std::filesystem::exists(path, ignored))
    throw Error(ErrorCode::kNotFound, path.string(), "there is no such slide", "Check the path.");
  if (std::filesystem::is_directory(path)) return;
  if (!std::filesystem::is_regular_file(path) || !std::ifstream(path))
    throw Error(ErrorCode::kNotFound, path.string(), "the slide cannot be read", "Check its permissions.");
  if (std::filesystem::file_size(path, ignored) == 0)
    throw Error(ErrorCode::kCorrupt, path.string(), "the slide is empty (0 bytes)", "Copy it again.");
}

}  // namespace

std::unique_ptr<Slide> open_slide(const std::filesystem::path& path, const SlideOptions& options) {
  check_readable(path);
  if (options.isolated) return open_isolated(path, options);
  std::string reasons;
  for (const SlideReader& reader : kReaders) {
    std::string reason;
    if (auto slide = reader.open(path, options, reason)) return slide;
    reasons += (reasons.empty() ? "" : "; ") + reader.name + ": " + reason;
  }
  throw Error(ErrorCode::kUnsupported, path.string(), "this is no slide that can be read (" + reasons + ")",
              "See fovea formats for what is read.");
}

}  // namespace fovea::io
