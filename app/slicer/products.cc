#include "products.h"

#include <charconv>
#include <limits>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>
#include <fovea/io/volume.h>

#include "output_files.h"
#include "tile_products.h"

namespace fovea::slicer {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;

// The job has held its own memory limit; reading its files back must not know another.
const io::VolumeReadOptions kAnySize{.max_bytes = std::numeric_limits<double>::max()};

std::string number(double value) {
  char text[32];
  return {text, std::to_chars(text, text + sizeof text, value).ptr};
}

std::string one_line(std::string text) {
  for (char& c : text)
    if (c == '\n' || c == '\r') c = ' ';
  return text;
}

std::string notices_of(const pipeline::JobResult& result) {
  std::string text;
  for (const std::string& notice : result.notices) text += (text.empty() ? "" : "; ") + notice;
  return text;
}

/// From the .seg.nrrd: its header holds the grid in full precision, which NIfTI's does not.
io::LabelVolume labels_in(const fs::path& results) {
  const io::Volume read = io::read_volume(results / "segmentation.seg.nrrd", kAnySize);
  return {read.geometry, {read.values.begin(), read.values.end()}};
}

ReturnValues deliver_lesions(const Module& module, const Arguments& arguments, const fs::path& results,
                             const Json& json) {
  const auto wanted = [&](Role role) { return arguments.output(module, role); };
  const io::LabelVolume labels = labels_in(results);
  OutputFiles files;
  files.add(wanted(Role::kLabelMap), [&](const fs::path& path) { io::write_label_map(path, labels); });
  files.add(wanted(Role::kProbability), [&](const fs::path& path) {
    io::Volume probability = io::read_volume(results / "probability.nii.gz", kAnySize);
    if (probability.geometry.size != labels.geometry.size)
      throw Error(ErrorCode::kInternal, "probability", "it left the grid of the labels");
    probability.geometry = labels.geometry;
    io::write_volume(path, probability);
  });
  files.add_copy(wanted(Role::kLesionTable), results / "lesions.csv");
  const fs::path report = wanted(Role::kReport);
  files.add_copy(report, results / ("report" + report.extension().string()));
  files.commit();
  double total = 0;
  for (const Json& row : json.at("totals")) total += row.at("volume_ml").get<double>();
  return {{"totalVolumeMl", number(total)}, {"lesionCount", std::to_string(json.at("lesions").size())}};
}

ReturnValues deliver_attention(const Module& module, const Arguments& arguments, const fs::path& results,
                               const Json& json) {
  const io::AttentionFile tiles = io::read_attention_h5(results / "attention.h5");
  const double mpp = json.at("scale").at("mpp_level0").get<double>(),
               step_px = json.at("scale").at("step_px").get<double>();
  OutputFiles files;
  files.add(arguments.output(module, Role::kHeatmap),
            [&](const fs::path& path) { io::write_volume(path, heatmap_volume(tiles, step_px, mpp)); });
  files.add(arguments.output(module, Role::kTileTable),
            [&](const fs::path& path) { io::write_file(path, tile_table(tiles, mpp)); });
  files.commit();
  const Json& best = json.at("predicted_class");
  return {{"predictedClass", best.at("name").get<std::string>()},
          {"probabilityOfClass", number(best.at("probability").get<double>())},
          {"tileCount", std::to_string(json.at("tiles").at("used").get<std::int64_t>())}};
}

}  // namespace

ReturnValues deliver(const Module& module, const Arguments& arguments, const fs::path& results,
                     const pipeline::JobResult& result) {
  const Json json = Json::parse(result.json);
  ReturnValues values = module.job == "slide predict" ? deliver_attention(module, arguments, results, json)
                                                      : deliver_lesions(module, arguments, results, json);
  values.emplace_back("notices", notices_of(result));
  return values;
}

void write_return_values(const fs::path& path, const ReturnValues& values) {
  if (path.empty()) return;
  std::string text;
  for (const auto& [name, value] : values) text += name + " = " + one_line(value) + "\n";
  io::write_file(path, text);
}

}  // namespace fovea::slicer
