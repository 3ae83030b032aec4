#include "mri/segmentation.h"

#include <algorithm>
#include <cmath>
#include <functional>

#include <fovea/base/error.h>

#include "mri/back_to_native.h"
#include "mri/intensity.h"
#include "mri/network_step.h"
#include "mri/recurrent_run.h"
#include "mri/resample.h"
#include "mri/resize.h"
#include "mri/same_grid.h"
#include "mri/slices.h"

namespace fovea::pipeline::mri {
namespace {

/// As [X][Y][Z] with z fastest, the layout of the fixtures.
io::Array array_of(const Grid& grid) {
  return io::make_array<float>(permuted(grid, {2, 1, 0}).values, {grid.size[0], grid.size[1], grid.size[2]});
}
/// Grids side by side as [X][Y][Z][C].
io::Array array_of(const std::vector<Grid>& grids) {
  const Index3 size = grids.front().size;
  const std::size_t count = grids.size();
  std::vector<float> values(static_cast<std::size_t>(product(size)) * count);
  for (std::size_t c = 0; c < count; ++c) {
    const Grid turned = permuted(grids[c], {2, 1, 0});
    for (std::size_t i = 0; i < turned.values.size(); ++i) values[i * count + c] = turned.values[i];
  }
  return io::make_array<float>(values, {size[0], size[1], size[2], static_cast<std::int64_t>(count)});
}
io::Array array_of(const std::vector<std::uint8_t>& labels, const Index3& size) {
  Grid grid(size);
  std::copy(labels.begin(), labels.end(), grid.values.begin());
  const Grid turned = permuted(grid, {2, 1, 0});
  std::vector<std::uint8_t> values(turned.values.size());
  std::transform(turned.values.begin(), turned.values.end(), values.begin(),
                 [](float v) { return static_cast<std::uint8_t>(v); });
  return io::make_array<std::uint8_t>(values, {size[0], size[1], size[2]});
}
io::Array array_of(const Affine& affine) {
  std::vector<double> values;
  for (std::size_t r = 0; r < 3; ++r) {
    for (std::size_t c = 0; c < 3; ++c) values.push_back(affine.linear[3 * r + c]);
    values.push_back(affine.offset[r]);
  }
  values.insert(values.end(), {0, 0, 0, 1});
  return io::make_array<double>(values, {4, 4});
}

/// The label whose probability is highest among those that reach their threshold; 0 where none does.
std::vector<std::uint8_t> labelled(const std::vector<Grid>& foreground, const std::vector<double>& thresholds) {
  std::vector<std::uint8_t> labels(foreground.front().values.size(), 0);
  for (std::size_t i = 0; i < labels.size(); ++i) {
    float best = -1;
    for (std::size_t c = 0; c < foreground.size(); ++c)
      if (const float p = foreground[c].values[i]; p >= thresholds[c] && p > best)
        best = p, labels[i] = static_cast<std::uint8_t>(c + 1);
  }
  return labels;
}

class Run {
 public:
  Run(SegmentationInput& input, const SegmentationModel& model, const SegmentationSettings& settings,
      ProgressMeter& meter)
      : input_(input),
        model_(model),
        p_(model.preprocessing),
        settings_(settings),
        meter_(meter),
        geometry_(input.volumes.front().geometry) {}

  Segmentation run() {
    check_inputs();
    for (std::size_t c = 1; c < static_cast<std::size_t>(model_.config.classes); ++c)
      result_.thresholds.push_back(settings_.threshold.value_or(p_.threshold(c)));
    result_.labels.geometry = geometry_;
    keep("input_affine", [&] { return array_of(ras_from_index(geometry_)); });
    find_crop();
    if (model_.config.dims == 2) {
      run_slice_wise();
    } else {
      run_whole();
    }
    meter_.stage("labelling", 0.93, 0.95);
    if (result_.labels.values.empty()) result_.labels.values = labelled(result_.probabilities, result_.thresholds);
    keep("final.probabilities_resample_first", [&] {
      return result_.probabilities.size() == 1 ? array_of(result_.probabilities.front())
                                               : array_of(result_.probabilities);
    });
    if (settings_.order == ResampleOrder::kFirst) {
      keep("final.thresholding_resample_first", [&] { return array_of(result_.labels.values, geometry_.size); });
    } else {
      keep("final.thresholding_resample_first",
           [&] { return array_of(labelled(result_.probabilities, result_.thresholds), geometry_.size); });
    }
    return std::move(result_);
  }

