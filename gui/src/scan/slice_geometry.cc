#include "scan/slice_geometry.h"

#include <QCoreApplication>

#include <algorithm>
#include <cmath>
#include <vector>

namespace fovea::gui {
namespace {

struct Text {
  Q_DECLARE_TR_FUNCTIONS(SliceFrame)
};

constexpr double kSecondLetter = 0.35;  // cosine: 20 degrees off an axis
constexpr double kMargin = 0.96;

pipeline::ViewPoint axis_direction(const io::Geometry& geometry, std::size_t axis, bool against) {
  const double sign = against ? -1 : 1;
  return {sign * geometry.direction[axis], sign * geometry.direction[3 + axis], sign * geometry.direction[6 + axis]};
}

pipeline::ViewPoint opposite(const pipeline::ViewPoint& p) {
  return {-p[0], -p[1], -p[2]};
}

}  // namespace

QString direction_letters(const pipeline::ViewPoint& lps) {
  const std::array<std::array<QString, 2>, 3> names{{{Text::tr("L", "left"), Text::tr("R", "right")},
                                                     {Text::tr("P", "posterior"), Text::tr("A", "anterior")},
                                                     {Text::tr("S", "superior"), Text::tr("I", "inferior")}}};
  std::array<std::size_t, 3> order{0, 1, 2};
  std::sort(order.begin(), order.end(),
            [&](std::size_t a, std::size_t b) { return std::abs(lps[a]) > std::abs(lps[b]); });
  QString text;
  for (const std::size_t axis : order)
    if (text.isEmpty() || (text.size() < 2 && std::abs(lps[axis]) > kSecondLetter)) text += names[axis][lps[axis] < 0];
  return text;
}

SliceFrame::SliceFrame(const pipeline::ViewGrid& grid, Plane plane, Convention convention) {
  // Display axes run to L, P and S: the wanted picture has R, A and S at its left or top.
  const bool neurological = convention == Convention::kNeurological;
  switch (plane) {
    case Plane::kAxial: u_ = 0, v_ = 1, n_ = 2, u_flipped_ = neurological, v_flipped_ = false; break;
    case Plane::kCoronal: u_ = 0, v_ = 2, n_ = 1, u_flipped_ = neurological, v_flipped_ = true; break;
    case Plane::kSagittal: u_ = 1, v_ = 2, n_ = 0, u_flipped_ = false, v_flipped_ = true; break;
  }
  const io::Geometry& g = grid.geometry;
  width_ = static_cast<int>(g.size[u_]), height_ = static_cast<int>(g.size[v_]);
  slices_ = static_cast<int>(g.size[n_]);
  width_mm_ = g.spacing_mm[u_], height_mm_ = g.spacing_mm[v_];
  const auto right = axis_direction(g, u_, u_flipped_), down = axis_direction(g, v_, v_flipped_);
  letters_ = {direction_letters(opposite(right)), direction_letters(right), direction_letters(opposite(down)),
              direction_letters(down)};
}

pipeline::ViewIndex SliceFrame::voxel(int u, int v, std::int64_t slice) const {
  pipeline::ViewIndex at{};
  at[u_] = u_flipped_ ? width_ - 1 - u : u;
  at[v_] = v_flipped_ ? height_ - 1 - v : v;
  at[n_] = slice;
  return at;
}

QPointF SliceFrame::pixel(const pipeline::ViewPoint& index) const {
  return {(u_flipped_ ? width_ - 1 - index[u_] : index[u_]) + 0.5,
          (v_flipped_ ? height_ - 1 - index[v_] : index[v_]) + 0.5};
}

SliceTransform fitted(const SliceFrame& frame, const QSizeF& widget, double zoom, const QPointF& pan_mm) {
  const QSizeF size = frame.size_mm();
  SliceTransform transform;
  transform.pixel_width_mm = frame.pixel_width_mm(), transform.pixel_height_mm = frame.pixel_height_mm();
  transform.pixels_per_mm =
      std::max(1e-6, std::min(widget.width() / size.width(), widget.height() / size.height()) * kMargin * zoom);
  const double s = transform.pixels_per_mm;
  transform.offset = {widget.width() / 2 + (pan_mm.x() - size.width() / 2) * s,
                      widget.height() / 2 + (pan_mm.y() - size.height() / 2) * s};
  return transform;
}

}  // namespace fovea::gui
