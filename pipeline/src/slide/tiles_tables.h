// What `slide tiles` writes of a whole run: its numbers slide by slide, and the list that CLAM keeps of its own.
#pragma once

#include <filesystem>
#include <vector>

#include "slide/feature_summary.h"
#include "slide/slide_tiles.h"

namespace fovea::pipeline::slide {

/// row, slide_id, state, tiles, positions, tissue_mm2, regions, what each guard dropped, how tiles are read. Atomic.
void write_tiles_csv(const std::filesystem::path& path, const std::vector<SlideEntry>& entries,
                     const std::vector<SlideOutcome>& outcomes, const std::vector<SlideTiles>& tiles);

/// CLAM's process_list_autogen.csv, with the parameters of the tissue rule as they were used. Atomic.
void write_process_list(const std::filesystem::path& path, const std::vector<SlideEntry>& entries,
                        const std::vector<SlideOutcome>& outcomes, const std::vector<SlideTiles>& tiles,
                        const TissueOptions& rule);

}  // namespace fovea::pipeline::slide
