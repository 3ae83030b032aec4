// The list of cases at the left: search, add, drop.
#pragma once

#include <QLabel>
#include <QLineEdit>
#include <QListView>
#include <QWidget>

#include "model/case_list_model.h"

namespace fovea::gui {

class CasePanel : public QWidget {
  Q_OBJECT

 public:
  explicit CasePanel(CaseListModel& cases, QWidget* parent = nullptr);
  void select(qint64 id);
  QList<qint64> selected() const;
  QLineEdit* search() const { return search_; }

 Q_SIGNALS:
  void chosen(qint64 id);
  void addFiles();
  void addFolder();
  void removeRequested(const QList<qint64>& ids);
  void runRequested(const QList<qint64>& ids);
  void locateRequested(qint64 id);

 private:
  void contextMenu(const QPoint& position);
  void countCases();

  CaseListModel& cases_;
  QLineEdit* search_;
  QListView* list_;
  QLabel* count_;
};

}  // namespace fovea::gui
