// How a model wants its volumes: the keys of a Raidionics pre_processing.ini, and two of our own for slice-wise
// networks.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <fovea/models/segmentation.h>

#include "mri/grid.h"

namespace fovea::pipeline::mri {

enum class Cropping { kNone, kMinimum, kBrainClip, kBrainMask };
enum class Normalisation { kNone, kDefault, kZeroMean, kZeroMeanNonzero };
enum class Activation { kSoftmax, kSigmoid };
enum class Plane { kAxial, kCoronal, kSagittal };

struct Preprocessing {
  // [Default]
  std::string imaging_modality = "MRI", training_backend = "TF";
  // [PreProcessing]
  std::optional<Vec3> output_spacing_mm;  ///< absent: the smallest spacing of the cropped input, on all axes
  Cropping cropping = Cropping::kNone;
  std::optional<std::pair<double, double>> clipping_values;
  std::pair<double, double> clipping_percentiles{0, 100};
  std::vector<std::int64_t> network_size;  ///< new_axial_size: 3 = whole volume, 2 = slabs, empty = patches
  Plane slicing_plane = Plane::kAxial;
  bool swap_axes = false;  ///< swap_training_input: the network sees [Z, Y, X]
  Normalisation normalisation = Normalisation::kNone;
  std::int64_t inputs = 1;
  std::vector<std::array<int, 2>> difference_pairs;  ///< diffloader_pairs: channels |input a - input b|
  // [Training]
  std::vector<std::string> classes;
  std::int64_t slab_size = 0;
  std::optional<Index3> patch_size, patch_offset;
  std::vector<double> thresholds;  ///< one per class (background first), or one for all, or none
  bool activation_included = true;
  Activation activation = Activation::kSoftmax;
  // [MRI]
  bool bias_correction = false;

  // Ours, for networks over slices, one by one (dims = 2) or recurrent.
  double slice_spacing_mm = 0;        ///< pixel size the network was trained at; 0: the slice fills the network
  double foreground_fraction = 0;     ///< z-score over pixels above this share of the slice's maximum
  std::vector<Plane> trained_planes;  ///< planes among the training slices

  bool exact_padding = false;  ///< ours: a volume smaller than a patch is padded to one patch, not beyond it

  // Ours, for networks over several modalities.
  std::int64_t slice_size = 0;          ///< recurrent: least edge of the square canvas, pixels; 0: the image's own
  std::vector<std::string> modalities;  ///< lower-case names in the order of the channels, such as swan, dwi, adc

  double threshold(std::size_t label) const;  ///< of class `label`; 0.5 when the model states none
  std::int64_t channels() const { return inputs + static_cast<std::int64_t>(difference_pairs.size()); }
};

/// Over a stack of slices and whichever modalities there are (recurrent_segmentation.h), not over a volume.
bool is_recurrent(const models::SegConfig& config);

/// From `fovea.preprocessing` (one JSON object, key to text, as model import writes it). An empty text gives documented
/// defaults: no crop, 1 mm for 3-D networks, percentiles 0-99.5, min-max to [0, 1]; for recurrent ones those of
/// reference/thrombus.md 2. Error(kCorrupt) names key and value
/// that make no sense, Error(kUnsupported) what is understood but not handled (CT lung cropping, a task that is not
/// segmentation).
Preprocessing preprocessing_from_json(const std::string& json, const models::SegConfig& config,
                                      const std::string& subject);

/// What cannot be honoured, as sentences for the user.
std::vector<std::string> preprocessing_notices(const Preprocessing& preprocessing);

std::string plane_name(Plane plane);
Plane plane_of(const std::string& name);  ///< axial unless it is another plane's name
/// The R, A, S axis that runs across the plane.
constexpr std::size_t across(Plane plane) {
  return plane == Plane::kSagittal ? 0 : plane == Plane::kCoronal ? 1 : 2;
}

}  // namespace fovea::pipeline::mri
