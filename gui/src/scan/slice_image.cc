#include "scan/slice_image.h"

#include <fovea/pipeline/colour_table.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>
#include <map>

namespace fovea::gui {
namespace {

using pipeline::ViewIndex;
using pipeline::ViewPoint;
using pipeline::ViewVolume;

constexpr std::size_t kShortValues = 65536;
constexpr int kSelected = 256;  // above every label

/// First voxel of a slice and the steps to the next pixel to the right and below, in voxels of the array.
struct Walk {
  std::int64_t first = 0, right = 1, down = 1;
};

Walk walk_over(const pipeline::ViewGrid& grid, const SliceFrame& frame, std::int64_t slice) {
  const std::array<std::int64_t, 3> stride{1, grid.geometry.size[0], grid.geometry.size[0] * grid.geometry.size[1]};
  return {static_cast<std::int64_t>(grid.linear(frame.voxel(0, 0, slice))),
          frame.u_flipped() ? -stride[frame.u_axis()] : stride[frame.u_axis()],
          frame.v_flipped() ? -stride[frame.v_axis()] : stride[frame.v_axis()]};
}

std::uint8_t grey_of(double value, const GreyWindow& window) {
  const double share = (value - window.low) / window.width();
  return static_cast<std::uint8_t>(std::lround(std::clamp(share, 0.0, 1.0) * 255));
}

QRgb opaque_grey(std::uint8_t grey) {
  return qRgb(grey, grey, grey);
}

/// Grey of every stored 16-bit value: cheaper than the arithmetic for each pixel.
std::vector<QRgb> grey_table(const ViewVolume& volume, const GreyWindow& window) {
  std::vector<QRgb> table(kShortValues);
  for (std::size_t i = 0; i < kShortValues; ++i) {
    const auto stored = static_cast<std::int16_t>(static_cast<std::uint16_t>(i));
    table[i] = opaque_grey(grey_of(volume.offset + volume.scale * stored, window));
  }
  return table;
}

template <class Get>
void paint_rows(QImage& image, const Walk& walk, const Get& get) {
  for (int v = 0; v < image.height(); ++v) {
    auto* row = reinterpret_cast<QRgb*>(image.scanLine(v));
    std::int64_t at = walk.first + v * walk.down;
    for (int u = 0; u < image.width(); ++u, at += walk.right) row[u] = get(static_cast<std::size_t>(at));
  }
}

QImage base_image(const SequenceLayer& layer, const SliceFrame& frame, std::int64_t slice) {
  QImage image(frame.width(), frame.height(), QImage::Format_RGB32);
  const ViewVolume& volume = *layer.volume;
  if (!layer.visible) {
    image.fill(Qt::black);
    return image;
  }
  const Walk walk = walk_over(volume.grid, frame, slice);
  if (volume.floats.empty()) {
    // Kept between slices: wheeling through a volume changes no window.
    thread_local std::vector<QRgb> table;
    thread_local std::array<double, 4> of{};
    const std::array<double, 4> wanted{layer.window.low, layer.window.high, volume.scale, volume.offset};
    if (table.empty() || of != wanted) table = grey_table(volume, layer.window), of = wanted;
    const std::int16_t* values = volume.shorts.data();
    paint_rows(image, walk, [&](std::size_t at) { return table[static_cast<std::uint16_t>(values[at])]; });
  } else {
    const float low = static_cast<float>(layer.window.low), scale = static_cast<float>(255 / layer.window.width());
    const float* values = volume.floats.data();
    paint_rows(image, walk, [&](std::size_t at) {
      const float grey = std::clamp((values[at] - low) * scale, 0.0F, 255.0F);
      return opaque_grey(static_cast<std::uint8_t>(grey + 0.5F));
    });
  }
  return image;
}

QRgb mixed(QRgb below, QRgb above, int alpha) {  // alpha 0..256
  const int rest = 256 - alpha;
  return qRgb((qRed(below) * rest + qRed(above) * alpha) >> 8, (qGreen(below) * rest + qGreen(above) * alpha) >> 8,
              (qBlue(below) * rest + qBlue(above) * alpha) >> 8);
}

template <class Colour>
void blend(QImage& image, const std::vector<float>& values, const Colour& colour) {
  std::size_t i = 0;
  for (int v = 0; v < image.height(); ++v) {
    auto* row = reinterpret_cast<QRgb*>(image.scanLine(v));
    for (int u = 0; u < image.width(); ++u, ++i)
      if (!std::isnan(values[i])) colour(row[u], values[i]);
  }
}

void blend_sequence(QImage& image, const SequenceLayer& layer, const SliceFrame& frame, std::int64_t slice) {
  const int alpha = static_cast<int>(std::lround(layer.opacity * 256));
  if (!layer.visible || alpha == 0) return;
  blend(image, slice_values(*layer.volume, layer.place, frame, slice),
        [&](QRgb& pixel, float value) { pixel = mixed(pixel, opaque_grey(grey_of(value, layer.window)), alpha); });
}

void blend_overlay(QImage& image, const ColourLayer& layer, const SliceFrame& frame, std::int64_t slice) {
  const int alpha = static_cast<int>(std::lround(layer.opacity * 256));
  if (!layer.volume || alpha == 0) return;
  const auto table = pipeline::colour_table(layer.map.toStdString());
  const double scale = 255 / (layer.high - layer.low);
  blend(image, slice_values(*layer.volume, layer.place, frame, slice), [&](QRgb& pixel, float value) {
    if (value < layer.low) return;
    const double entry = std::min((value - layer.low) * scale, 255.0);
    pixel = mixed(pixel, table[static_cast<std::size_t>(entry + 0.5)], alpha);
  });
}

QImage fill_image(const LabelPatch& patch, const LabelLayer& layer) {
  std::array<QRgb, 256> colours{};
  const int alpha = static_cast<int>(std::lround(layer.fill * 255));
  for (std::size_t label = 1; label < layer.visible.size(); ++label)
    if (layer.visible[label]) {
      const QRgb c = pipeline::label_colour(static_cast<int>(label));
      colours[label] = qPremultiply(qRgba(qRed(c), qGreen(c), qBlue(c), alpha));
    }
  QImage image(patch.box.size(), QImage::Format_ARGB32_Premultiplied);
  std::size_t i = 0;
  for (int v = 0; v < image.height(); ++v) {
    auto* row = reinterpret_cast<QRgb*>(image.scanLine(v));
    for (int u = 0; u < image.width(); ++u, ++i) row[u] = colours[patch.labels[i]];
  }
  return image;
}

/// Edges between a region and what is not it, neighbouring edges joined to one line.
class EdgeTracer {
 public:
  EdgeTracer(const std::vector<int>& regions, int width, int height)
      : regions_(regions), width_(width), height_(height) {}