 private:
  void check_inputs() const {
    const auto wanted = static_cast<std::size_t>(p_.inputs);
    if (input_.volumes.size() != wanted)
      throw Error(ErrorCode::kShape, input_.subject,
                  "the model takes " + std::to_string(wanted) + (wanted == 1 ? " volume" : " volumes") + ", " +
                      std::to_string(input_.volumes.size()) + " given",
                  wanted == 1 ? "Give one volume." : "Give them in the order the model was trained with.");
    for (std::size_t i = 1; i < input_.volumes.size(); ++i)
      check_grid(input_.volumes[i].geometry, "input " + std::to_string(i + 1));
    if (input_.brain_mask) check_grid(input_.brain_mask->geometry, "the brain mask");
    if (model_.config.classes < 2 || model_.config.classes > 256)
      throw Error(ErrorCode::kUnsupported, "model",
                  std::to_string(model_.config.classes) + " classes cannot be written as labels",
                  "Take a model with 2 to 256 classes, background first.");
  }
  void check_grid(const io::Geometry& other, const std::string& what) const {
    if (!same_grid(geometry_, other))
      throw Error(ErrorCode::kShape, input_.subject,
                  what + " (" + size_text(other.size) + ") does not lie on the grid of the first volume (" +
                      size_text(geometry_.size) + ", position or spacing differ)",
                  "Resample it onto the first volume, for instance in 3D Slicer, and run again.");
  }

  template <class Make>
  void keep(const char* name, Make make) {
    if (settings_.dump) result_.dump[name] = make();
  }

  Grid take(io::Volume& volume, bool keep_values) {
    Grid grid;
    grid.size = volume.geometry.size;
    if (keep_values) {
      grid.values = volume.values;
    } else {
      grid.values.swap(volume.values);
    }
    return grid;
  }

  // --- step 2 ---

  void find_crop() {
    meter_.stage("finding the head", 0.10, 0.13);
    const bool needs_brain = wants_brain(p_) && !settings_.whole_head;
    first_ = take(input_.volumes.front(), true);  // the overlay shows it
    result_.crop = whole(geometry_.size);
    const Box head = foreground_box(first_, settings_.compat, input_.subject);  // also refuses a constant volume
    if (p_.cropping == Cropping::kMinimum) result_.crop = head;
    if (needs_brain) {
      if (!input_.brain_mask)
        throw Error(ErrorCode::kUsage, "--brain-mask",
                    "the model was trained on the brain alone and needs a brain mask",
                    "Give a mask on the volume's grid with --brain-mask mask.nii.gz.");
      Grid mask = take(*input_.brain_mask, false);
      mask_ = brain_mask(mask, "brain mask");
      result_.crop = mask_->box;
    }
    keep("pre.crop_bbox", [&] {
      const auto& [b, e] = result_.crop;
      const std::vector<std::int32_t> values{static_cast<std::int32_t>(b[0]), static_cast<std::int32_t>(b[1]),
                                             static_cast<std::int32_t>(b[2]), static_cast<std::int32_t>(e[0]),
                                             static_cast<std::int32_t>(e[1]), static_cast<std::int32_t>(e[2])};
      return io::make_array<std::int32_t>(values, {6});
    });
  }

  Grid cropped(std::size_t i) {
    Grid grid = i == 0 ? std::move(first_) : take(input_.volumes[i], false);
    if (mask_ && p_.cropping == Cropping::kBrainMask) keep_inside(grid, *mask_);
    return result_.crop == whole(grid.size) ? std::move(grid) : cut(grid, result_.crop);
  }

  // --- steps 3 to 7, three-dimensional networks ---

