// Random views: where a view's voxels come from, and how a scanner might have changed their values. On plain arrays,
// reproducible from a random source.
#pragma once

#include <cstdint>
#include <string>

#include "mri/grid.h"
#include "slide/random_source.h"

namespace fovea::pipeline::mri::training {

/// Defaults: segmentation.md 6. Changes of place act with `probability` each, those of values with
/// `intensity_probability` each; amplitudes are drawn evenly up to the figure, both ways where that makes sense.
struct Augmentation {
  double probability = 0.5;
  std::string flip_axes = "x";  ///< each mirrored in half of the views
  double rotation_degrees = 20;
  double shift = 0.1;        ///< share of the view's size
  double zoom = 0.2;         ///< 0.2: 80 to 120 %
  double perspective = 0.1;  ///< change of scale from the centre to the border
  double intensity_probability = 0.5;
  double gamma = 0.25;      ///< exponent exp(+-gamma) on values between the channel's extremes
  double bias_field = 0.2;  ///< smooth factor exp(+-bias_field) across the view
  double noise = 0.1;       ///< Gaussian, in standard deviations of the channel
  double blur = 0;          ///< Gaussian, sigma in voxels
  double healthy = 0;       ///< slices: probability of the mirrored healthy half, where a slice has one
};

/// Position in the source, in voxels, for positions in the view relative to its centre.
struct Warp {
  Affine affine;  ///< of the position relative to the view's centre
  Vec3 tilt{0, 0, 0};
  Vec3 operator()(const Vec3& from_centre) const;
};
/// `flat`: only x and y are turned, as slices are. `centre`: where the view's centre lies in the source.
Warp random_warp(slide::RandomSource& random, const Augmentation& augmentation, const Index3& view, bool flat,
                 const Vec3& centre);
/// No change: a cut.
Warp plain_warp(const Vec3& centre);

enum class Beyond { kZero, kEdge };  ///< what lies outside of the source
/// Trilinear (`flat`: bilinear in the slice).
Grid warped(const Grid& source, const Warp& warp, const Index3& view, bool flat, Beyond beyond);
/// Nearest; 0 outside.
std::vector<std::uint8_t> warped_label(const std::vector<std::uint8_t>& source, const Index3& size, const Warp& warp,
                                       const Index3& view);

struct Strength {
  double gamma = 0, bias_field = 0, noise = 0, blur = 0;  ///< as in Augmentation
  double probability = 1;
};
/// The channel's mean and deviation stay. A constant channel stays as it is.
void change_values(Grid& channel, slide::RandomSource& random, const Strength& strength, bool flat);

/// A seed that depends on every bit of both.
std::uint64_t mixed_seed(std::uint64_t a, std::uint64_t b);

}  // namespace fovea::pipeline::mri::training