  std::map<int, std::vector<QLineF>> trace() {
    for (int v = 0; v <= height_; ++v)
      for (int side = 0; side < 2; ++side) run(v, side, width_, true);
    for (int u = 0; u <= width_; ++u)
      for (int side = 0; side < 2; ++side) run(u, side, height_, false);
    return std::move(lines_);
  }

 private:
  int region(int u, int v) const {
    if (u < 0 || v < 0 || u >= width_ || v >= height_) return 0;
    return regions_[static_cast<std::size_t>(v) * static_cast<std::size_t>(width_) + static_cast<std::size_t>(u)];
  }

  /// Along grid line `line`; `side` 0: regions before it, 1: after it.
  void run(int line, int side, int length, bool horizontal) {
    int start = 0, current = 0;
    for (int t = 0; t <= length; ++t) {
      int here = 0;
      if (t < length) {
        const int before = horizontal ? region(t, line - 1) : region(line - 1, t);
        const int after = horizontal ? region(t, line) : region(line, t);
        if (before != after) here = side == 0 ? before : after;
      }
      if (here == current) continue;
      if (current != 0)
        lines_[current].push_back(horizontal ? QLineF(start, line, t, line) : QLineF(line, start, line, t));
      current = here, start = t;
    }
  }

  const std::vector<int>& regions_;
  int width_, height_;
  std::map<int, std::vector<QLineF>> lines_;
};

/// The selected lesion is a region of its own (kSelected + label), so that it can be drawn thicker.
std::vector<int> regions_of(const LabelPatch& patch, const ScanScene& scene, const SliceFrame& frame,
                            std::int64_t slice) {
  const LabelLayer& layer = scene.labels();
  std::vector<int> regions(patch.labels.size(), 0);
  std::size_t i = 0;
  for (int v = patch.box.top(); v <= patch.box.bottom(); ++v)
    for (int u = patch.box.left(); u <= patch.box.right(); ++u, ++i) {
      const std::uint8_t label = patch.labels[i];
      if (label == 0 || !layer.visible[label]) continue;
      regions[i] = label + (scene.isInSelectedLesion(frame.voxel(u, v, slice)) ? kSelected : 0);
    }
  return regions;
}

/// Pixels of the slice that may hold a label.
QRect labelled_box(const pipeline::ViewSegmentation& segmentation, const SliceFrame& frame, std::int64_t slice) {
  const std::size_t n = frame.across();
  if (slice < segmentation.begin[n] || slice >= segmentation.end[n]) return {};
  const auto range = [&](std::size_t axis, bool flipped, int length) {
    const int low = static_cast<int>(segmentation.begin[axis]), high = static_cast<int>(segmentation.end[axis]);
    return flipped ? std::pair(length - high, length - low) : std::pair(low, high);
  };
  const auto [left, right] = range(frame.u_axis(), frame.u_flipped(), frame.width());
  const auto [top, bottom] = range(frame.v_axis(), frame.v_flipped(), frame.height());
  return QRect(left, top, right - left, bottom - top);
}

}  // namespace

std::vector<float> slice_values(const ViewVolume& volume, const Placement& place, const SliceFrame& frame,
                                std::int64_t slice) {
  const auto width = static_cast<std::size_t>(frame.width()), height = static_cast<std::size_t>(frame.height());
  std::vector<float> values(width * height, std::numeric_limits<float>::quiet_NaN());
  const auto stored = [&](std::size_t at) {
    return volume.floats.empty() ? static_cast<float>(volume.offset + volume.scale * volume.shorts[at])
                                 : volume.floats[at];
  };
  if (place.same_grid) {
    const Walk walk = walk_over(volume.grid, frame, slice);
    for (std::size_t v = 0; v < height; ++v) {
      std::int64_t at = walk.first + static_cast<std::int64_t>(v) * walk.down;
      for (std::size_t u = 0; u < width; ++u, at += walk.right)
        values[v * width + u] = stored(static_cast<std::size_t>(at));
    }
    return values;
  }
  const auto corner = [&](int u, int v) {
    const ViewIndex at = frame.voxel(u, v, slice);
    return place.from_base({static_cast<double>(at[0]), static_cast<double>(at[1]), static_cast<double>(at[2])});
  };
  const ViewPoint first = corner(0, 0), right = corner(1, 0), down = corner(0, 1);
  const auto& size = volume.grid.geometry.size;
  const std::size_t stride_y = static_cast<std::size_t>(size[0]),
                    stride_z = static_cast<std::size_t>(size[0] * size[1]);
  for (std::size_t v = 0; v < height; ++v)
    for (std::size_t u = 0; u < width; ++u) {
      std::array<std::int64_t, 3> low{};
      std::array<float, 3> share{};
      bool inside = true;
      for (std::size_t a = 0; a < 3; ++a) {
        double p =
            first[a] + static_cast<double>(u) * (right[a] - first[a]) + static_cast<double>(v) * (down[a] - first[a]);
        // The outermost half voxel belongs to the image.
        inside = inside && p > -0.5 && p < static_cast<double>(size[a]) - 0.5;
        p = std::clamp(p, 0.0, static_cast<double>(size[a] - 1));
        low[a] = std::min(static_cast<std::int64_t>(p), std::max<std::int64_t>(size[a] - 2, 0));
        share[a] = static_cast<float>(p - static_cast<double>(low[a]));
      }
      if (!inside) continue;
      const std::size_t at = volume.grid.linear(low);
      const auto along = [&](std::size_t from) { return stored(from) * (1 - share[0]) + stored(from + 1) * share[0]; };
      const float near = along(at) * (1 - share[1]) + along(at + stride_y) * share[1];
      const float far = along(at + stride_z) * (1 - share[1]) + along(at + stride_z + stride_y) * share[1];
      values[v * width + u] = near * (1 - share[2]) + far * share[2];
    }
  return values;
}

LabelPatch slice_labels(const pipeline::ViewSegmentation& segmentation, const Placement& place, const SliceFrame& frame,
                        std::int64_t slice) {
  LabelPatch patch;
  patch.box = place.same_grid ? labelled_box(segmentation, frame, slice) : QRect(0, 0, frame.width(), frame.height());
  if (patch.box.isEmpty()) return patch;
  patch.labels.resize(static_cast<std::size_t>(patch.box.width()) * static_cast<std::size_t>(patch.box.height()), 0);
  const Walk walk = walk_over(segmentation.grid, frame, place.same_grid ? slice : 0);
  std::size_t i = 0;
  for (int v = patch.box.top(); v <= patch.box.bottom(); ++v)
    for (int u = patch.box.left(); u <= patch.box.right(); ++u, ++i) {
      if (place.same_grid) {
        patch.labels[i] = segmentation.labels[static_cast<std::size_t>(walk.first + v * walk.down + u * walk.right)];
        continue;
      }
      const ViewIndex at = frame.voxel(u, v, slice);
      const ViewPoint p =
          place.from_base({static_cast<double>(at[0]), static_cast<double>(at[1]), static_cast<double>(at[2])});
      const ViewIndex to{std::llround(p[0]), std::llround(p[1]), std::llround(p[2])};
      if (segmentation.grid.contains(to)) patch.labels[i] = segmentation.labels[segmentation.grid.linear(to)];
    }
  if (std::all_of(patch.labels.begin(), patch.labels.end(), [](std::uint8_t l) { return l == 0; })) return {};
  return patch;
}

SliceImages slice_images(const ScanScene& scene, Plane plane, std::int64_t slice) {
  const SliceFrame frame = scene.frame(plane);
  SliceImages images;
  images.grey = base_image(scene.sequences().front(), frame, slice);
  for (std::size_t i = 1; i < scene.sequences().size(); ++i)
    blend_sequence(images.grey, scene.sequences()[i], frame, slice);
  if (!scene.overlaysShown()) return images;
  blend_overlay(images.grey, scene.overlay(), frame, slice);
  const LabelLayer& layer = scene.labels();
  if (!layer.segmentation) return images;
  const LabelPatch patch = slice_labels(*layer.segmentation, layer.place, frame, slice);
  if (patch.labels.empty()) return images;
  if (layer.fill > 0) images.labels = fill_image(patch, layer), images.labels_at = patch.box.topLeft();
  if (!layer.outline && scene.lesion() < 0) return images;
  const std::vector<int> regions = regions_of(patch, scene, frame, slice);
  for (auto& [region, lines] : EdgeTracer(regions, patch.box.width(), patch.box.height()).trace()) {
    const bool selected = region >= kSelected;
    if (!layer.outline && !selected) continue;
    for (QLineF& line : lines) line.translate(patch.box.topLeft());
    images.outlines.push_back({pipeline::label_colour(region % kSelected) | 0xFF000000, selected, std::move(lines)});
  }
  return images;
}

}  // namespace fovea::gui