  void place(const Index3& crop_size) {
    placement_.native_size = geometry_.size, placement_.crop = result_.crop;
    placement_.crop_ras_from_index = ras_from_index(geometry_);
    const Index3& begin = result_.crop.begin;
    // The published pipeline leaves the affine where it was. Nothing but the intermediate's position depends on it.
    if (settings_.compat == Compat::kFovea)
      placement_.crop_ras_from_index.offset = placement_.crop_ras_from_index(
          {static_cast<double>(begin[0]), static_cast<double>(begin[1]), static_cast<double>(begin[2])});
    const auto& s = geometry_.spacing_mm;
    const double smallest = std::min({s[0], s[1], s[2]});
    placement_.lattice = axis_aligned_lattice(crop_size, placement_.crop_ras_from_index,
                                              p_.output_spacing_mm.value_or(Vec3{smallest, smallest, smallest}),
                                              settings_.max_bytes / 16);
    placement_.network_size = network_size();
    const Index3& tile = plan_tiles(placement_.network_size, p_).tile;
    if (network_bytes(model_.config, static_cast<double>(product(tile))) > 4 * settings_.max_bytes)
      throw Error(ErrorCode::kOutOfMemory, "model",
                  "its input of " + size_text(tile) + " voxels would need more memory than allowed",
                  "Raise --max-memory-gb if the machine has it.");
    keep("pre.resampled_affine", [&] { return array_of(placement_.lattice.ras_from_index); });
  }

  /// Three numbers are the network's size; two the size of an axial slice, the third follows its proportion; none
  /// leaves the lattice.
  Index3 network_size() const {
    const Index3& lattice = placement_.lattice.size;
    const auto& n = p_.network_size;
    if (n.size() == 3) return {n[0], n[1], n[2]};
    if (n.size() != 2) return lattice;
    if (p_.slicing_plane == Plane::kSagittal) return {n[0], n[0], n[1]};
    if (p_.slicing_plane == Plane::kCoronal) return {n[0], n[0], n[1]};
    return {n[0], n[1],
            std::max<std::int64_t>(
                1, static_cast<std::int64_t>(static_cast<double>(lattice[2]) *
                                             (static_cast<double>(n[1]) / static_cast<double>(lattice[1]))))};
  }

  /// Steps 3 and 4; not yet normalised.
  Grid on_network_lattice(std::size_t i, bool& annotation) {
    Grid crop = cropped(i);
    annotation = settings_.compat == Compat::kRaidionics && looks_like_annotation(crop);
    const Interpolation interpolation = annotation ? Interpolation::kNearest : Interpolation::kLinear;
    if (i == 0) place(crop.size);
    const Affine crop_from_lattice =
        compose(inverse(placement_.crop_ras_from_index), placement_.lattice.ras_from_index);
    Grid resampled = resample(crop, crop_from_lattice, placement_.lattice.size, interpolation,
                              settings_.compat == Compat::kFovea ? Outside::kHalfVoxel : Outside::kZero, meter_.stop());
    crop = Grid();
    if (i == 0) keep("pre.resampled_first_input", [&] { return array_of(resampled); });
    if (placement_.network_size == placement_.lattice.size) return resampled;
    return resize_antialiased(resampled, placement_.network_size, interpolation);
  }

  std::vector<Grid> make_channels() {
    meter_.stage("resampling", 0.13, 0.25);
    std::vector<Grid> channels;
    std::vector<bool> annotation;
    for (std::size_t i = 0; i < input_.volumes.size(); ++i) {
      bool is_annotation = false;
      channels.push_back(on_network_lattice(i, is_annotation));
      annotation.push_back(is_annotation);
      meter_.advance(static_cast<double>(i + 1) / static_cast<double>(input_.volumes.size()));
    }
    add_differences(channels);
    for (std::size_t i = 0; i < channels.size(); ++i)
      if (i >= annotation.size() || !annotation[i]) normalise(channels[i], p_);
    keep("pre.network_input", [&] { return array_of(channels); });
    return channels;
  }

  /// |a - b| of the values before normalisation.
  void add_differences(std::vector<Grid>& channels) const {
    for (const auto& [a, b] : p_.difference_pairs) {
      Grid difference = channels[static_cast<std::size_t>(a)];
      const Grid& other = channels[static_cast<std::size_t>(b)];
      for (std::size_t i = 0; i < difference.values.size(); ++i)
        difference.values[i] = std::abs(difference.values[i] - other.values[i]);
      channels.push_back(std::move(difference));
    }
  }

  void run_whole() {
    std::vector<Grid> classes = run_folds(
        make_channels(), [&](const models::SegNetwork& network, std::vector<Grid> channels, const Advance& advance) {
          return run_network(network, std::move(channels), p_, advance);
        });
    keep("net.softmax", [&] { return array_of(classes); });
    meter_.stage("back to the native grid", 0.80, 0.93);
    classes.erase(classes.begin());  // background
    if (settings_.order == ResampleOrder::kSecond || settings_.dump) label_second(classes);
    for (Grid& grid : classes) {
      result_.probabilities.push_back(
          to_native(grid, placement_, settings_.compat, Interpolation::kLinear, meter_.stop()));
      grid = Grid();
      meter_.advance(static_cast<double>(result_.probabilities.size()) / static_cast<double>(classes.size()));
    }
  }

