// A path: typed, dropped, or chosen by a dialog for files, for folders or both.
#pragma once

#include <QLineEdit>
#include <QWidget>

namespace fovea::gui {

class PathRow : public QWidget {
  Q_OBJECT

 public:
  enum Kind { kFile = 1, kFolder = 2 };

  /// `name`: what it is, for dialogs and screen readers. `kinds`: one or both.
  PathRow(const QString& name, int kinds, const QString& filter = {}, QWidget* parent = nullptr);
  QString path() const { return edit_->text().trimmed(); }
  void setPath(const QString& path) { edit_->setText(path); }
  QLineEdit* edit() const { return edit_; }

 Q_SIGNALS:
  void changed();

 protected:
  void dragEnterEvent(QDragEnterEvent* event) override;
  void dropEvent(QDropEvent* event) override;

 private:
  QLineEdit* edit_;
};

}  // namespace fovea::gui
