// A small bitmap font for legends: no font file to find, the same pixels on every machine.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>

#include <fovea/io/image.h>

namespace fovea::pipeline::slide {

constexpr int kGlyphWidth = 6, kGlyphHeight = 10;  ///< advance and line height in font pixels

using Colour = std::array<std::uint8_t, 3>;

/// Draws `text` with its top-left at (x, y), each font pixel `scale` image pixels wide; clipped to the image. Bytes
/// that are not printable ASCII show as one box a character.
void draw_text(io::Image& image, int x, int y, std::string_view text, const Colour& colour, int scale);
int text_width(std::string_view text, int scale);
/// The text cut to `max_width` image pixels, with ".." at the end when something was cut.
std::string fitted_text(std::string_view text, int max_width, int scale);

void fill_rectangle(io::Image& image, int x, int y, int width, int height, const Colour& colour);

}  // namespace fovea::pipeline::slide
