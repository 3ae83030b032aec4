// One sentence above the view: what happened and what to do; details folded. Nothing modal.
#pragma once

#include <QFrame>
#include <QLabel>
#include <QPlainTextEdit>
#include <QPushButton>

#include <functional>

namespace fovea::gui {

class MessageBar : public QFrame {
  Q_OBJECT

 public:
  explicit MessageBar(QWidget* parent = nullptr);
  /// `action` is a further button; empty: none.
  void say(const QString& sentence, const QString& details = {}, const QString& action = {},
           std::function<void()> act = {});
  QString sentence() const { return text_->text(); }

 private:
  QLabel* text_;
  QPlainTextEdit* details_;
  QPushButton *more_, *action_, *close_;
  std::function<void()> act_;
};

}  // namespace fovea::gui
