// Volumes and results of `mri segment` and `mri growth` for a viewer: plain arrays in one orientation. Every load
// blocks for as long as the disk takes: call it off the GUI thread.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include <fovea/io/volume.h>

namespace fovea::pipeline {

using ViewIndex = std::array<std::int64_t, 3>;
using ViewPoint = std::array<double, 3>;

/// Display axis a is file axis `axis[a]`, against it where `flipped[a]`.
struct ViewAxes {
  std::array<int, 3> axis{0, 1, 2};
  std::array<bool, 3> flipped{false, false, false};
};

/// A lattice whose axes i, j, k run nearest to the patient's left, posterior and superior. Reordered from the file's,
/// never interpolated: an oblique scan stays oblique, and an axial slice in memory order is a radiological picture.
struct ViewGrid {
  io::Geometry geometry;  ///< of the display grid, LPS mm
  ViewAxes axes;

  std::size_t linear(const ViewIndex& at) const {
    return static_cast<std::size_t>((at[2] * geometry.size[1] + at[1]) * geometry.size[0] + at[0]);
  }
  bool contains(const ViewIndex& at) const;
  /// The voxel as the file counts it, as other viewers show it.
  ViewIndex file_index(const ViewIndex& at) const;
};

/// Grey values. Whole numbers within 16 bits are held as such, others as float; `compact` volumes always as 16 bits.
struct ViewVolume {
  ViewGrid grid;
  std::vector<std::int16_t> shorts;  ///< value = offset + scale * shorts[linear]; empty when `floats` is not
  std::vector<float> floats;
  double scale = 1, offset = 0;
  double least = 0, greatest = 0;
  /// 0, 0.1, ... 100 % of the voxels above 0, or of all where few are: MRI has no units, windows come from these.
  std::vector<double> quantiles;
  std::string modality;  ///< DICOM modality, else empty
  std::vector<std::string> notices;

  double value(const ViewIndex& at) const {
    const std::size_t i = grid.linear(at);
    return floats.empty() ? offset + scale * shorts[i] : static_cast<double>(floats[i]);
  }
  double quantile(double per_cent) const;
  std::size_t bytes() const { return shorts.size() * sizeof(std::int16_t) + floats.size() * sizeof(float); }
};

struct ViewReadOptions {
  io::VolumeReadOptions reading;
  bool compact = false;  ///< 16 bits over the range of values: an error of at most 1/131068 of it. For overlays.
};

/// Errors of io::read_volume; kCancelled after a stop request (looked at between reading and reordering).
ViewVolume load_view_volume(const std::filesystem::path& path, const ViewReadOptions& options = {},
                            const std::stop_token& stop = {});

/// The MR series of a DICOM folder that could be opened, described without identifiers; empty for a file.
struct ViewSeries {
  std::string text;    ///< "T1 axial, 274 x 384 x 64, 0.70 x 0.67 mm in plane"
  std::string series;  ///< for VolumeReadOptions::series
};
std::vector<ViewSeries> view_series(const std::filesystem::path& folder);

/// A connected part of a label map.
struct ViewLesion {
  int label = 0;
  std::string name;
  double volume_ml = 0, longest_diameter_mm = 0, longest_axial_diameter_mm = 0, axial_width_mm = 0;
  ViewPoint centroid_lps_mm{};
  std::string laterality;  ///< "left", "right", "midline"; empty when unknown
  std::optional<double> mean_probability, max_probability;
  bool below_size_limit = false;
  std::vector<std::int64_t> voxels;  ///< linear indices of the display grid, ascending
  ViewIndex begin{}, end{};          ///< box in the display grid, `end` exclusive

  bool holds(const ViewGrid& grid, const ViewIndex& at) const;
  /// Voxel of the lesion that is nearest to its centroid: a crescent's centroid lies outside it.
  ViewIndex anchor(const ViewGrid& grid) const;
};

/// A label map and what is known of its parts.
struct ViewSegmentation {
  ViewGrid grid;
  std::vector<std::uint8_t> labels;
  ViewIndex begin{}, end{};         ///< box of all that is not background, `end` exclusive
  std::vector<std::string> names;   ///< by label value, background first
  std::vector<ViewLesion> lesions;  ///< largest first
  bool from_report = false;         ///< measures are report.json's own, else measured here from the labels alone
  std::string model;                ///< architecture, empty without a report
  std::vector<std::string> notices;
  /// Other volumes of the result folder on any grid: "probability", gate maps. Name without extension, and where it is.
  std::vector<std::pair<std::string, std::filesystem::path>> overlays;

  /// Position in `lesions`, -1 for background.
  int lesion_at(const ViewIndex& at) const;
};

/// `path`: a result folder of `fovea mri segment` (segmentation.nii.gz, report.json), or a label map of any origin.
/// Error(kNotFound) without a label map, kCorrupt when its values are no labels 0..255 or report.json is damaged.
ViewSegmentation load_view_segmentation(const std::filesystem::path& path, const ViewReadOptions& options = {},
                                        const std::stop_token& stop = {});

/// growth.json of `fovea mri growth`.
struct ViewGrowth {
  struct Change {
    std::string verdict;  ///< "new", "vanished", "grown", "shrunk", "no certain change"
    double before_ml = 0, after_ml = 0, change_ml = 0, change_uncertainty_ml = 0;
    std::optional<double> change_percent, doubling_days;
    std::optional<ViewPoint> centroid_lps_mm;  ///< of the later outline; absent for the total
  };
  double days = 0;
  std::optional<Change> total;  ///< absent when neither outline holds a lesion
  std::vector<Change> lesions;
  std::vector<std::string> notices;
};
/// `path`: growth.json or the folder that holds it. Error(kNotFound, kCorrupt).
ViewGrowth load_view_growth(const std::filesystem::path& path);

/// Index of one grid to index of another through space.
struct IndexMap {
  std::array<double, 9> linear{1, 0, 0, 0, 1, 0, 0, 0, 1};  ///< row-major
  ViewPoint offset{};

  ViewPoint operator()(const ViewPoint& at) const {
    ViewPoint to = offset;
    for (std::size_t r = 0; r < 3; ++r)
      for (std::size_t c = 0; c < 3; ++c) to[r] += linear[3 * r + c] * at[c];
    return to;
  }
};
IndexMap index_from_lps(const io::Geometry& geometry);
IndexMap index_from_index(const io::Geometry& to, const io::Geometry& from);
/// True when both hold the same voxels at the same places, to a twentieth of a voxel: headers are rounded.
bool same_view_grid(const io::Geometry& a, const io::Geometry& b);

/// Colour of a label as `mri segment` writes and draws it, 0xRRGGBB; they repeat after five.
std::uint32_t label_colour(int label);

}  // namespace fovea::pipeline
