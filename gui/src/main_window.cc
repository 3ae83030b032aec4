#include <fovea/gui/main_window.h>

#include <QActionGroup>
#include <QApplication>
#include <QCloseEvent>
#include <QDragEnterEvent>
#include <QFileDialog>
#include <QFileInfo>
#include <QLabel>
#include <QMessageBox>
#include <QMimeData>
#include <QProgressBar>
#include <QPushButton>
#include <QScrollArea>
#include <QSplitter>
#include <QStackedWidget>
#include <QStatusBar>
#include <QTabWidget>
#include <QToolBar>
#include <QToolButton>
#include <QVBoxLayout>

#include <cmath>

#include <fovea/pipeline/text_file.h>

#include "model/session.h"
#include "widgets/attention_panel.h"
#include "widgets/case_panel.h"
#include "widgets/help_dialog.h"
#include "widgets/icons.h"
#include "widgets/message_bar.h"
#include "widgets/queue_page.h"
#include "widgets/region_panel.h"
#include "widgets/report_page.h"
#include "widgets/run_panel.h"
#include "widgets/scan_page.h"
#include "widgets/settings_dialog.h"
#include "widgets/slide_page.h"
#include "widgets/theme.h"
#include "widgets/train_page.h"

namespace fovea::gui {
namespace {

enum Page { kView, kReport, kQueue, kTrain };
constexpr int kReportPatches = 8;

}  // namespace

struct MainWindow::Parts {
  CasePanel* cases;
  MessageBar* message;
  QStackedWidget *pages, *views;  // views: start, slide, scan
  QLabel* start;
  SlidePage* slide;
  ScanPage* scan;
  ReportPage* report;
  QueuePage* queue;
  TrainPage* train;
  QTabWidget* side;
  RunPanel* run;
  AttentionPanel* attention;
  RegionPanel* regions;
  QActionGroup* page_actions;
  QLabel* status;
  QProgressBar* progress;
  QPushButton* cancel;
};

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

// --- parts ---

void MainWindow::buildPages() {
  Parts& p = *parts_;
  p.cases = new CasePanel(session_->cases(), this);
  p.message = new MessageBar(this);
  p.slide = new SlidePage(this);
  p.slide->setRegions(&session_->regions());
  p.scan = new ScanPage(this);
  p.scan->setNamesShown(session_->settings().namesShown());
  p.start = new QLabel(this);
  p.start->setAlignment(Qt::AlignCenter);
  p.start->setWordWrap(true);
  p.start->setText(QStringLiteral("<p style='font-size:15pt'><b>%1</b></p><p>%2</p><p>%3</p>")
                       .arg(tr("Drop slides or scans here"),
                            tr("Files, folders and DICOM studies; or use Add files at the left."), researchNotice()));
  p.views = new QStackedWidget(this);
  for (QWidget* view : std::initializer_list<QWidget*>{p.start, p.slide, p.scan}) p.views->addWidget(view);
  p.report = new ReportPage(session_->engine(), this);
  p.queue = new QueuePage(session_->queue(), this);
  p.train = new TrainPage(session_->engine(), session_->settings(), this);
  p.pages = new QStackedWidget(this);
  for (QWidget* page : std::initializer_list<QWidget*>{p.views, p.report, p.queue, p.train}) p.pages->addWidget(page);

  p.run = new RunPanel(session_->engine(), session_->settings(), session_->queue(), this);
  p.attention = new AttentionPanel(session_->engine(), p.slide->canvas(), this);
  p.regions = new RegionPanel(session_->regions(), p.slide->canvas(), this);
  p.side = new QTabWidget(this);
  p.side->setObjectName(QStringLiteral("side"));
  p.side->setDocumentMode(true);
  p.side->setMinimumWidth(300);
  p.side->setAccessibleName(tr("What can be done with the case"));
  auto* scroll = new QScrollArea(this);
  scroll->setWidget(p.run);
  scroll->setWidgetResizable(true);
  scroll->setFrameShape(QFrame::NoFrame);
  scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  p.side->addTab(scroll, tr("Run"));
  p.side->addTab(p.attention, tr("Attention"));
  p.side->addTab(p.regions, tr("Regions"));

  auto* centre = new QWidget(this);
  auto* column = new QVBoxLayout(centre);
  column->setContentsMargins(0, 0, 0, 0);
  column->setSpacing(0);
  column->addWidget(p.message);
  column->addWidget(p.pages, 1);
  auto* splitter = new QSplitter(this);
  splitter->setHandleWidth(1);
  splitter->setChildrenCollapsible(false);
  for (QWidget* part : std::initializer_list<QWidget*>{p.cases, centre, p.side}) splitter->addWidget(part);
  splitter->setStretchFactor(1, 1);
  splitter->setSizes({270, 690, 320});
  setCentralWidget(splitter);

  p.status = new QLabel(this);
  p.progress = new QProgressBar(this);
  p.progress->setFixedWidth(160);
  p.progress->setTextVisible(false);
  p.progress->setAccessibleName(tr("Progress of the run"));
  p.cancel = new QPushButton(tr("Cancel"), this);
  p.cancel->setObjectName(QStringLiteral("cancelRunning"));
  p.cancel->setAccessibleName(tr("Cancel the run that goes on"));
  for (QWidget* part : std::initializer_list<QWidget*>{p.status, p.progress, p.cancel}) statusBar()->addWidget(part);
  auto* notice = new QLabel(tr("Research use only, not for diagnosis"), this);
  notice->setProperty("muted", true);
  statusBar()->addPermanentWidget(notice);
  statusBar()->setSizeGripEnabled(false);
}

void MainWindow::buildActions() {
  Parts& p = *parts_;
  auto* bar = addToolBar(tr("Window"));
  bar->setMovable(false);
  bar->setIconSize({18, 18});
  bar->setToolButtonStyle(Qt::ToolButtonTextBesideIcon);
  p.page_actions = new QActionGroup(this);
  const auto add = [&](const char* name, const QString& text, const QString& key, auto act) {
    QAction* action = bar->addAction(icon(QLatin1String(name)), text);
    action->setShortcut(QKeySequence(key));
    action->setToolTip(QStringLiteral("%1 (%2)").arg(text, QKeySequence(key).toString(QKeySequence::NativeText)));
    connect(action, &QAction::triggered, this, act);
    if (auto* button = qobject_cast<QToolButton*>(bar->widgetForAction(action))) {
      button->setFocusPolicy(Qt::TabFocus);
      button->setAccessibleName(text);
    }
    return action;
  };
  const auto page = [&](const char* name, const QString& text, const QString& key, Page number) {
    QAction* action = add(name, text, key, [this, number] { showPage(number); });
    action->setCheckable(true);
    p.page_actions->addAction(action);
  };
  page("view", tr("View"), QStringLiteral("Ctrl+1"), kView);
  page("report", tr("Report"), QStringLiteral("Ctrl+2"), kReport);
  page("queue", tr("Queue"), QStringLiteral("Ctrl+3"), kQueue);
  page("train", tr("Train"), QStringLiteral("Ctrl+4"), kTrain);
  auto* space = new QWidget(bar);
  space->setSizePolicy(QSizePolicy::Expanding, QSizePolicy::Preferred);
  bar->addWidget(space);
  add("settings", tr("Settings"), QStringLiteral("Ctrl+,"), [this] { editSettings(); });
  add("help", tr("Keys"), QStringLiteral("F1"), [this] { showShortcuts(this); });
  p.page_actions->actions().first()->setChecked(true);

  const auto key = [&](const QString& text, const QString& sequence, auto act) {
    auto* action = new QAction(text, this);
    action->setShortcut(QKeySequence(sequence));
    connect(action, &QAction::triggered, this, act);
    addAction(action);
  };
  key(tr("Add files"), QStringLiteral("Ctrl+O"), [this] { Q_EMIT parts_->cases->addFiles(); });
  key(tr("Add a folder"), QStringLiteral("Ctrl+Shift+O"), [this] { Q_EMIT parts_->cases->addFolder(); });
  key(tr("Search cases"), QStringLiteral("Ctrl+F"), [this] { parts_->cases->search()->setFocus(); });
  key(tr("Start the run"), QStringLiteral("Ctrl+R"),
      [this] { parts_->run->findChild<QPushButton*>(QStringLiteral("start"))->click(); });
  key(tr("Save the report as PDF"), QStringLiteral("Ctrl+P"), [this] {
    showPage(kReport);
    parts_->report->findChild<QPushButton*>(QStringLiteral("savePdf"))->click();
  });
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
