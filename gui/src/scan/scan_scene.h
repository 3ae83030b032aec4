// What the scan view shows, without widgets: volumes, labels, overlay, crosshair and how each is drawn.
#pragma once

#include <QColor>
#include <QObject>
#include <QString>

#include <memory>
#include <vector>

#include <fovea/pipeline/volume_view.h>

#include "scan/grey_window.h"
#include "scan/slice_geometry.h"

namespace fovea::gui {

/// Where another grid's voxels lie under the first sequence's.
struct Placement {
  pipeline::IndexMap from_base;
  bool same_grid = true;
};

struct SequenceLayer {
  QString name;
  std::shared_ptr<const pipeline::ViewVolume> volume;
  Placement place;
  GreyWindow window;
  double opacity = 1;  ///< of the first: always 1
  bool visible = true;
};

struct LabelLayer {
  std::shared_ptr<const pipeline::ViewSegmentation> segmentation;  ///< null: none
  Placement place;
  std::vector<bool> visible;  ///< by label value
  double fill = 0.35;         ///< opacity of the inside, 0 for outlines alone
  bool outline = true;
};

struct ColourLayer {
  QString name;
  std::shared_ptr<const pipeline::ViewVolume> volume;  ///< null: none
  Placement place;
  QString map = "viridis";
  double low = 0, high = 1;  ///< below `low` nothing is drawn
  double opacity = 0.6;
};

/// One head at one time. Every change is announced by one signal; `revision` tells pictures that were drawn before it.
class ScanScene : public QObject {
  Q_OBJECT

 public:
  explicit ScanScene(QObject* parent = nullptr) : QObject(parent) {}

  void clear();
  /// The first sequence: its grid is the one that slices follow.
  void setBase(std::shared_ptr<const pipeline::ViewVolume> volume, const QString& name);
  void addSequence(std::shared_ptr<const pipeline::ViewVolume> volume, const QString& name);
  void removeSequence(std::size_t index);
  void setSegmentation(std::shared_ptr<const pipeline::ViewSegmentation> segmentation);
  void setOverlay(std::shared_ptr<const pipeline::ViewVolume> volume, const QString& name);

  bool empty() const { return sequences_.empty(); }
  const pipeline::ViewGrid& grid() const { return sequences_.front().volume->grid; }
  const std::vector<SequenceLayer>& sequences() const { return sequences_; }
  const LabelLayer& labels() const { return labels_; }
  const ColourLayer& overlay() const { return overlay_; }
  SliceFrame frame(Plane plane) const { return {grid(), plane, convention_}; }

  const pipeline::ViewIndex& cursor() const { return cursor_; }
  pipeline::ViewPoint cursorLps() const;
  std::int64_t slice(Plane plane) const { return cursor_[frame(plane).across()]; }
  /// Points outside are clamped to the nearest voxel.
  void setCursor(pipeline::ViewIndex at);
  void setCursorLps(const pipeline::ViewPoint& lps);
  void moveSlice(Plane plane, int steps);

  int lesion() const { return lesion_; }
  /// Crosshair to it, all planes; -1 for none.
  void selectLesion(int index);
  /// The one under the crosshair becomes selected, without moving it; -1 when there is none.
  int selectLesionAtCursor();

  std::size_t activeSequence() const { return active_; }
  void setActiveSequence(std::size_t index);
  void setWindow(std::size_t index, const GreyWindow& window);
  void setOpacity(std::size_t index, double opacity);
  void setSequenceVisible(std::size_t index, bool visible);
  void setLabelVisible(int label, bool visible);
  void setLabelFill(double fill);
  void setLabelOutline(bool outline);
  void setOverlayOpacity(double opacity);
  void setOverlayRange(double low, double high);
  void setOverlayMap(const QString& map);

  Convention convention() const { return convention_; }
  void setConvention(Convention convention);
  bool crosshairShown() const { return crosshair_; }
  void setCrosshairShown(bool shown);
  bool smooth() const { return smooth_; }
  void setSmooth(bool smooth);
  /// Labels and overlay, hidden while a key is held.
  bool overlaysShown() const { return overlays_shown_; }
  void setOverlaysShown(bool shown);

  quint64 revision() const { return revision_; }
  /// "LPS 8.0, 24.8, −10.7 mm   voxel 98, 120, 61   T1 413   lesion   probability 0.87" of a voxel of the grid.
  QString describe(const pipeline::ViewIndex& at) const;
  QString describeCursor() const { return empty() ? QString() : describe(cursor_); }
  /// Label under a voxel of the first sequence's grid, 0 for none.
  int labelAt(const pipeline::ViewIndex& at) const;
  int lesionAt(const pipeline::ViewIndex& at) const;
  bool isInSelectedLesion(const pipeline::ViewIndex& at) const;

 Q_SIGNALS:
  void contentChanged();     ///< other volumes, labels or overlay
  void appearanceChanged();  ///< the same content drawn otherwise
  void cursorChanged();
  void lesionSelected(int index);

 private:
  void select(int index);
  Placement placementOf(const pipeline::ViewGrid& grid) const;
  void appearance();
  void content();

  std::vector<SequenceLayer> sequences_;
  LabelLayer labels_;
  ColourLayer overlay_;
  pipeline::ViewIndex cursor_{};
  std::size_t active_ = 0;
  int lesion_ = -1;
  std::vector<bool> selected_;  ///< voxels of the selected lesion within its box
  Convention convention_ = Convention::kRadiological;
  bool crosshair_ = true, smooth_ = true, overlays_shown_ = true;
  quint64 revision_ = 0;
};

/// The value of `volume` at an index of the first sequence's grid, nearest voxel; nothing outside.
std::optional<double> value_at(const pipeline::ViewVolume& volume, const Placement& place,
                               const pipeline::ViewIndex& base);

}  // namespace fovea::gui
