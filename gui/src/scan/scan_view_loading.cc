// What the scan view reads, in which order, and what it does with it.
#include <QInputDialog>
#include <QLabel>
#include <QStackedWidget>

#include <algorithm>
#include <utility>

#include "scan/scan_view_private.h"

namespace fovea::gui {
namespace {

using pipeline::ViewSegmentation;
using pipeline::ViewVolume;

std::filesystem::path file_path(const QString& path) {
  return path.toStdU16String();
}

struct EarlierPoint {
  std::shared_ptr<const ViewVolume> volume;
  std::shared_ptr<const ViewSegmentation> labels;
  std::optional<pipeline::ViewGrowth> growth;
};

}  // namespace

void ScanView::Private::clear() {
  loader.cancelAll();
  opening_ = false;
  waiting_.clear();
  panes->surface()->setSurfaces(nullptr);
  panes->resetViews();
  earlier.clear();
  scene.clear();
  open_point = {};
  comparing_->hide();
  table->hide();
  notes_->hide();
  notes_->clear();
  empty->setText(ScanView::tr("No scan is open"));
  pages->setCurrentWidget(empty);
}

void ScanView::Private::open(const QString& path, const QString& series, bool base) {
  if (base) {
    clear();  // the last patient's pictures never stand under the next one's name
    opening_ = true;
    open_point.scan = path;
    empty->setText(ScanView::tr("Reading the scan …"));
  } else if (opening_) {
    return whenOpen([=, this] { open(path, series, false); });
  }
  pipeline::ViewReadOptions reading = options;
  reading.reading.series = series.toStdString();
  loader.load(
      base ? QStringLiteral("base") : "sequence " + path,
      [file = file_path(path), reading](const std::stop_token& stop) {
        OpenedVolume opened;
        if (reading.reading.series.empty()) opened.choice = pipeline::view_series(file);
        if (opened.choice.size() < 2)
          opened.volume = std::make_shared<ViewVolume>(pipeline::load_view_volume(file, reading, stop));
        return opened;
      },
      [this, path, base](OpenedVolume&& opened) { takeVolume(std::move(opened), path, base); },
      [this, base](const LoadProblem& problem) {
        if (base) {
          clear();
          empty->setText(problem.sentence);
        }
        fail(problem);
      });
}

void ScanView::Private::takeVolume(OpenedVolume&& opened, const QString& path, bool base) {
  if (!opened.volume) return chooseSeries(opened.choice, path, base);
  const QString name = nameOf(path, static_cast<int>(scene.sequences().size()) + 1);
  note(name, opened.volume->notices);
  if (!base) {
    scene.addSequence(opened.volume, name);
    return;
  }
  scene.setBase(opened.volume, name);
  opening_ = false;
  pages->setCurrentWidget(panes);
  panes->pane(Plane::kAxial)->setFocus();
  buildSurfaces();
  Q_EMIT view->opened();
  const std::vector<std::function<void()>> actions = std::exchange(waiting_, {});
  for (const auto& action : actions) action();
}

void ScanView::Private::chooseSeries(const std::vector<pipeline::ViewSeries>& choice, const QString& path, bool base) {
  QStringList texts;
  for (const pipeline::ViewSeries& series : choice) texts << QString::fromStdString(series.text);
  auto* dialog = new QInputDialog(view);
  dialog->setAttribute(Qt::WA_DeleteOnClose);
  dialog->setWindowTitle(ScanView::tr("Several series"));
  dialog->setLabelText(ScanView::tr("The folder holds several series. Which one?"));
  dialog->setComboBoxItems(texts);
  connect(dialog, &QInputDialog::textValueSelected, view, [=, this](const QString& text) {
    const auto index = static_cast<std::size_t>(std::max<qsizetype>(texts.indexOf(text), 0));
    // The results that wait for this scan wait on.
    std::vector<std::function<void()>> waiting = std::exchange(waiting_, {});
    open(path, QString::fromStdString(choice[index].series), base);
    waiting_ = std::move(waiting);
  });
  connect(dialog, &QDialog::rejected, view, [this, base] {
    if (base) clear();
  });
  dialog->open();
}

void ScanView::Private::whenOpen(std::function<void()> action) {
  if (opening_)
    waiting_.push_back(std::move(action));
  else if (scene.empty())
    fail({ScanView::tr("Open the scan first that this belongs to."), {}});
  else
    action();
}

void ScanView::Private::showResult(const QString& path) {
  if (opening_ || scene.empty()) return whenOpen([=, this] { showResult(path); });
  open_point.result = path;
  loader.load(
      QStringLiteral("result"),
      [file = file_path(path), reading = options](const std::stop_token& stop) {
        return std::make_shared<const ViewSegmentation>(pipeline::load_view_segmentation(file, reading, stop));
      },
      [this](std::shared_ptr<const ViewSegmentation>&& segmentation) { takeSegmentation(std::move(segmentation)); },
      [this](const LoadProblem& problem) { fail(problem); });
}

void ScanView::Private::takeSegmentation(std::shared_ptr<const ViewSegmentation> segmentation) {
  scene.setOverlay(nullptr, {});  // belonged to the result before
  scene.setSegmentation(segmentation);
  table->setVisible(!segmentation->lesions.empty());
  std::vector<std::string> notices = segmentation->notices;
  if (!scene.labels().place.same_grid)
    notices.push_back(
        ScanView::tr("it lies on another grid than the scan and is laid over it by its header").toStdString());
  if (segmentation->lesions.empty()) notices.push_back(ScanView::tr("it holds no lesion").toStdString());
  note(ScanView::tr("Segmentation"), notices);
  buildSurfaces();
  if (!segmentation->lesions.empty()) scene.selectLesion(0);
  Q_EMIT view->resultShown(static_cast<int>(segmentation->lesions.size()));
}

void ScanView::Private::buildSurfaces() {
  panes->surface()->setSurfaces(nullptr);
  loader.load(
      QStringLiteral("surfaces"),
      [volume = scene.sequences().front().volume, labels = scene.labels().segmentation](const std::stop_token& stop) {
        auto surfaces = std::make_shared<SurfaceScene>();
        surfaces->head = head_mesh(*volume, stop);
        if (labels) surfaces->lesions = lesion_meshes(*labels, stop);
        return std::shared_ptr<const SurfaceScene>(std::move(surfaces));
      },
      [this](std::shared_ptr<const SurfaceScene>&& surfaces) { panes->surface()->setSurfaces(std::move(surfaces)); },
      [this](const LoadProblem& problem) { fail(problem); });
}

void ScanView::Private::addOverlay(const QString& path, const QString& name) {
  if (opening_ || scene.empty()) return whenOpen([=, this] { addOverlay(path, name); });
  pipeline::ViewReadOptions reading = options;
  reading.compact = true;
  loader.load(
      QStringLiteral("overlay"),
      [file = file_path(path), reading](const std::stop_token& stop) {
        return std::make_shared<const ViewVolume>(pipeline::load_view_volume(file, reading, stop));
      },
      [this, name](std::shared_ptr<const ViewVolume>&& volume) {
        note(name, volume->notices);
        scene.setOverlay(std::move(volume), name);
      },
      [this](const LoadProblem& problem) { fail(problem); });
}

void ScanView::Private::compareWith(const QString& path, const QString& labels, const QString& growth) {
  if (opening_ || scene.empty()) return whenOpen([=, this] { compareWith(path, labels, growth); });
  loader.load(
      QStringLiteral("earlier"),
      [scan = file_path(path), mask = file_path(labels), change = file_path(growth),
       reading = options](const std::stop_token& stop) {
        EarlierPoint point;
        point.volume = std::make_shared<ViewVolume>(pipeline::load_view_volume(scan, reading, stop));
        if (!mask.empty())
          point.labels = std::make_shared<ViewSegmentation>(pipeline::load_view_segmentation(mask, reading, stop));
        if (!change.empty()) point.growth = pipeline::load_view_growth(change);
        return point;
      },
      [this, path](EarlierPoint&& point) {
        const pipeline::ViewIndex place = scene.cursor();  // the one that is looked at stays
        earlier.setBase(point.volume, nameOf(path, 1));
        scene.setCursor(place);
        if (point.labels) earlier.setSegmentation(point.labels);
        std::vector<std::string> notices = point.volume->notices;
        if (point.growth) notices.insert(notices.end(), point.growth->notices.begin(), point.growth->notices.end());
        note(ScanView::tr("Earlier scan"), notices);
        comparison->setGrowth(std::move(point.growth));
        table->hide();  // the change of each lesion stands in its place
        pages->setCurrentWidget(comparison);
        comparison->align();
        Q_EMIT view->comparisonShown();
      },
      [this](const LoadProblem& problem) { fail(problem); });
}

void ScanView::Private::compare(const GrowthChoices& choices) {
  if (!canCompute(choices)) return compareWith(choices.earlier.scan, choices.earlier.result, choices.growth);
  comparing_->setText(ScanView::tr("Computing the change between both scans …"));
  comparing_->show();
  loader.load(
      QStringLiteral("growth"),
      [request = growthRequest(choices)](const std::stop_token& stop) { return pipeline::run_job(request, {}, stop); },
      [this, choices](pipeline::JobResult&& result) {
        comparing_->hide();
        note(ScanView::tr("Change"), result.notices);
        compareWith(choices.earlier.scan, choices.earlier.result, choices.out);
      },
      [this](const LoadProblem& problem) {
        comparing_->hide();
        fail(problem);
      });
}

void ScanView::Private::endComparison() {
  loader.cancel(QStringLiteral("earlier"));
  pages->setCurrentWidget(scene.empty() ? static_cast<QWidget*>(empty) : panes);
  earlier.clear();  // its memory as well
  table->setVisible(view->lesionCount() > 0);
}

}  // namespace fovea::gui
