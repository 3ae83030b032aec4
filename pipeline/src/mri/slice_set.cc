#include "mri/slice_set.h"

#include <algorithm>
#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include <fovea/base/error.h>
#include <fovea/io/image.h>

#include "mri/grid.h"
#include "mri/resize.h"

namespace fovea::pipeline::mri {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kMaxPixels = 64 << 20;

using Row = std::map<std::string, std::string>;

std::vector<std::string> fields(const std::string& line) {
  std::vector<std::string> result;
  std::istringstream stream(line);
  for (std::string field; std::getline(stream, field, ',');) {
    while (!field.empty() && (field.back() == '\r' || field.back() == ' ')) field.pop_back();
    result.push_back(field);
  }
  return result;
}

std::vector<Row> read_index(const fs::path& path) {
  std::ifstream stream(path);
  std::string line;
  if (!stream || !std::getline(stream, line))
    throw Error(ErrorCode::kNotFound, path.string(), "the list of slices cannot be read",
                "Give a folder with index.csv, images/ and masks/.");
  const std::vector<std::string> header = fields(line);
  for (const char* column : {"id", "class", "split"})
    if (std::find(header.begin(), header.end(), column) == header.end())
      throw Error(ErrorCode::kCorrupt, path.string(), "it has no column '" + std::string(column) + "'",
                  "The first line must name the columns id, class and split.");
  std::vector<Row> rows;
  for (std::int64_t number = 2; std::getline(stream, line); ++number) {
    const std::vector<std::string> values = fields(line);
    if (values.empty()) continue;
    if (values.size() != header.size())
      throw Error(ErrorCode::kCorrupt, path.string(),
                  "line " + std::to_string(number) + " has " + std::to_string(values.size()) + " fields instead of " +
                      std::to_string(header.size()),
                  "Correct the line.");
    Row row;
    for (std::size_t i = 0; i < header.size(); ++i) row[header[i]] = values[i];
    if (row["id"].empty() || row["id"].find('/') != std::string::npos)
      throw Error(ErrorCode::kCorrupt, path.string(),
                  "line " + std::to_string(number) + " has an id that is no file name", "Correct the line.");
    rows.push_back(std::move(row));
  }
  return rows;
}

/// Area average to a square of `size`; a picture that is not square is refused because its pixels would lose their
/// shape.
Grid squared(const io::Image& image, std::int64_t size, const fs::path& path) {
  if (image.width != image.height || image.width < 2)
    throw Error(
        ErrorCode::kShape, path.string(),
        "the slice is " + std::to_string(image.width) + " x " + std::to_string(image.height) + " pixels, not square",
        "Pad it with black.");
  Grid grid({image.width, image.height, 1});
  for (int y = 0; y < image.height; ++y)
    for (int x = 0; x < image.width; ++x)
      grid.values[grid.at(image.width - 1 - x, image.height - 1 - y, 0)] = *image.at(x, y);
  if (grid.size[0] % size != 0) return resize_antialiased(grid, {size, size, 1}, Interpolation::kLinear);
  const std::int64_t factor = grid.size[0] / size;
  Grid small({size, size, 1});
  for (std::int64_t y = 0; y < grid.size[1]; ++y)
    for (std::int64_t x = 0; x < grid.size[0]; ++x)
      small.values[small.at(x / factor, y / factor, 0)] += grid.values[grid.at(x, y, 0)];
  for (float& v : small.values) v /= static_cast<float>(factor * factor);
  return small;
}

OutlinedSlice read_slice(const fs::path& folder, const Row& row, std::size_t label, std::int64_t size, double& scale) {
  const fs::path image_path = folder / "images" / (row.at("id") + ".png"),
                 mask_path = folder / "masks" / (row.at("id") + ".png");
  const io::Image image = io::read_image(image_path, kMaxPixels), mask = io::read_image(mask_path, kMaxPixels);
  if (image.width != mask.width || image.height != mask.height)
    throw Error(ErrorCode::kShape, mask_path.string(), "the mask has another size than its image",
                "Export both from the same slice.");
  OutlinedSlice slice;
  slice.id = row.at("id"), slice.class_name = row.at("class");
  scale = static_cast<double>(image.width) / static_cast<double>(size);
  slice.image = squared(image, size, image_path).values;
  const std::vector<float> covered = squared(mask, size, mask_path).values;
  const float full =
      *std::max_element(mask.pixels.begin(), mask.pixels.end());  // 1-bit files are read as 0/255, others may hold 0/1
  slice.mask.resize(covered.size());
  std::transform(covered.begin(), covered.end(), slice.mask.begin(), [&](float v) {
    return full > 0 && v >= full / 2 ? static_cast<std::uint8_t>(label) : std::uint8_t{0};
  });
  return slice;
}

}  // namespace

SliceSet read_slice_set(const fs::path& folder, const std::vector<std::string>& classes, std::int64_t size,
                        const std::function<void(double)>& advance) {
  const std::vector<Row> rows = read_index(folder / "index.csv");
  SliceSet set;
  set.size = size;
  std::set<std::string> seen;
  std::size_t done = 0;
  for (const Row& row : rows) {
    advance(static_cast<double>(done++) / static_cast<double>(rows.size()));
    seen.insert(row.at("class"));
    const auto found = std::find(classes.begin(), classes.end(), row.at("class"));
    const std::string& split = row.at("split");
    if (found == classes.end() || (split != "train" && split != "val")) continue;
    auto& part = split == "train" ? set.train : set.val;
    part.push_back(read_slice(folder, row, 1 + static_cast<std::size_t>(found - classes.begin()), size, set.scale));
  }
  std::string known;
  for (const std::string& name : seen) known += (known.empty() ? "" : ", ") + name;
  if (set.train.empty())
    throw Error(ErrorCode::kNotFound, (folder / "index.csv").string(),
                "no training slice has one of the wanted classes", "Its classes are: " + known + ".");
  return set;
}

}  // namespace fovea::pipeline::mri
