#include "widgets/message_bar.h"

#include <QHBoxLayout>
#include <QVBoxLayout>

namespace fovea::gui {

MessageBar::MessageBar(QWidget* parent) : QFrame(parent) {
  setObjectName(QStringLiteral("messageBar"));
  text_ = new QLabel(this);
  text_->setWordWrap(true);
  text_->setTextFormat(Qt::PlainText);
  text_->setTextInteractionFlags(Qt::TextSelectableByMouse);
  details_ = new QPlainTextEdit(this);
  details_->setReadOnly(true);
  details_->setMaximumHeight(110);
  details_->setAccessibleName(tr("Details of the message"));
  details_->hide();
  more_ = new QPushButton(tr("Details"), this);
  more_->setCheckable(true);
  action_ = new QPushButton(this);
  action_->setAccessibleName(tr("What can be done"));
  close_ = new QPushButton(tr("Close"), this);
  auto* row = new QHBoxLayout;
  row->addWidget(text_, 1);
  for (QPushButton* button : {action_, more_, close_}) row->addWidget(button);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(12, 8, 12, 8);
  layout->addLayout(row);
  layout->addWidget(details_);
  connect(more_, &QPushButton::toggled, details_, &QWidget::setVisible);
  connect(close_, &QPushButton::clicked, this, &QWidget::hide);
  connect(action_, &QPushButton::clicked, this, [this] {
    hide();
    if (act_) act_();
  });
  hide();
}

void MessageBar::say(const QString& sentence, const QString& details, const QString& action,
                     std::function<void()> act) {
  text_->setText(sentence);
  text_->setAccessibleName(sentence);
  details_->setPlainText(details);
  more_->setChecked(false);
  more_->setVisible(!details.isEmpty());
  action_->setText(action);
  action_->setVisible(!action.isEmpty());
  act_ = std::move(act);
  show();
}

}  // namespace fovea::gui
