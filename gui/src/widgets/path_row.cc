#include "widgets/path_row.h"

#include <QDragEnterEvent>
#include <QFileDialog>
#include <QHBoxLayout>
#include <QMimeData>
#include <QPushButton>

#include "widgets/icons.h"

namespace fovea::gui {

PathRow::PathRow(const QString& name, int kinds, const QString& filter, QWidget* parent) : QWidget(parent) {
  auto* row = new QHBoxLayout(this);
  row->setContentsMargins(0, 0, 0, 0);
  row->setSpacing(4);
  edit_ = new QLineEdit(this);
  edit_->setAccessibleName(name);
  edit_->setDragEnabled(false);
  row->addWidget(edit_, 1);
  setFocusProxy(edit_);
  setAcceptDrops(true);
  edit_->setAcceptDrops(false);  // a file is a path here, not a URL
  connect(edit_, &QLineEdit::textChanged, this, &PathRow::changed);
  const auto add = [&](const QString& image, const QString& text, auto ask) {
    auto* button = new QPushButton(icon(image), {}, this);
    button->setFixedWidth(34);
    button->setAccessibleName(text);
    button->setToolTip(text);
    row->addWidget(button);
    connect(button, &QPushButton::clicked, this, [this, ask] {
      if (const QString path = ask(); !path.isEmpty()) setPath(path);
    });
  };
  if (kinds & kFile)
    add(QStringLiteral("log"), tr("Choose a file: %1").arg(name),
        [this, name, filter] { return QFileDialog::getOpenFileName(this, name, path(), filter); });
  if (kinds & kFolder)
    add(QStringLiteral("folder"), tr("Choose a folder: %1").arg(name),
        [this, name] { return QFileDialog::getExistingDirectory(this, name, path()); });
}

void PathRow::dragEnterEvent(QDragEnterEvent* event) {
  if (event->mimeData()->hasUrls()) event->acceptProposedAction();
}

void PathRow::dropEvent(QDropEvent* event) {
  for (const QUrl& url : event->mimeData()->urls())
    if (url.isLocalFile()) {
      setPath(url.toLocalFile());
      event->acceptProposedAction();
      return;
    }
}

}  // namespace fovea::gui
