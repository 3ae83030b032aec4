// The scan view's widgets and how they stand.
#include <QFileDialog>
#include <QFileInfo>
#include <QHBoxLayout>
#include <QLabel>
#include <QProgressBar>
#include <QSplitter>
#include <QStackedWidget>
#include <QVBoxLayout>

#include "scan/compare_dialog.h"
#include "scan/scan_view_private.h"
#include "scan/sequence_name.h"

namespace fovea::gui {
namespace {

constexpr int kPanelWidth = 284, kTableHeight = 150;

}  // namespace

ScanView::Private::Private(ScanView* v) : view(v) {
  layOut();
  const auto refresh = [this] { showStatus({}); };
  connect(&scene, &ScanScene::cursorChanged, view, refresh);
  connect(&scene, &ScanScene::contentChanged, view, refresh);
  connect(&loader, &BackgroundLoader::busyChanged, view, [this](bool busy) {
    progress_->setVisible(busy);
    Q_EMIT view->busyChanged(busy);
  });
  connect(panes, &FourPanes::hovered, view, [this](const QString& text) { showStatus(text); });
  connect(panes, &FourPanes::lesionClicked, view, &ScanView::lesionClicked);
  connect(table, &LesionTable::lesionClicked, view, &ScanView::lesionClicked);
  connect(comparison, &ComparisonPanel::hovered, view, [this](const QString& text) { showStatus(text); });
  connect(comparison, &ComparisonPanel::lesionClicked, view, &ScanView::lesionClicked);
  connect(comparison, &ComparisonPanel::endRequested, view, &ScanView::endComparison);
}

void ScanView::Private::layOut() {
  pages = new QStackedWidget;
  empty = new QLabel(ScanView::tr("No scan is open"));
  empty->setAlignment(Qt::AlignCenter);
  panes = new FourPanes(&scene);
  comparison = new ComparisonPanel(&earlier, &scene);
  pages->addWidget(empty);
  pages->addWidget(panes);
  pages->addWidget(comparison);

  auto* left = new QSplitter(Qt::Vertical);
  left->addWidget(pages);
  left->addWidget(table = new LesionTable(&scene));
  left->setStretchFactor(0, 1);
  left->setSizes({kTableHeight * 4, kTableHeight});
  left->setChildrenCollapsible(false);
  table->hide();

  auto* panel = new LayerPanel(&scene);
  panel->setMinimumWidth(kPanelWidth);
  connectPanel(panel);
  auto* whole = new QSplitter(Qt::Horizontal);
  whole->addWidget(left);
  whole->addWidget(panel);
  whole->setStretchFactor(0, 1);
  whole->setChildrenCollapsible(false);

  notes_ = new QLabel;
  notes_->setWordWrap(true);
  notes_->setContentsMargins(8, 2, 8, 2);
  notes_->hide();
  comparing_ = new QLabel;
  comparing_->setObjectName(QStringLiteral("comparing"));
  comparing_->setContentsMargins(8, 2, 8, 2);
  comparing_->hide();
  auto* line = new QHBoxLayout;
  line->setContentsMargins(8, 2, 8, 4);
  status_ = new QLabel;
  status_->setAccessibleName(ScanView::tr("Position and values"));
  status_->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Preferred);
  progress_ = new QProgressBar;
  progress_->setRange(0, 0);
  progress_->setMaximumWidth(120);
  progress_->setAccessibleName(ScanView::tr("Reading"));
  progress_->hide();
  line->addWidget(status_, 1);
  line->addWidget(progress_);

  auto* column = new QVBoxLayout(view);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(0);
  column->addWidget(whole, 1);
  column->addWidget(comparing_);
  column->addWidget(notes_);
  column->addLayout(line);
}

void ScanView::Private::connectPanel(LayerPanel* panel) {
  connect(panel, &LayerPanel::addSequenceRequested, view, [this] {
    if (const QString path = chosenFile(ScanView::tr("Add a sequence")); !path.isEmpty()) open(path, {}, false);
  });
  connect(panel, &LayerPanel::openResultRequested, view, [this] {
    const QString folder = QFileDialog::getExistingDirectory(view, ScanView::tr("Open a result folder"));
    if (!folder.isEmpty()) showResult(folder);
  });
  connect(panel, &LayerPanel::openOverlayRequested, view, [this] {
    if (const QString path = chosenFile(ScanView::tr("Open a colour overlay")); !path.isEmpty())
      addOverlay(path, nameOf(path, static_cast<int>(scene.sequences().size()) + 1));
  });
  connect(panel, &LayerPanel::compareRequested, view, [this] {
    auto* dialog = new CompareDialog(open_point, studies, view);
    dialog->setAttribute(Qt::WA_DeleteOnClose);
    connect(dialog, &QDialog::accepted, view, [this, dialog] { compare(dialog->choices()); });
    dialog->open();
  });
  connect(panel, &LayerPanel::overlayChosen, view, [this](int index) {
    if (index == -1) {
      loader.cancel(QStringLiteral("overlay"));
      scene.setOverlay(nullptr, {});
    }
    const auto& segmentation = scene.labels().segmentation;
    if (index < 0 || !segmentation || index >= static_cast<int>(segmentation->overlays.size())) return;
    const auto& [name, path] = segmentation->overlays[static_cast<std::size_t>(index)];
    addOverlay(QString::fromStdU16String(path.u16string()), overlay_name(QString::fromStdString(name)));
  });
}

QString ScanView::Private::nameOf(const QString& path, int number) const {
  return names_shown ? QFileInfo(path).fileName() : sequence_name(path, number);
}

QString ScanView::Private::chosenFile(const QString& title) const {
  return QFileDialog::getOpenFileName(
      view, title, {}, ScanView::tr("Volumes (*.nii *.nii.gz *.nrrd *.nhdr *.mha *.mhd *.dcm);;All files (*)"));
}

void ScanView::Private::fail(const LoadProblem& problem) {
  Q_EMIT view->failed(problem.sentence, problem.details);
}

void ScanView::Private::note(const QString& what, const std::vector<std::string>& notices) {
  if (notices.empty()) return;
  QStringList lines = notes_->text().isEmpty() ? QStringList() : notes_->text().split('\n');
  for (const std::string& notice : notices) lines << what + ": " + QString::fromStdString(notice);
  notes_->setText(lines.join('\n'));
  notes_->show();
}

void ScanView::Private::showStatus(const QString& hovered) {
  const QString text = hovered.isEmpty() ? scene.describeCursor() : hovered;
  status_->setText(text);
  status_->setToolTip(text);
}

}  // namespace fovea::gui
