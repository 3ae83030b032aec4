#include "mri/segmentation.h"

#include <algorithm>
#include <cmath>
#include <functional>
#include <utility>

#include <fovea/base/error.h>

#include "mri/back_to_native.h"
#include "mri/dump_arrays.h"
#include "mri/intensity.h"
#include "mri/labelling.h"
#include "mri/network_step.h"
#include "mri/recurrent_run.h"
#include "mri/resample.h"
#include "mri/resize.h"
#include "mri/same_grid.h"
#include "mri/slices.h"

namespace fovea::pipeline::mri {
namespace {

/// A part's values to their place in a volume of `size`.
template <class T>
void put(const Grid& part, const Index3& begin, const Index3& size, std::vector<T>& into) {
  const float* value = part.values.data();
  for (std::int64_t z = 0; z < part.size[2]; ++z)
    for (std::int64_t y = 0; y < part.size[1]; ++y, value += part.size[0])
      std::transform(value, value + part.size[0],
                     into.begin() + ((begin[2] + z) * size[1] + begin[1] + y) * size[0] + begin[0],
                     [](float v) { return static_cast<T>(v); });
}

/// A volume's values as a grid, given back at the end: at 100 million voxels nobody wants a copy.
class Lent {
 public:
  explicit Lent(io::Volume& volume) : volume_(volume) {
    grid_.size = volume.geometry.size;
    grid_.values.swap(volume.values);
  }
  ~Lent() { grid_.values.swap(volume_.values); }
  Lent(const Lent&) = delete;
  Lent& operator=(const Lent&) = delete;
  const Grid& grid() const { return grid_; }

 private:
  io::Volume& volume_;
  Grid grid_;
};

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

  // --- step 2 ---

