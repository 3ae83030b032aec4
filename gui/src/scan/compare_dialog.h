// Asks for the earlier time point: its scan, and when they are there its mask and the growth between both.
#pragma once

#include <QDialog>

class QLineEdit;

namespace fovea::gui {

class CompareDialog : public QDialog {
  Q_OBJECT

 public:
  explicit CompareDialog(QWidget* parent = nullptr);
  QString scan() const;
  QString labels() const;
  QString growth() const;

 private:
  QLineEdit* scan_;
  QLineEdit* labels_;
  QLineEdit* growth_;
};

}  // namespace fovea::gui
