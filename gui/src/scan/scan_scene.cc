#include "scan/scan_scene.h"

#include <QLocale>

#include <algorithm>
#include <cmath>

#include "scan/number_text.h"

namespace fovea::gui {
namespace {

using pipeline::ViewIndex;
using pipeline::ViewPoint;

constexpr double kFusedOpacity = 0.5;

ViewPoint exact(const ViewIndex& at) {
  return {static_cast<double>(at[0]), static_cast<double>(at[1]), static_cast<double>(at[2])};
}

std::optional<ViewIndex> index_in(const pipeline::ViewGrid& grid, const Placement& place, const ViewIndex& base) {
  if (place.same_grid) return grid.contains(base) ? std::optional(base) : std::nullopt;
  const ViewPoint p = place.from_base(exact(base));
  const ViewIndex at{std::llround(p[0]), std::llround(p[1]), std::llround(p[2])};
  return grid.contains(at) ? std::optional(at) : std::nullopt;
}

std::size_t place_in_box(const pipeline::ViewLesion& lesion, const ViewIndex& at) {
  const std::int64_t x = at[0] - lesion.begin[0], y = at[1] - lesion.begin[1], z = at[2] - lesion.begin[2];
  return static_cast<std::size_t>((z * (lesion.end[1] - lesion.begin[1]) + y) * (lesion.end[0] - lesion.begin[0]) + x);
}

}  // namespace

std::optional<double> value_at(const pipeline::ViewVolume& volume, const Placement& place, const ViewIndex& base) {
  const auto at = index_in(volume.grid, place, base);
  return at ? std::optional(volume.value(*at)) : std::nullopt;
}

void ScanScene::clear() {
  sequences_.clear();
  labels_ = {}, overlay_ = {};
  cursor_ = {}, active_ = 0, lesion_ = -1;
  content();
}

void ScanScene::setBase(std::shared_ptr<const pipeline::ViewVolume> volume, const QString& name) {
  sequences_.clear();
  labels_ = {}, overlay_ = {};
  active_ = 0, lesion_ = -1;
  const GreyWindow window = window_presets(*volume).front().window;
  for (std::size_t a = 0; a < 3; ++a) cursor_[a] = volume->grid.geometry.size[a] / 2;
  sequences_.push_back({.name = name, .volume = std::move(volume), .place = {}, .window = window});
  content();
  Q_EMIT cursorChanged();
}

void ScanScene::addSequence(std::shared_ptr<const pipeline::ViewVolume> volume, const QString& name) {
  if (empty()) return setBase(std::move(volume), name);
  const Placement place = placementOf(volume->grid);
  const GreyWindow window = window_presets(*volume).front().window;
  sequences_.push_back({name, std::move(volume), place, window, kFusedOpacity, true});
  active_ = sequences_.size() - 1;
  content();
}

void ScanScene::removeSequence(std::size_t index) {
  if (index == 0 || index >= sequences_.size()) return;
  sequences_.erase(sequences_.begin() + static_cast<std::ptrdiff_t>(index));
  active_ = std::min(active_, sequences_.size() - 1);
  content();
}

void ScanScene::setSegmentation(std::shared_ptr<const pipeline::ViewSegmentation> segmentation) {
  if (empty()) return;
  labels_.place = segmentation ? placementOf(segmentation->grid) : Placement{};
  labels_.visible.assign(segmentation ? segmentation->names.size() : 0, true);
  labels_.segmentation = std::move(segmentation);
  lesion_ = -1;
  content();
}

void ScanScene::setOverlay(std::shared_ptr<const pipeline::ViewVolume> volume, const QString& name) {
  if (empty()) return;
  overlay_.name = name;
  if (volume) {
    overlay_.place = placementOf(volume->grid);
    // Probabilities and gates lie in 0..1: their scale is fixed, so that two results can be compared.
    const bool unit = volume->least >= -1e-6 && volume->greatest <= 1 + 1e-6;
    overlay_.high = unit ? 1 : std::max(volume->greatest, volume->least + 1e-6);
    overlay_.low = unit ? 0.05 : volume->least;
  }
  overlay_.volume = std::move(volume);
  content();
}

ViewPoint ScanScene::cursorLps() const {
  return grid().geometry.point_lps(exact(cursor_));
}

void ScanScene::setCursor(ViewIndex at) {
  if (empty()) return;
  for (std::size_t a = 0; a < 3; ++a) at[a] = std::clamp<std::int64_t>(at[a], 0, grid().geometry.size[a] - 1);
  if (at == cursor_) return;
  cursor_ = at;
  Q_EMIT cursorChanged();
}

void ScanScene::setCursorLps(const ViewPoint& lps) {
  if (empty()) return;
  const ViewPoint p = pipeline::index_from_lps(grid().geometry)(lps);
  if (!std::isfinite(p[0] + p[1] + p[2])) return;
  setCursor({std::llround(p[0]), std::llround(p[1]), std::llround(p[2])});
}

void ScanScene::moveSlice(Plane plane, int steps) {
  if (empty()) return;
  ViewIndex at = cursor_;
  at[frame(plane).across()] += steps;
  setCursor(at);
}

void ScanScene::selectLesion(int index) {
  if (!labels_.segmentation || index < 0 || index >= static_cast<int>(labels_.segmentation->lesions.size())) index = -1;
  select(index);
  if (index >= 0) {
    const auto& segmentation = *labels_.segmentation;
    const ViewIndex at = segmentation.lesions[static_cast<std::size_t>(index)].anchor(segmentation.grid);
    setCursorLps(segmentation.grid.geometry.point_lps(exact(at)));
  }
  appearance();
  Q_EMIT lesionSelected(index);
}

int ScanScene::selectLesionAtCursor() {
  const int index = empty() ? -1 : lesionAt(cursor_);
  if (index < 0 || index == lesion_) return index;
  select(index);
  appearance();
  Q_EMIT lesionSelected(index);
  return index;
}

void ScanScene::setActiveSequence(std::size_t index) {
  if (index >= sequences_.size() || index == active_) return;
  active_ = index;
  appearance();
}

void ScanScene::setWindow(std::size_t index, const GreyWindow& window) {
  if (index >= sequences_.size() || sequences_[index].window == window) return;
  sequences_[index].window = window;
  appearance();
}

void ScanScene::setOpacity(std::size_t index, double opacity) {
  if (index == 0 || index >= sequences_.size()) return;
  sequences_[index].opacity = std::clamp(opacity, 0.0, 1.0);
  appearance();
}

void ScanScene::setSequenceVisible(std::size_t index, bool visible) {
  if (index >= sequences_.size()) return;
  sequences_[index].visible = visible;
  appearance();
}

void ScanScene::setLabelVisible(int label, bool visible) {
  if (label < 0 || label >= static_cast<int>(labels_.visible.size())) return;
  labels_.visible[static_cast<std::size_t>(label)] = visible;
  appearance();
}

void ScanScene::setLabelFill(double fill) {
  labels_.fill = std::clamp(fill, 0.0, 1.0);
  appearance();
}

void ScanScene::setLabelOutline(bool outline) {
  labels_.outline = outline;
  appearance();
}

void ScanScene::setOverlayOpacity(double opacity) {
  overlay_.opacity = std::clamp(opacity, 0.0, 1.0);
  appearance();
}

void ScanScene::setOverlayRange(double low, double high) {
  if (!(high > low)) return;
  overlay_.low = low, overlay_.high = high;
  appearance();
}

void ScanScene::setOverlayMap(const QString& map) {
  overlay_.map = map;
  appearance();
}

void ScanScene::setConvention(Convention convention) {
  if (convention == convention_) return;
  convention_ = convention;
  appearance();
}

void ScanScene::setCrosshairShown(bool shown) {
  crosshair_ = shown;
  appearance();
}

void ScanScene::setSmooth(bool smooth) {
  smooth_ = smooth;
  appearance();
}

void ScanScene::setOverlaysShown(bool shown) {
  if (shown == overlays_shown_) return;
  overlays_shown_ = shown;
  appearance();
}

int ScanScene::labelAt(const ViewIndex& at) const {
  if (!labels_.segmentation) return 0;
  const auto index = index_in(labels_.segmentation->grid, labels_.place, at);
  return index ? labels_.segmentation->labels[labels_.segmentation->grid.linear(*index)] : 0;
}

int ScanScene::lesionAt(const ViewIndex& at) const {
  if (!labels_.segmentation) return -1;
  const auto index = index_in(labels_.segmentation->grid, labels_.place, at);
  return index ? labels_.segmentation->lesion_at(*index) : -1;
}

bool ScanScene::isInSelectedLesion(const ViewIndex& at) const {
  if (lesion_ < 0 || !labels_.segmentation) return false;
  const auto index = index_in(labels_.segmentation->grid, labels_.place, at);
  if (!index) return false;
  const pipeline::ViewLesion& lesion = labels_.segmentation->lesions[static_cast<std::size_t>(lesion_)];
  for (std::size_t a = 0; a < 3; ++a)
    if ((*index)[a] < lesion.begin[a] || (*index)[a] >= lesion.end[a]) return false;
  return selected_[place_in_box(lesion, *index)];
}

/// The lesion's voxels become a mask of its box: a search for each pixel of a slice would be felt.
void ScanScene::select(int index) {
  lesion_ = index;
  selected_.clear();
  if (index < 0) return;
  const pipeline::ViewLesion& lesion = labels_.segmentation->lesions[static_cast<std::size_t>(index)];
  const ViewIndex& size = labels_.segmentation->grid.geometry.size;
  std::size_t voxels = 1;
  for (std::size_t a = 0; a < 3; ++a) voxels *= static_cast<std::size_t>(lesion.end[a] - lesion.begin[a]);
  selected_.assign(voxels, false);
  for (const std::int64_t voxel : lesion.voxels)
    selected_[place_in_box(lesion, {voxel % size[0], voxel / size[0] % size[1], voxel / (size[0] * size[1])})] = true;
}

QString ScanScene::describe(const ViewIndex& at) const {
  if (empty() || !grid().contains(at)) return {};
  const ViewPoint lps = grid().geometry.point_lps(exact(at));
  const ViewIndex file = grid().file_index(at);
  QStringList parts{tr("LPS %1, %2, %3 mm").arg(number_text(lps[0], 1), number_text(lps[1], 1), number_text(lps[2], 1)),
                    tr("voxel %1, %2, %3").arg(file[0]).arg(file[1]).arg(file[2])};
  for (const SequenceLayer& layer : sequences_)
    if (const auto value = value_at(*layer.volume, layer.place, at))
      parts << layer.name + " " + significant_text(*value, 4);
  if (const int label = labelAt(at); label > 0)
    parts << QString::fromStdString(labels_.segmentation->names[static_cast<std::size_t>(label)]);
  if (overlay_.volume)
    if (const auto value = value_at(*overlay_.volume, overlay_.place, at))
      parts << overlay_.name + " " + number_text(*value, 3);
  return parts.join(QStringLiteral("   ·   "));
}

Placement ScanScene::placementOf(const pipeline::ViewGrid& grid) const {
  const io::Geometry& base = this->grid().geometry;
  return {pipeline::index_from_index(grid.geometry, base), pipeline::same_view_grid(base, grid.geometry)};
}

void ScanScene::appearance() {
  ++revision_;
  Q_EMIT appearanceChanged();
}

void ScanScene::content() {
  ++revision_;
  Q_EMIT contentChanged();
}

}  // namespace fovea::gui