  void find_crop() {
    meter_.stage("finding the head", 0.10, 0.13);
    const bool needs_brain = wants_brain(p_) && !settings_.whole_head;
    result_.crop = whole(geometry_.size);
    {
      const Lent first(input_.volumes.front());
      const Box head =
          foreground_box(first.grid(), settings_.compat, input_.subject);  // also refuses a constant volume
      if (p_.cropping == Cropping::kMinimum) result_.crop = head;
    }
    if (needs_brain) {
      if (!input_.brain_mask)
        throw Error(ErrorCode::kUsage, "--brain-mask",
                    "the model was trained on the brain alone and needs a brain mask",
                    "Give a mask on the volume's grid with --brain-mask mask.nii.gz.");
      mask_ = brain_mask(Lent(*input_.brain_mask).grid(), "brain mask");
      std::vector<float>().swap(input_.brain_mask->values);
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

  /// Calls `use(crop)`. The first volume keeps its values, for the overlay; the others' are freed.
  template <class Use>
  void with_crop(std::size_t i, Use use) {
    {
      const Lent volume(input_.volumes[i]);
      if (result_.crop == whole(geometry_.size) && !(mask_ && p_.cropping == Cropping::kBrainMask)) {
        use(volume.grid());
      } else {
        Grid part = cut(volume.grid(), result_.crop);
        if (mask_ && p_.cropping == Cropping::kBrainMask) keep_inside(part, geometry_.size, *mask_);
        use(part);
      }
    }
    if (i > 0) std::vector<float>().swap(input_.volumes[i].values);
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
    Grid resampled;
    Interpolation interpolation = Interpolation::kLinear;
    with_crop(i, [&](const Grid& crop) {
      annotation = settings_.compat == Compat::kRaidionics && looks_like_annotation(crop);
      if (annotation) interpolation = Interpolation::kNearest;
      if (i == 0) place(crop.size);
      const Affine crop_from_lattice =
          compose(inverse(placement_.crop_ras_from_index), placement_.lattice.ras_from_index);
      resampled = resample(crop, crop_from_lattice, placement_.lattice.size, interpolation,
                           settings_.compat == Compat::kFovea ? Outside::kHalfVoxel : Outside::kZero, meter_.stop());
    });
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
    meter_.stage("back to the native grid", 0.80, 0.95);
    classes.erase(classes.begin());  // background
    std::vector<std::uint8_t> second;
    if (settings_.order == ResampleOrder::kSecond || settings_.dump) second = label_second(classes);
    Labelling labelling(geometry_.size, result_.thresholds,
                        settings_.order == ResampleOrder::kSecond ? std::move(second) : std::vector<std::uint8_t>());
    std::vector<Grid> kept;  // for the intermediates alone
    for (std::size_t c = 0; c < classes.size(); ++c) {
      if (settings_.dump) kept.emplace_back(geometry_.size);
      to_native(classes[c], placement_, settings_.compat, Interpolation::kLinear, taking(c + 1, labelling, kept),
                meter_.stop());
      classes[c] = Grid();
      meter_.advance(static_cast<double>(c + 1) / static_cast<double>(classes.size()));
    }
    take_labels(labelling, kept);
  }

  /// Parts of one class's probabilities.
  TakePart taking(std::size_t label, Labelling& labelling, std::vector<Grid>& kept) const {
    return [this, label, &labelling, &kept](const Grid& part, const Index3& begin) {
      labelling.merge(label, part, begin);
      if (settings_.dump) put(part, begin, geometry_.size, kept.back().values);
    };
  }

  /// Into the result; the intermediates of step 7 where they are wanted.
  void take_labels(Labelling& labelling, const std::vector<Grid>& classes) {
    keep("final.probabilities_resample_first",
         [&] { return classes.size() == 1 ? array_of(classes.front()) : array_of(classes); });
    keep("final.thresholding_resample_first",
         [&] { return array_of(labelled(classes, result_.thresholds), geometry_.size); });
    result_.labels.values = std::move(labelling.labels());
    result_.probabilities.push_back(std::move(labelling.highest()));
    result_.label_probability = std::move(labelling.own());
  }

  std::vector<std::uint8_t> label_second(const std::vector<Grid>& foreground) {
    const std::vector<std::uint8_t> labels = labelled(foreground, result_.thresholds);
    Grid grid(foreground.front().size);
    std::copy(labels.begin(), labels.end(), grid.values.begin());
    std::vector<std::uint8_t> values(static_cast<std::size_t>(product(geometry_.size)), 0);
    to_native(
        grid, placement_, settings_.compat, Interpolation::kNearest,
        [&](const Grid& part, const Index3& begin) { put(part, begin, geometry_.size, values); }, meter_.stop());
    keep("final.thresholding_resample_second", [&] { return array_of(values, geometry_.size); });
    return values;
  }

  using Network = std::function<std::vector<Grid>(const models::SegNetwork&, std::vector<Grid>, const Advance&)>;

  std::vector<Grid> run_folds(std::vector<Grid> channels, const Network& run) {
    meter_.stage("segmenting", 0.25, 0.80);
    const bool one_plane = model_.config.dims == 2 && result_.planes.size() == 1;
    const std::vector<Flip> flips =
        flips_of(settings_.test_time, one_plane ? std::optional(across(result_.planes.front())) : std::nullopt);
    const std::size_t runs = model_.folds * flips.size();
    std::vector<Grid> total;
    for (std::size_t i = 0; i < runs; ++i) {
      if (i % flips.size() == 0) {
        network_.reset();  // one at a time
        network_ = model_.open(i / flips.size());
      }
      const auto advance = [&](double done) {
        meter_.advance((static_cast<double>(i) + done) / static_cast<double>(runs));
      };
      const bool last = i + 1 == runs;
      std::vector<Grid> classes =
          run_flipped(last ? std::move(channels) : channels, flips[i % flips.size()], run, advance);
      if (total.empty())
        total = std::move(classes);
      else
        add_fold(total, classes, settings_.ensemble);
    }
    network_.reset();
    if (runs > 1 && settings_.ensemble == Ensemble::kAverage)
      for (Grid& grid : total)
        for (float& v : grid.values) v /= static_cast<float>(runs);
    return total;
  }

  std::vector<Grid> run_flipped(std::vector<Grid> channels, const Flip& flip, const Network& run,
                                const Advance& advance) const {
    if (flip == Flip{}) return run(*network_, std::move(channels), advance);
    for (Grid& channel : channels) channel = flipped(channel, flip);
    std::vector<Grid> classes = run(*network_, std::move(channels), advance);
    for (Grid& grid : classes) grid = flipped(grid, flip);
    return classes;
  }

  // --- slice-wise networks ---

  void run_slice_wise() {
    if (settings_.order == ResampleOrder::kSecond)
      result_.notices.push_back(
          "a slice-wise network is thresholded on the native grid: --resample second has no effect");
    meter_.stage("slicing the volume", 0.13, 0.25);
    const Canonical canonical = canonical_axes(ras_from_index(geometry_));
    Vec3 spacing_mm;
    for (std::size_t a = 0; a < 3; ++a)
      spacing_mm[a] = geometry_.spacing_mm[static_cast<std::size_t>(canonical.axis[a])];
    result_.planes = settings_.planes.empty() ? choose_planes(spacing_mm, p_) : settings_.planes;
    std::vector<SlicePlane> planes;
    for (const Plane plane : result_.planes)
      planes.push_back(slice_plane(plane, result_.crop.size(), canonical, spacing_mm, p_, model_.config.divisor()));
    const auto channels = static_cast<std::size_t>(p_.channels());
    std::vector<Grid> slices(planes.size() * channels);
    const auto add = [&](std::size_t channel, const Grid& crop) {
      for (std::size_t i = 0; i < planes.size(); ++i)
        slices[i * channels + channel] = upright_at(crop, canonical, planes[i].size);
    };
    double air = 0;
    std::vector<Grid> crops;  // where channels are differences of others alone
    for (std::size_t i = 0; i < input_.volumes.size(); ++i) {
      with_crop(i, [&](const Grid& crop) {
        if (i == 0) air = air_level(crop);
        add(i, crop);
        if (!p_.difference_pairs.empty()) crops.push_back(crop);
      });
      meter_.advance(static_cast<double>(i + 1) / static_cast<double>(input_.volumes.size()));
    }
    if (!crops.empty()) add_differences(crops);
    for (std::size_t i = input_.volumes.size(); i < crops.size(); ++i) add(i, crops[i]);
    std::vector<Grid>().swap(crops);
    std::vector<Grid> found = run_folds(
        std::move(slices), [&](const models::SegNetwork& network, std::vector<Grid> turned, const Advance& advance) {
          return run_slices(network, turned, planes, p_, air, advance);
        });
    meter_.stage("back to the native grid", 0.80, 0.95);
    Labelling labelling(geometry_.size, result_.thresholds);
    std::vector<Grid> kept;  // for the intermediates alone
    const std::size_t classes = found.size() / planes.size();
    for (std::size_t c = 0; c < classes; ++c) {
      if (settings_.dump) kept.emplace_back(geometry_.size);
      std::vector<Grid> of_planes;
      for (std::size_t i = 0; i < planes.size(); ++i) of_planes.push_back(std::move(found[i * classes + c]));
      slices_to_native(of_planes, planes, canonical, result_.crop, taking(c + 1, labelling, kept), meter_.stop());
      meter_.advance(static_cast<double>(c + 1) / static_cast<double>(classes));
    }
    take_labels(labelling, kept);
  }

  SegmentationInput& input_;
  const SegmentationModel& model_;
  const Preprocessing& p_;
  const SegmentationSettings& settings_;
  ProgressMeter& meter_;
  io::Geometry geometry_;
  std::optional<BrainMask> mask_;
  Placement placement_;
  std::shared_ptr<const models::SegNetwork> network_;
  Segmentation result_;
};

}  // namespace

const std::vector<float>& Segmentation::probability_of(int label) const {
  if (!label_probability.values.empty()) return label_probability.values;
  return probabilities[probabilities.size() == 1 ? 0 : static_cast<std::size_t>(label - 1)].values;
}

Segmentation segment(SegmentationInput& input, const SegmentationModel& model, const SegmentationSettings& settings,
                     ProgressMeter& meter) {
  if (input.volumes.empty())
    throw Error(ErrorCode::kUsage, "mri segment", "no volume was given", "Give a NIfTI, NRRD or DICOM input.");
  if (is_recurrent(model.config)) return segment_recurrent(input, model, settings, meter);
  return Run(input, model, settings, meter).run();
}

}  // namespace fovea::pipeline::mri
