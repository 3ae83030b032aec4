// Asks for the earlier time point, a case of the list or files, and whether the change between both is computed.
#pragma once

#include <QDialog>

#include <vector>

#include <fovea/gui/scan_view.h>

#include "scan/growth_request.h"

class QCheckBox;
class QComboBox;
class QDoubleSpinBox;
class QFormLayout;
class QLabel;

namespace fovea::gui {

class PathRow;

class CompareDialog : public QDialog {
  Q_OBJECT

 public:
  /// `later`: what is open. `studies`: those that may be the earlier one.
  CompareDialog(const TimePoint& later, const std::vector<ScanStudy>& studies, QWidget* parent = nullptr);
  GrowthChoices choices() const;

 private:
  void refresh();

  TimePoint later_;
  std::vector<ScanStudy> studies_;
  QFormLayout* form_;
  QComboBox* study_;
  PathRow *scan_, *labels_, *growth_, *out_;
  QDoubleSpinBox* days_;
  QCheckBox* registered_;
  QLabel* why_;
  QPushButton* ok_;
};

}  // namespace fovea::gui
