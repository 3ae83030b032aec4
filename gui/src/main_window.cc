#include <fovea/gui/main_window.h>

#include <QApplication>
#include <QCloseEvent>
#include <QDragEnterEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QMessageBox>
#include <QMimeData>
#include <QStatusBar>

#include <cmath>

#include <fovea/pipeline/text_file.h>

#include "main_window_parts.h"
#include "widgets/settings_dialog.h"
#include "widgets/theme.h"

namespace fovea::gui {
namespace {

constexpr int kReportPatches = 8;

}  // namespace

MainWindow::MainWindow(const QString& home, QWidget* parent)
    : QMainWindow(parent), session_(std::make_unique<Session>(home)), parts_(std::make_unique<Parts>()) {
  setWindowTitle(QStringLiteral("Fovea"));
  setAcceptDrops(true);
  buildPages();
  buildActions();
  connectSession();
  connectRun();
  showCase(0);
  resize(1280, 800);
  restoreGeometry(session_->settings().file().value(QStringLiteral("geometry")).toByteArray());
  if (!session_->settings().noticeSeen()) {
    say(researchNotice());
    session_->settings().setNoticeSeen();
  }
}

MainWindow::~MainWindow() {
  session_->disconnect(this);
  session_->queue().disconnect(this);
  session_->stop();
  delete takeCentralWidget();  // widgets look at the session: they go first
}

Session& MainWindow::session() {
  return *session_;
}

void MainWindow::connectSession() {
  Parts& p = *parts_;
  Session& s = *session_;
  connect(p.cases, &CasePanel::chosen, &s, &Session::open);
  connect(p.cases, &CasePanel::addFiles, this,
          [this] { addPaths(QFileDialog::getOpenFileNames(this, tr("Add slides and scans"))); });
  connect(p.cases, &CasePanel::addFolder, this, [this] {
    const QString folder = QFileDialog::getExistingDirectory(this, tr("Add a folder"));
    if (!folder.isEmpty()) addPaths({folder});
  });
  connect(p.cases, &CasePanel::removeRequested, &s, &Session::remove);
  connect(p.cases, &CasePanel::locateRequested, this, &MainWindow::locate);
  connect(&s, &Session::added, this, [this](const QList<qint64>& ids, const QStringList& problems) {
    if (!ids.isEmpty()) parts_->cases->select(ids.first());
    if (!problems.isEmpty()) say(problems.first(), problems.size() > 1 ? problems.join(QLatin1Char('\n')) : QString());
  });
  connect(&s, &Session::opening, this, &MainWindow::showCase);
  connect(&s, &Session::closed, this, [this] { showCase(0); });
  connect(&s, &Session::slideReady, this, [this] {
    Session& session = *session_;
    parts_->slide->setSlide(session.slide(), qint64{session.settings().cacheMegabytes()} << 20);
    parts_->slide->canvas().setMpp(session.mpp());
    parts_->run->setDetectedMpp(session.slide()->info().mpp);
    parts_->views->setCurrentWidget(parts_->slide);
    parts_->slide->canvas().setFocus();
  });
  connect(&s, &Session::scanChosen, this, [this](const QString& path, const QString& result) {
    if (!path.isEmpty()) parts_->scan->open(path);
    if (const CaseRecord* record = session_->current()) parts_->scan->setStudies(session_->cases(), *record);
    if (!result.isEmpty()) parts_->scan->showResult(result);
    parts_->views->setCurrentWidget(parts_->scan);
    if (parts_->pages->currentIndex() == kReport) fillReport();
  });
  connect(&s, &Session::resultReady, this, [this] {
    parts_->attention->show(session_->slide(), session_->result());
    parts_->side->setCurrentWidget(parts_->attention);
    if (parts_->pages->currentIndex() == kReport) fillReport();
  });
  connect(&s, &Session::live, this,
          [this](const LiveState& state, std::shared_ptr<const pipeline::AttentionResult> attention) {
            parts_->attention->showLive(state, std::move(attention));
          });
  connect(&s, &Session::sourceMissing, this, [this](qint64 id) {
    parts_->message->say(tr("The file of this case is not where it was."), {}, tr("Locate…"),
                         [this, id] { locate(id); });
  });
  connect(&s, &Session::failed, this, &MainWindow::say);
  connect(p.scan, &ScanPage::failed, this, &MainWindow::say);
  connect(&p.slide->canvas(), &SlideCanvas::tileFailed, this, [this](const QString& sentence) { say(sentence); });
  connect(&p.slide->canvas(), &SlideCanvas::measured, this, [this](double) { updateStatus(); });
}

void MainWindow::connectRun() {
  Parts& p = *parts_;
  Session& s = *session_;
  connect(p.run, &RunPanel::startRequested, this, [this](const pipeline::JobRequest& request, double mpp) {
    if (const CaseRecord* record = session_->current()) session_->run(record->id, request, mpp);
    if (mpp > 0) parts_->slide->canvas().setMpp(mpp);
    if (session_->slide()) parts_->side->setCurrentWidget(parts_->attention);
  });
  connect(p.run, &RunPanel::modelFolderRequested, this, [this] {
    const QString folder =
        QFileDialog::getExistingDirectory(this, tr("Model folder"), session_->settings().modelFolder());
    if (folder.isEmpty()) return;
    session_->settings().setModelFolder(folder);
    parts_->run->reloadModels();
  });
  connect(p.run, &RunPanel::saveRequested, this, [this](const pipeline::JobRequest& request) {
    const QString path = QFileDialog::getSaveFileName(this, tr("Save the request"), {}, tr("JSON (*.json)"));
    if (path.isEmpty()) return;
    try {
      pipeline::write_text_file(path.toStdString(), pipeline::to_json(request));
    } catch (const std::exception& error) {
      say(failureOf(error).sentence, failureOf(error).details);
    }
  });
  connect(p.cases, &CasePanel::runRequested, this, [this](const QList<qint64>& ids) {
    int refused = 0;
    for (const qint64 id : ids) {
      const CaseRecord* record = session_->cases().record(id);
      const auto request = record ? parts_->run->requestFor(*record) : std::nullopt;
      if (request)
        session_->run(id, *request);
      else
        ++refused;
    }
    if (refused > 0) say(tr("%n case(s) could not be queued: no model fits.", nullptr, refused));
    showPage(kQueue);
  });
  connect(p.regions, &RegionPanel::exportRequested, this, [this] {
    const QString path = QFileDialog::getSaveFileName(this, tr("Export regions"), {}, tr("GeoJSON (*.geojson)"));
    if (path.isEmpty()) return;
    try {
      session_->regions().saveTo(path);
    } catch (const std::exception& error) {
      say(failureOf(error).sentence, failureOf(error).details);
    }
  });
  connect(p.report, &ReportPage::failed, this, &MainWindow::say);
  connect(p.train, &TrainPage::said, this, &MainWindow::say);
  connect(p.train, &TrainPage::modelKept, this, [this](const QString& name) {
    parts_->run->reloadModels();
    say(tr("Run offers the model %1 now.").arg(name));
  });
  connect(p.report, &ReportPage::saved, this, [this] { statusBar()->showMessage(tr("Saved."), 4000); });
  connect(p.cancel, &QPushButton::clicked, this, [this] { session_->queue().cancelRunning(); });
  connect(&s.queue(), &RunQueue::advanced, this, &MainWindow::updateStatus);
  connect(&s.queue(), &RunQueue::ended, this, [this](qint64 id, bool good) {
    updateStatus();
    // A cancelled or failed run leaves what was there before it.
    if (!good && session_->current() && id == session_->current()->id && session_->slide())
      parts_->attention->show(session_->slide(), session_->result());
  });
  updateStatus();
}

// --- what is shown ---

void MainWindow::showCase(qint64 id) {
  Parts& p = *parts_;
  const CaseRecord* record = session_->cases().record(id);
  setWindowTitle(record ? tr("%1 – Fovea").arg(record->pseudonym) : QStringLiteral("Fovea"));
  p.message->hide();
  p.slide->setSlide(nullptr, 0);
  p.scan->clear();
  p.attention->show(nullptr, nullptr);
  p.run->setCase(record);
  p.views->setCurrentWidget(p.start);
  const bool slide = !record || record->kind == CaseKind::kSlide;
  p.side->setTabVisible(1, slide);
  p.side->setTabVisible(2, slide);
  if (p.pages->currentIndex() != kQueue) showPage(kView);
}

void MainWindow::showPage(int page) {
  parts_->page_actions->actions()[page]->setChecked(true);
  parts_->pages->setCurrentIndex(page);
  parts_->side->setVisible(page != kTrain);  // it is about the case
  if (page == kReport) fillReport();
}

void MainWindow::fillReport() {
  const CaseRecord* record = session_->current();
  if (!record) return parts_->report->clear(tr("Choose a case."));
  if (record->result.isEmpty()) return parts_->report->clear(tr("This case has no result yet. Run it first."));
  if (record->kind == CaseKind::kScan) return parts_->report->showFolder(record->pseudonym, record->result);
  if (!session_->result()) return parts_->report->clear(tr("The result is being read."));
  ReportContent content;
  content.pseudonym = record->pseudonym, content.result = session_->result(), content.mpp = session_->mpp();
  content.regions = session_->regions().regions();
  const PatchModel& patches = parts_->attention->patches();
  for (int row = 0; row < std::min(kReportPatches, patches.rowCount()); ++row) {
    const QModelIndex index = patches.index(row);
    content.patches.push_back({patches.picture(row), index.data(PatchModel::kRank).toLongLong(),
                               index.data(PatchModel::kWeight).toDouble(), 0, 0});
  }
  session_->engine().ask(
      this,
      [file = record->result + QStringLiteral("/heatmap.png")](std::stop_token) {
        return QImage(file).scaledToWidth(1400, Qt::SmoothTransformation);
      },
      [this, content](const QImage& picture) mutable {
        content.picture = picture;
        content.picture_caption = tr("The slide under its attention; the bar at its side tells the values.");
        parts_->report->show(content);
      });
}

void MainWindow::updateStatus() {
  const Run* run = session_->queue().running();
  parts_->progress->setVisible(run != nullptr);
  parts_->cancel->setVisible(run != nullptr);
  if (!run) return parts_->status->setText(tr("Ready"));
  parts_->progress->setValue(static_cast<int>(std::lround(100 * run->fraction)));
  parts_->cancel->setEnabled(!run->cancelling);
  QString text = QStringLiteral("%1: %2").arg(run->pseudonym, run->stage);
  if (const int waiting = session_->queue().waiting(); waiting > 0) text += tr(", %n waiting", nullptr, waiting);
  parts_->status->setText(text);
}

void MainWindow::say(const QString& sentence, const QString& details) {
  parts_->message->say(sentence, details);
}

void MainWindow::editSettings() {
  Settings& settings = session_->settings();
  if (!fovea::gui::editSettings(this, settings)) return;
  applyTheme(*qApp, settings.theme());
  session_->cases().setNamesShown(settings.namesShown());
  parts_->scan->setNamesShown(settings.namesShown());
  parts_->slide->canvas().setCacheBytes(qint64{settings.cacheMegabytes()} << 20);
  parts_->run->reloadModels();
}

void MainWindow::locate(qint64 id) {
  const CaseRecord* record = session_->cases().record(id);
  if (!record) return;
  const bool folder = QFileInfo(record->path).suffix().isEmpty();
  const QString path = folder ? QFileDialog::getExistingDirectory(this, tr("Where is it now?"))
                              : QFileDialog::getOpenFileName(this, tr("Where is it now?"));
  if (path.isEmpty()) return;
  const int found = session_->locate(id, path);
  session_->close();
  session_->open(id);
  if (found > 1) say(tr("%n case(s) were found again.", nullptr, found));
}

void MainWindow::addPaths(const QStringList& paths) {
  if (!paths.isEmpty()) session_->addPaths(paths);
}

// --- window ---

void MainWindow::dragEnterEvent(QDragEnterEvent* event) {
  if (event->mimeData()->hasUrls()) event->acceptProposedAction();
}

void MainWindow::dropEvent(QDropEvent* event) {
  QStringList paths;
  for (const QUrl& url : event->mimeData()->urls())
    if (url.isLocalFile()) paths.push_back(url.toLocalFile());
  event->acceptProposedAction();
  addPaths(paths);
}

void MainWindow::closeEvent(QCloseEvent* event) {
  if (!parts_->train->mayClose()) return event->ignore();
  if (session_->queue().running()) {
    const auto answer =
        QMessageBox::question(this, tr("A run is going on"),
                              tr("Closing stops it; nothing partial is left. Waiting cases go on at the next start."),
                              QMessageBox::Close | QMessageBox::Cancel, QMessageBox::Cancel);
    if (answer != QMessageBox::Close) return event->ignore();
    session_->stop();
  }
  session_->settings().file().setValue(QStringLiteral("geometry"), saveGeometry());
  QMainWindow::closeEvent(event);
}

}  // namespace fovea::gui
