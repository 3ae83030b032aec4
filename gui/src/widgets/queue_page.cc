#include "widgets/queue_page.h"

#include <QHBoxLayout>
#include <QHeaderView>
#include <QLabel>
#include <QScrollBar>
#include <QVBoxLayout>

#include "widgets/icons.h"

namespace fovea::gui {

QueuePage::QueuePage(RunQueue& queue, QWidget* parent) : QWidget(parent), queue_(queue) {
  table_ = new QTableView(this);
  table_->setObjectName(QStringLiteral("runs"));
  table_->setAccessibleName(tr("Runs"));
  table_->setModel(&queue_);
  table_->setSelectionBehavior(QAbstractItemView::SelectRows);
  table_->setSelectionMode(QAbstractItemView::SingleSelection);
  table_->setShowGrid(false);
  table_->verticalHeader()->hide();
  table_->verticalHeader()->setDefaultSectionSize(34);
  table_->horizontalHeader()->setSectionResizeMode(RunQueue::kStage, QHeaderView::Stretch);
  table_->setColumnWidth(RunQueue::kState, 130);
  table_->setColumnWidth(RunQueue::kTime, 210);
  table_->horizontalHeader()->setDefaultAlignment(Qt::AlignLeft | Qt::AlignVCenter);
  log_ = new QPlainTextEdit(this);
  log_->setReadOnly(true);
  log_->setAccessibleName(tr("Log of the chosen run"));
  log_->setPlaceholderText(tr("Choose a run to see its log."));
  cancel_ = new QPushButton(icon(QStringLiteral("stop")), tr("Cancel"), this);
  retry_ = new QPushButton(icon(QStringLiteral("retry")), tr("Run again"), this);
  clear_ = new QPushButton(tr("Clear what has ended"), this);

  auto* heading = new QLabel(tr("Queue"), this);
  heading->setProperty("heading", true);
  auto* buttons = new QHBoxLayout;
  buttons->addWidget(cancel_);
  buttons->addWidget(retry_);
  buttons->addStretch(1);
  buttons->addWidget(clear_);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(16, 14, 16, 14);
  layout->setSpacing(10);
  layout->addWidget(heading);
  layout->addWidget(table_, 3);
  layout->addLayout(buttons);
  layout->addWidget(log_, 2);

  connect(cancel_, &QPushButton::clicked, this, [this] {
    if (current() >= 0) queue_.cancel(current());
  });
  connect(retry_, &QPushButton::clicked, this, [this] {
    if (current() >= 0) queue_.retry(current());
  });
  connect(clear_, &QPushButton::clicked, &queue_, &RunQueue::clearEnded);
  connect(table_->selectionModel(), &QItemSelectionModel::currentRowChanged, this, &QueuePage::refresh);
  connect(&queue_, &RunQueue::advanced, this, &QueuePage::refresh);
  connect(&queue_, &QAbstractItemModel::modelReset, this, &QueuePage::refresh);
  refresh();
}

int QueuePage::current() const {
  const int row = table_->currentIndex().isValid() ? table_->currentIndex().row() : -1;
  return row < queue_.rowCount() ? row : -1;
}

void QueuePage::refresh() {
  const int row = current();
  cancel_->setEnabled(row >= 0 && !queue_.run(row).ended() && !queue_.run(row).cancelling);
  retry_->setEnabled(row >= 0 && queue_.run(row).ended());
  clear_->setEnabled(queue_.rowCount() > 0);
  if (!isVisible() && row < 0) return;
  const QString log = row >= 0 ? queue_.logOf(row) : QString();
  if (log == log_->toPlainText()) return;
  log_->setPlainText(log);
  log_->verticalScrollBar()->setValue(log_->verticalScrollBar()->maximum());
}

}  // namespace fovea::gui
