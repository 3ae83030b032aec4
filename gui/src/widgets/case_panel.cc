#include "widgets/case_panel.h"

#include <QHBoxLayout>
#include <QMenu>
#include <QPainter>
#include <QPushButton>
#include <QStyledItemDelegate>
#include <QTimer>
#include <QVBoxLayout>

#include "widgets/icons.h"
#include "widgets/theme.h"

namespace fovea::gui {
namespace {

constexpr int kRowHeight = 54, kSearchDelayMs = 120;

/// Two lines and a state: text says what colour says.
class CaseDelegate : public QStyledItemDelegate {
 public:
  using QStyledItemDelegate::QStyledItemDelegate;

  QSize sizeHint(const QStyleOptionViewItem& option, const QModelIndex&) const override {
    return {200, std::max(kRowHeight, 2 * option.fontMetrics.height() + 18)};
  }

  void paint(QPainter* painter, const QStyleOptionViewItem& option, const QModelIndex& index) const override {
    const ThemeColours& c = themeColours();
    const bool selected = option.state & QStyle::State_Selected;
    painter->save();
    painter->setRenderHint(QPainter::Antialiasing);
    QRectF card = QRectF(option.rect).adjusted(4, 2, -4, -2);
    if (selected || (option.state & QStyle::State_MouseOver)) {
      QColor ground = selected ? c.accent : c.line;
      ground.setAlpha(selected ? 46 : 70);
      painter->setPen(Qt::NoPen);
      painter->setBrush(ground);
      painter->drawRoundedRect(card, 7, 7);
    }
    if (option.state & QStyle::State_HasFocus && selected) {
      painter->setBrush(Qt::NoBrush);
      painter->setPen(QPen(c.accent, 1.5));
      painter->drawRoundedRect(card, 7, 7);
    }
    const bool scan = index.data(CaseListModel::kKind).toInt() == static_cast<int>(CaseKind::kScan);
    icon(scan ? QStringLiteral("scan") : QStringLiteral("slide"))
        .paint(painter, QRect(card.left() + 9, card.center().y() - 10, 20, 20));
    const QRectF text = card.adjusted(38, 6, -10, -6);
    QFont bold = option.font;
    bold.setWeight(QFont::DemiBold);
    painter->setFont(bold);
    painter->setPen(c.text);
    const QString state = index.data(CaseListModel::kStateText).toString();
    painter->drawText(text, Qt::AlignLeft | Qt::AlignTop, index.data().toString());
    painter->setFont(option.font);
    const auto kind = static_cast<CaseState>(index.data(CaseListModel::kState).toInt());
    painter->setPen(kind == CaseState::kFailed ? c.bad
                    : kind == CaseState::kDone ? c.good
                    : kind == CaseState::kNew  ? c.muted
                                               : c.accent);
    painter->drawText(text, Qt::AlignRight | Qt::AlignTop, state);
    painter->setPen(c.muted);
    const QString second = kind == CaseState::kFailed ? index.data(CaseListModel::kReason).toString()
                                                      : index.data(CaseListModel::kSubtitle).toString();
    painter->drawText(text, Qt::AlignLeft | Qt::AlignBottom,
                      option.fontMetrics.elidedText(second, Qt::ElideRight, static_cast<int>(text.width())));
    if (const int percent = index.data(CaseListModel::kPercent).toInt(); kind == CaseState::kRunning && percent >= 0) {
      const QRectF bar(text.left(), card.bottom() - 4, text.width(), 3);
      painter->fillRect(bar, c.line);
      painter->fillRect(QRectF(bar.topLeft(), QSizeF(bar.width() * percent / 100, 3)), c.accent);
    }
    painter->restore();
  }
};

}  // namespace

CasePanel::CasePanel(CaseListModel& cases, QWidget* parent) : QWidget(parent), cases_(cases) {
  setProperty("panel", true);
  setAttribute(Qt::WA_StyledBackground);
  auto* files = new QPushButton(icon(QStringLiteral("add")), tr("Add files"), this);
  auto* folder = new QPushButton(icon(QStringLiteral("folder")), tr("Add folder"), this);
  files->setObjectName(QStringLiteral("addFiles"));
  search_ = new QLineEdit(this);
  search_->setObjectName(QStringLiteral("search"));
  search_->setPlaceholderText(tr("Search cases"));
  search_->setAccessibleName(tr("Search cases"));
  search_->setClearButtonEnabled(true);
  list_ = new QListView(this);
  list_->setObjectName(QStringLiteral("cases"));
  list_->setAccessibleName(tr("Cases"));
  list_->setModel(&cases_);
  list_->setItemDelegate(new CaseDelegate(list_));
  list_->setUniformItemSizes(true);
  list_->setSelectionMode(QAbstractItemView::ExtendedSelection);
  list_->setMouseTracking(true);
  list_->setContextMenuPolicy(Qt::CustomContextMenu);
  list_->setVerticalScrollMode(QAbstractItemView::ScrollPerPixel);
  count_ = new QLabel(this);
  count_->setProperty("muted", true);

  auto* buttons = new QHBoxLayout;
  buttons->setSpacing(8);
  buttons->addWidget(files, 1);
  buttons->addWidget(folder, 1);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(12, 12, 12, 8);
  layout->setSpacing(10);
  layout->addLayout(buttons);
  layout->addWidget(search_);
  layout->addWidget(list_, 1);
  layout->addWidget(count_);

  auto* delay = new QTimer(this);
  delay->setSingleShot(true);
  delay->setInterval(kSearchDelayMs);
  connect(search_, &QLineEdit::textChanged, delay, qOverload<>(&QTimer::start));
  connect(delay, &QTimer::timeout, this, [this] { cases_.setFilter(search_->text()); });
  connect(files, &QPushButton::clicked, this, &CasePanel::addFiles);
  connect(folder, &QPushButton::clicked, this, &CasePanel::addFolder);
  connect(list_->selectionModel(), &QItemSelectionModel::currentChanged, this, [this](const QModelIndex& current) {
    if (current.isValid()) Q_EMIT chosen(current.data(CaseListModel::kId).toLongLong());
  });
  connect(list_, &QListView::activated, this,
          [this](const QModelIndex& index) { Q_EMIT chosen(index.data(CaseListModel::kId).toLongLong()); });
  connect(list_, &QWidget::customContextMenuRequested, this, &CasePanel::contextMenu);
  connect(&cases_, &QAbstractItemModel::modelReset, this, &CasePanel::countCases);
  connect(&cases_, &QAbstractItemModel::rowsInserted, this, &CasePanel::countCases);
  countCases();
}

void CasePanel::countCases() {
  const int shown = cases_.rowCount(), all = cases_.count();
  count_->setText(shown == all ? tr("%n case(s)", nullptr, all) : tr("%1 of %2 cases").arg(shown).arg(all));
}

void CasePanel::select(qint64 id) {
  const QModelIndex index = cases_.indexOf(id);
  if (!index.isValid()) return;
  list_->setCurrentIndex(index);
  list_->scrollTo(index);
}

QList<qint64> CasePanel::selected() const {
  QList<qint64> ids;
  for (const QModelIndex& index : list_->selectionModel()->selectedRows())
    ids.push_back(index.data(CaseListModel::kId).toLongLong());
  return ids;
}

void CasePanel::contextMenu(const QPoint& position) {
  const QList<qint64> ids = selected();
  if (ids.isEmpty()) return;
  QMenu menu(this);
  QAction* run =
      menu.addAction(icon(QStringLiteral("run")), tr("Run %n case(s)", nullptr, static_cast<int>(ids.size())));
  QAction* locate = menu.addAction(icon(QStringLiteral("folder")), tr("Locate the file again…"));
  locate->setEnabled(ids.size() == 1);
  menu.addSeparator();
  QAction* remove = menu.addAction(icon(QStringLiteral("trash")), tr("Remove from the list"));
  const QAction* picked = menu.exec(list_->viewport()->mapToGlobal(position));
  if (picked == run) Q_EMIT runRequested(ids);
  if (picked == locate) Q_EMIT locateRequested(ids.first());
  if (picked == remove) Q_EMIT removeRequested(ids);
}

}  // namespace fovea::gui
