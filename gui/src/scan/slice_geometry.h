// Where a slice of a display grid lies on the screen: axes, sides, letters. No pixels, no widgets.
#pragma once

#include <QPointF>
#include <QSizeF>
#include <QString>

#include <array>

#include <fovea/pipeline/volume_view.h>

namespace fovea::gui {

enum class Plane { kAxial, kCoronal, kSagittal };
inline constexpr std::array<Plane, 3> kPlanes{Plane::kAxial, Plane::kCoronal, Plane::kSagittal};

/// Whose left is on the left of the screen. Radiological: the patient's right, as if seen from the feet or the front.
enum class Convention { kRadiological, kNeurological };

/// A plane of a grid as a picture: u to the right, v down, both in voxels from the top left one.
class SliceFrame {
 public:
  SliceFrame(const pipeline::ViewGrid& grid, Plane plane, Convention convention);

  std::size_t u_axis() const { return u_; }
  std::size_t v_axis() const { return v_; }
  std::size_t across() const { return n_; }  ///< the axis that the wheel walks along
  bool u_flipped() const { return u_flipped_; }
  bool v_flipped() const { return v_flipped_; }

  int width() const { return width_; }
  int height() const { return height_; }
  int slices() const { return slices_; }
  double pixel_width_mm() const { return width_mm_; }
  double pixel_height_mm() const { return height_mm_; }
  QSizeF size_mm() const { return {width_ * width_mm_, height_ * height_mm_}; }

  /// Voxel under the pixel (u, v) of a slice; outside the grid when u or v is outside the picture.
  pipeline::ViewIndex voxel(int u, int v, std::int64_t slice) const;
  /// Centre of the voxel in pixels of the picture: (0.5, 0.5) is the centre of the top left pixel.
  QPointF pixel(const pipeline::ViewPoint& index) const;

  /// Letters at the left, right, top and bottom edge: the patient's side that lies there, with a second letter when
  /// the scan is turned by more than about 20 degrees ("AL").
  std::array<QString, 4> letters() const { return letters_; }

 private:
  std::size_t u_, v_, n_;
  bool u_flipped_, v_flipped_;
  int width_, height_, slices_;
  double width_mm_, height_mm_;
  std::array<QString, 4> letters_;
};

/// "R", "AL", ...: where an LPS direction points to.
QString direction_letters(const pipeline::ViewPoint& lps);

/// Picture to widget: true proportions, `zoom` 1 fits the slice, `centre_mm` is the picture's point in the middle.
struct SliceTransform {
  double pixels_per_mm = 1;
  QPointF offset;  ///< of the picture's top left corner
  double pixel_width_mm = 1, pixel_height_mm = 1;

  QPointF to_widget(const QPointF& pixel) const {
    return {offset.x() + pixel.x() * pixel_width_mm * pixels_per_mm,
            offset.y() + pixel.y() * pixel_height_mm * pixels_per_mm};
  }
  QPointF to_picture(const QPointF& widget) const {
    return {(widget.x() - offset.x()) / (pixel_width_mm * pixels_per_mm),
            (widget.y() - offset.y()) / (pixel_height_mm * pixels_per_mm)};
  }
};
/// `pan_mm`: how far the slice's middle lies from the widget's.
SliceTransform fitted(const SliceFrame& frame, const QSizeF& widget, double zoom, const QPointF& pan_mm);

}  // namespace fovea::gui
