#include <fovea/io/attention_file.h>

#include <cmath>

#include "slide/mask_file.h"
#include "target.h"

namespace {

namespace fs = std::filesystem;

/// A name with the ending that says GeoJSON for an open file; gone with the process.
class NamedInput {
 public:
  NamedInput() {
    std::string name = (fs::temp_directory_path() / "fovea-fuzz-XXXXXX").string();
    folder_ = ::mkdtemp(name.data());
  }
  ~NamedInput() {
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }
  fs::path of(const fs::path& file) {
    if (file != target_) {
      fs::remove(folder_ / "in.geojson");
      fs::create_symlink(file, folder_ / "in.geojson");
      target_ = file;
    }
    return folder_ / "in.geojson";
  }

 private:
  fs::path folder_, target_;
};

}  // namespace

std::vector<std::string> fovea::fuzz::seeds() {
  const std::string ring = "[[10,10],[200.5,10],[200,150],[10,10]]";
  const std::string polygon = R"("geometry":{"type":"Polygon","coordinates":[)" + ring + ",[[20,20],[30,20],[30,30]]]}";
  return {R"({"type":"FeatureCollection","features":[{"type":"Feature",)" + polygon + "}]}",
          R"([{"type":"Feature","geometry":{"type":"MultiPolygon","coordinates":[[)" + ring + "],[" + ring + "]]}}]",
          R"({"type":"Polygon","coordinates":[)" + ring + "]}",
          // One feature a line, as heatmap.geojson has them.
          "{\"type\":\"FeatureCollection\",\"features\":[\n{\"type\":\"Feature\",\"properties\":{\"objectType\":"
          "\"annotation\"}," +
              polygon + "},\n{\"type\":\"Feature\",\"properties\":{\"objectType\":\"tile\"}}\n]}\n"};
}

/// Masks are 0 or 255 and of the grid's size; outlines that are read have numbers.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea;
  static NamedInput named;
  pipeline::slide::OverviewGrid grid;
  grid.width = 40, grid.height = 30;
  grid.frame.pixel_px = 8, grid.frame.origin_x = 5, grid.frame.origin_y = 5;
  io::SlideInfo info;
  info.bounds_width = 320, info.bounds_height = 240;
  fuzz::as_file(data, size, [&](const auto& path) {
    const io::Image mask = pipeline::slide::read_mask_file(named.of(path), grid, info);
    if (mask.width != 40 || mask.height != 30 || mask.pixels.size() != 1200) __builtin_trap();
    for (const std::uint8_t value : mask.pixels)
      if (value != 0 && value != 255) __builtin_trap();
  });
  fuzz::as_file(data, size, [&](const auto& path) {
    for (const io::TissueRegion& region : io::read_tissue_geojson(path))
      for (const auto& ring : region.rings)
        for (const auto& [x, y] : ring)
          if (!std::isfinite(x) || !std::isfinite(y)) __builtin_trap();
  });
  return 0;
}
