#include "widgets/scan_page.h"

#include <QLabel>
#include <QVBoxLayout>

#include "model/case_list_model.h"

#if __has_include(<fovea/gui/scan_view.h>)
#include <fovea/gui/scan_view.h>
#define FOVEA_SCAN_VIEW 1
#endif

namespace fovea::gui {

ScanPage::ScanPage(QWidget* parent) : QWidget(parent) {
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
#ifdef FOVEA_SCAN_VIEW
  view_ = new ScanView(this);
  layout->addWidget(view_);
  connect(view_, &ScanView::failed, this, &ScanPage::failed);
#else
  auto* text = new QLabel(tr("This build has no scan view. The case can be run; its result is under Report."), this);
  text->setAlignment(Qt::AlignCenter);
  text->setWordWrap(true);
  layout->addWidget(text);
#endif
}

void ScanPage::open([[maybe_unused]] const QString& path) {
#ifdef FOVEA_SCAN_VIEW
  view_->open(path);
#endif
}

void ScanPage::showResult([[maybe_unused]] const QString& folder) {
#ifdef FOVEA_SCAN_VIEW
  view_->showResult(folder);
#endif
}

void ScanPage::setStudies([[maybe_unused]] const CaseListModel& cases, [[maybe_unused]] const CaseRecord& open) {
#ifdef FOVEA_SCAN_VIEW
  std::vector<ScanStudy> studies;
  for (int row = 0; row < cases.rowCount(); ++row) {
    const CaseRecord* each = cases.at(cases.index(row));
    if (!each || each->kind != CaseKind::kScan || each->id == open.id) continue;
    studies.push_back(
        {each->pseudonym, each->path, each->result, !open.patient.isEmpty() && each->patient == open.patient});
  }
  view_->setStudies(std::move(studies));
#endif
}

void ScanPage::clear() {
#ifdef FOVEA_SCAN_VIEW
  view_->clear();
#endif
}

void ScanPage::setNamesShown([[maybe_unused]] bool shown) {
#ifdef FOVEA_SCAN_VIEW
  view_->setNamesShown(shown);
#endif
}

}  // namespace fovea::gui
