#include "slide/tiles_tables.h"

#include <fovea/io/atomic_file.h>

#include "slide/csv_table.h"
#include "slide/words.h"

namespace fovea::pipeline::slide {

void write_tiles_csv(const std::filesystem::path& path, const std::vector<SlideEntry>& entries,
                     const std::vector<SlideOutcome>& outcomes, const std::vector<SlideTiles>& tiles) {
  std::string table =
      "row,slide_id,tiles,positions,tissue_mm2,regions,dropped_pen,dropped_black,dropped_blur,unreadable,mpp_level0,"
      "level,read_px,footprint_px,step_px\n";
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (outcomes[i].state != SlideState::kDone) continue;
    const SlideTiles& t = tiles[i];
    table += std::to_string(entries[i].row) + "," + csv_cell(entries[i].id) + "," + std::to_string(t.tiles) + "," +
             std::to_string(t.positions) + "," + number_text(t.tissue_mm2, 6) + "," + std::to_string(t.regions) + "," +
             std::to_string(t.guards.pen) + "," + std::to_string(t.guards.black) + "," + std::to_string(t.guards.blur) +
             "," + std::to_string(t.guards.unreadable) + "," + number_text(t.plan.mpp_level0, 6) + "," +
             std::to_string(t.plan.level) + "," + std::to_string(t.plan.read_px) + "," +
             std::to_string(t.plan.footprint_px) + "," + std::to_string(t.plan.step_px) + "\n";
  }
  io::write_file(path, table);
}

void write_process_list(const std::filesystem::path& path, const std::vector<SlideEntry>& entries,
                        const std::vector<SlideOutcome>& outcomes, const std::vector<SlideTiles>& tiles,
                        const TissueOptions& rule) {
  std::string table =
      "slide_id,process,status,seg_level,sthresh,mthresh,close,use_otsu,keep_ids,exclude_ids,a_t,a_h,max_n_holes,"
      "vis_level,line_thickness,use_padding,contour_fn\n";
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const SlideState state = outcomes[i].state;
    const char* status = state == SlideState::kDone       ? "processed"
                         : state == SlideState::kPresent  ? "already_exist"
                         : state == SlideState::kNoTissue ? "failed_seg"
                                                          : "failed";
    const std::string level = std::to_string(tiles[i].tissue_level);
    table += csv_cell(entries[i].path.filename().string()) + "," + (state == SlideState::kFailed ? "1," : "0,") +
             status + "," + level + "," + std::to_string(rule.threshold) + "," + std::to_string(rule.median_px) + "," +
             std::to_string(rule.closing_px) + "," + (rule.method == "otsu" ? "True" : "False") + ",none,none," +
             number_text(rule.clam.a_t) + "," + number_text(rule.clam.a_h) + "," +
             std::to_string(rule.clam.max_n_holes) + "," + level + ",250,True,four_pt\n";
  }
  io::write_file(path, table);
}

}  // namespace fovea::pipeline::slide
