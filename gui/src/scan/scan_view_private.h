// The parts of a scan view and what joins them: scan_view_layout.cc builds, scan_view_loading.cc reads.
#pragma once

#include <fovea/gui/scan_view.h>

#include <filesystem>
#include <functional>

#include "scan/background_loader.h"
#include "scan/comparison_panel.h"
#include "scan/four_panes.h"
#include "scan/growth_request.h"
#include "scan/layer_panel.h"
#include "scan/lesion_table.h"

class QLabel;
class QProgressBar;
class QStackedWidget;

namespace fovea::gui {

/// A folder with several series has to be asked about: then there is a choice and no volume.
struct OpenedVolume {
  std::shared_ptr<const pipeline::ViewVolume> volume;
  std::vector<pipeline::ViewSeries> choice;
};

class ScanView::Private {
 public:
  explicit Private(ScanView* view);

  void open(const QString& path, const QString& series, bool base);
  void showResult(const QString& path);
  void addOverlay(const QString& path, const QString& name);
  void compareWith(const QString& earlier, const QString& labels, const QString& growth);
  /// Runs `mri growth` where it is asked for, then shows both time points.
  void compare(const GrowthChoices& choices);
  void endComparison();
  void clear();

  ScanView* view;
  ScanScene scene, earlier;
  BackgroundLoader loader;
  pipeline::ViewReadOptions options;
  bool names_shown = false;
  TimePoint open_point;  ///< what is open, as it was named
  std::vector<ScanStudy> studies;
  QStackedWidget* pages;
  QLabel* empty;
  FourPanes* panes;
  ComparisonPanel* comparison;
  LesionTable* table;

 private:
  void layOut();
  void connectPanel(LayerPanel* panel);
  void takeVolume(OpenedVolume&& opened, const QString& path, bool base);
  void chooseSeries(const std::vector<pipeline::ViewSeries>& choice, const QString& path, bool base);
  void takeSegmentation(std::shared_ptr<const pipeline::ViewSegmentation> segmentation);
  void buildSurfaces();
  void fail(const LoadProblem& problem);
  void note(const QString& what, const std::vector<std::string>& notices);
  void showStatus(const QString& hovered);
  QString nameOf(const QString& path, int number) const;
  QString chosenFile(const QString& title) const;
  /// Now, or when the scan that is being read is there.
  void whenOpen(std::function<void()> action);

  bool opening_ = false;
  std::vector<std::function<void()>> waiting_;
  QLabel *status_, *notes_, *comparing_;
  QProgressBar* progress_;
};

}  // namespace fovea::gui
