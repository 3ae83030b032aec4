// The window's parts and how they stand; its actions and their keys.
#include <QScrollArea>
#include <QSplitter>
#include <QStatusBar>
#include <QTabBar>
#include <QToolBar>
#include <QToolButton>
#include <QVBoxLayout>

#include "main_window_parts.h"
#include "widgets/help_dialog.h"
#include "widgets/icons.h"

namespace fovea::gui {

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
  // A page that is not shown does not widen the window.
  const auto make_room = [pages = p.pages] {
    for (int i = 0; i < pages->count(); ++i) {
      const auto policy = i == pages->currentIndex() ? QSizePolicy::Preferred : QSizePolicy::Ignored;
      pages->widget(i)->setSizePolicy(policy, policy);
    }
  };
  connect(p.pages, &QStackedWidget::currentChanged, this, make_room);
  make_room();

  p.run = new RunPanel(session_->engine(), session_->settings(), session_->queue(), this);
  p.attention = new AttentionPanel(session_->engine(), p.slide->canvas(), this);
  p.regions = new RegionPanel(session_->regions(), p.slide->canvas(), this);
  p.side = new QTabWidget(this);
  p.side->setObjectName(QStringLiteral("side"));
  p.side->setDocumentMode(true);
  p.side->tabBar()->setDrawBase(false);
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

}  // namespace fovea::gui