  void label_second(const std::vector<Grid>& foreground) {
    const std::vector<std::uint8_t> labels = labelled(foreground, result_.thresholds);
    Grid grid(foreground.front().size);
    std::copy(labels.begin(), labels.end(), grid.values.begin());
    const Grid native = to_native(grid, placement_, settings_.compat, Interpolation::kNearest, meter_.stop());
    std::vector<std::uint8_t> values(native.values.size());
    std::transform(native.values.begin(), native.values.end(), values.begin(),
                   [](float v) { return static_cast<std::uint8_t>(v); });
    keep("final.thresholding_resample_second", [&] { return array_of(values, geometry_.size); });
    if (settings_.order == ResampleOrder::kSecond) result_.labels.values = std::move(values);
  }

  using Network = std::function<std::vector<Grid>(const models::SegNetwork&, std::vector<Grid>, const Advance&)>;

  std::vector<Grid> run_folds(std::vector<Grid> channels, const Network& run) {
    meter_.stage("segmenting", 0.25, 0.80);
    std::vector<Grid> total;
    const std::size_t folds = model_.folds;
    for (std::size_t fold = 0; fold < folds; ++fold) {
      const auto network = model_.open(fold);
      const auto advance = [&](double done) {
        meter_.advance((static_cast<double>(fold) + done) / static_cast<double>(folds));
      };
      std::vector<Grid> classes = run(*network, fold + 1 == folds ? std::move(channels) : channels, advance);
      if (total.empty()) {
        total = std::move(classes);
      } else {
        add_fold(total, classes, settings_.ensemble);
      }
    }
    if (folds > 1 && settings_.ensemble == Ensemble::kAverage)
      for (Grid& grid : total)
        for (float& v : grid.values) v /= static_cast<float>(folds);
    return total;
  }

  // --- slice-wise networks ---

  void run_slice_wise() {
    if (settings_.order == ResampleOrder::kSecond)
      result_.notices.push_back(
          "a slice-wise network is thresholded on the native grid: --resample second has no effect");
    meter_.stage("turning the volume", 0.13, 0.15);
    const Canonical canonical = canonical_axes(ras_from_index(geometry_));
    Vec3 spacing_mm;
    for (std::size_t a = 0; a < 3; ++a)
      spacing_mm[a] = geometry_.spacing_mm[static_cast<std::size_t>(canonical.axis[a])];
    std::vector<Grid> channels;
    for (std::size_t i = 0; i < input_.volumes.size(); ++i) channels.push_back(to_canonical(cropped(i), canonical));
    add_differences(channels);
    result_.planes = settings_.planes.empty() ? choose_planes(spacing_mm, p_) : settings_.planes;
    std::vector<Grid> classes = run_folds(
        std::move(channels), [&](const models::SegNetwork& network, std::vector<Grid> turned, const Advance& advance) {
          return run_slices(network, turned, spacing_mm, p_, result_.planes, advance);
        });
    meter_.stage("back to the native grid", 0.80, 0.93);
    for (std::size_t c = 1; c < classes.size(); ++c) {
      Grid native = from_canonical(classes[c], canonical);
      classes[c] = Grid();
      result_.probabilities.push_back(
          result_.crop == whole(geometry_.size) ? std::move(native) : paste(native, result_.crop, geometry_.size));
    }
  }

  SegmentationInput& input_;
  const SegmentationModel& model_;
  const Preprocessing& p_;
  const SegmentationSettings& settings_;
  ProgressMeter& meter_;
  io::Geometry geometry_;
  Grid first_;
  std::optional<BrainMask> mask_;
  Placement placement_;
  Segmentation result_;
};

}  // namespace

Segmentation segment(SegmentationInput& input, const SegmentationModel& model, const SegmentationSettings& settings,
                     ProgressMeter& meter) {
  if (input.volumes.empty())
    throw Error(ErrorCode::kUsage, "mri segment", "no volume was given", "Give a NIfTI, NRRD or DICOM input.");
  if (is_recurrent(model.config)) return segment_recurrent(input, model, settings, meter);
  return Run(input, model, settings, meter).run();
}

}  // namespace fovea::pipeline::mri
