#include "widgets/train_page.h"

#include <QFileDialog>
#include <QMessageBox>
#include <QScrollArea>
#include <QSplitter>
#include <QVBoxLayout>

#include <fovea/pipeline/text_file.h>

namespace fovea::gui {
namespace {

constexpr int kFormWidth = 330;

}  // namespace

TrainPage::TrainPage(Engine& engine, Settings& settings, QWidget* parent)
    : QWidget(parent), training_(engine, settings) {
  form_ = new TrainForm(engine, settings, this);
  view_ = new TrainView(training_, this);
  auto* scroll = new QScrollArea(this);
  scroll->setWidget(form_);
  scroll->setWidgetResizable(true);
  scroll->setFrameShape(QFrame::NoFrame);
  scroll->setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  scroll->setMinimumWidth(kFormWidth);
  scroll->setFocusPolicy(Qt::NoFocus);
  auto* splitter = new QSplitter(this);
  splitter->setHandleWidth(1);
  splitter->setChildrenCollapsible(false);
  splitter->addWidget(scroll);
  splitter->addWidget(view_);
  splitter->setStretchFactor(1, 1);
  splitter->setSizes({kFormWidth, 3 * kFormWidth});
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(0, 0, 0, 0);
  layout->addWidget(splitter);

  connect(form_, &TrainForm::startRequested, &training_, &Training::start);
  connect(form_, &TrainForm::saveRequested, this, &TrainPage::save);
  connect(view_, &TrainView::takeUpRequested, form_, &TrainForm::takeUp);
  connect(&training_, &Training::ended, this, [this] {
    form_->checkAgain();
    if (!isVisible() && training_.run())
      Q_EMIT said(tr("Training: %1").arg(trainingStateText(*training_.run(), false)), {});
  });
  connect(&training_, &Training::failed, this, [this](const QString& sentence, const QString& details) {
    form_->checkAgain();
    Q_EMIT said(sentence, details);
  });
  connect(&training_, &Training::modelKept, this, &TrainPage::modelKept);
}

/// The runs of the last time are looked at when somebody wants to see them.
void TrainPage::showEvent(QShowEvent* event) {
  QWidget::showEvent(event);
  const QStringList known = training_.folders();
  if (training_.folder().isEmpty() && !known.isEmpty()) training_.open(known.first());
}

void TrainPage::save(const pipeline::JobRequest& request) {
  const QString path = QFileDialog::getSaveFileName(this, tr("Save the request"), {}, tr("JSON (*.json)"));
  if (path.isEmpty()) return;
  try {
    pipeline::write_text_file(path.toStdString(), pipeline::to_json(request));
  } catch (const std::exception& error) {
    const Failure failure = failureOf(error);
    Q_EMIT said(failure.sentence, failure.details);
  }
}

bool TrainPage::mayClose() {
  const int running = static_cast<int>(training_.runningFolders().size());
  if (running == 0) return true;
  QMessageBox box(QMessageBox::Question, tr("A training goes on"),
                  tr("%n training(s) can go on without the window, or stop at a checkpoint.", nullptr, running),
                  QMessageBox::Cancel, window());
  QPushButton* on = box.addButton(tr("Go on in the background"), QMessageBox::AcceptRole);
  QPushButton* stop = box.addButton(tr("Stop at the checkpoint"), QMessageBox::DestructiveRole);
  box.setDefaultButton(on);
  box.exec();
  if (box.clickedButton() == stop) training_.stopAll();
  return box.clickedButton() == on || box.clickedButton() == stop;
}

}  // namespace fovea::gui
