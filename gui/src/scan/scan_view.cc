#include <fovea/gui/scan_view.h>

#include <QFileInfo>
#include <QStackedWidget>

#include "scan/scan_view_private.h"

namespace fovea::gui {

ScanView::ScanView(QWidget* parent) : QWidget(parent), d_(std::make_unique<Private>(this)) {}

ScanView::~ScanView() {
  // The panes look at the scenes until they are gone.
  qDeleteAll(findChildren<QWidget*>(QString(), Qt::FindDirectChildrenOnly));
}

void ScanView::open(const QString& path, const QString& series) {
  d_->open(path, series, true);
}
void ScanView::addSequence(const QString& path, const QString& series) {
  d_->open(path, series, d_->scene.empty() && !isBusy());
}
void ScanView::showResult(const QString& path) {
  d_->showResult(path);
}
void ScanView::addOverlay(const QString& path) {
  d_->addOverlay(path, d_->names_shown ? QFileInfo(path).fileName() : ScanView::tr("Overlay"));
}
void ScanView::compareWith(const QString& earlier, const QString& labels, const QString& growth) {
  d_->compareWith(earlier, labels, growth);
}
void ScanView::setStudies(std::vector<ScanStudy> studies) {
  d_->studies = std::move(studies);
}
void ScanView::endComparison() {
  d_->endComparison();
}
void ScanView::clear() {
  d_->clear();
}
bool ScanView::isBusy() const {
  return d_->loader.busy();
}
int ScanView::lesionCount() const {
  const auto& segmentation = d_->scene.labels().segmentation;
  return segmentation ? static_cast<int>(segmentation->lesions.size()) : 0;
}
void ScanView::selectLesion(int index) {
  if (!d_->scene.empty()) d_->scene.selectLesion(index);
}
void ScanView::setNamesShown(bool shown) {
  d_->names_shown = shown;
}
QImage ScanView::picture() const {
  return d_->pages->grab().toImage();
}

std::vector<std::pair<QString, QString>> ScanView::shortcuts() {
  return {{tr("Wheel, ↑ ↓"), tr("Slice by slice")},
          {tr("Page up, Page down"), tr("Ten slices")},
          {tr("Home, End"), tr("First and last slice")},
          {tr("Click"), tr("Crosshair there; selects a lesion")},
          {tr("Drag"), tr("Window: to the right wider, downwards darker")},
          {tr("Shift + drag"), tr("Crosshair follows")},
          {tr("Ctrl + arrows"), tr("Crosshair by one voxel")},
          {tr("Right drag, Ctrl + wheel, + −"), tr("Zoom in all planes")},
          {tr("Middle drag, Ctrl + drag, Shift + arrows"), tr("Move the picture")},
          {tr("0"), tr("Fit")},
          {tr("Double click, Enter"), tr("One pane alone, and back")},
          {tr("A, C, S"), tr("Axial, coronal or sagittal alone")},
          {tr("Esc"), tr("All four panes")},
          {tr("W"), tr("Window of the start")},
          {tr("X"), tr("Crosshair on and off")},
          {tr("H, held"), tr("Hide labels and colours")},
          {tr("[ ]"), tr("Less and more opacity")},
          {tr("Space"), tr("Select the lesion under the crosshair")}};
}

}  // namespace fovea::gui
