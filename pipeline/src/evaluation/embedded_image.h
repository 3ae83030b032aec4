// A picture inside a page.
#pragma once

#include <filesystem>
#include <string>

#include <fovea/io/image.h>

namespace fovea::pipeline::evaluation {

/// The picture as an <img> with its PNG inside, reduced to `width` pixels where it is wider. PNG is written by a
/// library that wants a file: one in `folder` that vanishes again.
std::string embedded_png(const io::Image& image, int width, const std::filesystem::path& folder,
                         const std::string& description);

}  // namespace fovea::pipeline::evaluation
