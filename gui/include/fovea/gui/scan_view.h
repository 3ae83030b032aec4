// The scan view: three linked panes, a surface view, overlays, the lesion table and two time points side by side.
#pragma once

#include <QImage>
#include <QString>
#include <QWidget>

#include <memory>
#include <utility>
#include <vector>

namespace fovea::gui {

/// A study that may be compared with the one that is open.
struct ScanStudy {
  QString name;  ///< pseudonym
  QString scan, result;
  bool same_patient = false;
};

/// Files are read on a thread of its own; every call returns at once and later calls replace earlier ones that are
/// still being read. No file name is shown unless `setNamesShown(true)`.
class ScanView : public QWidget {
  Q_OBJECT

 public:
  explicit ScanView(QWidget* parent = nullptr);
  ~ScanView() override;

  /// A volume file or DICOM folder. Replaces all that is shown. `series`: which of several, see pipeline::view_series.
  void open(const QString& path, const QString& series = {});
  /// Another sequence of the same head, laid over the first by its header.
  void addSequence(const QString& path, const QString& series = {});
  /// A result folder of `fovea mri segment`, or a label map. Over the scan that is open.
  void showResult(const QString& path);
  /// Any volume of numbers as a colour overlay: an attention gate, a probability.
  void addOverlay(const QString& path);
  /// The earlier time point beside the one that is open. `labels` (mask or result folder) and `growth` (growth.json or
  /// its folder) may be empty.
  void compareWith(const QString& earlier, const QString& labels = {}, const QString& growth = {});
  /// The comparison's dialog offers these.
  void setStudies(std::vector<ScanStudy> studies);
  /// Back to one time point.
  void endComparison();
  void clear();

  bool isBusy() const;
  int lesionCount() const;
  /// Crosshair to the lesion and its row selected; rows count in the order of lesions.csv, largest first.
  void selectLesion(int index);

  /// File names may hold a patient's name: off by default, sequences are then "T1", "FLAIR" or "Sequence 2".
  void setNamesShown(bool shown);

  /// The panes as they are shown, for a report.
  QImage picture() const;
  /// Keys and what they do, for a page of shortcuts.
  static std::vector<std::pair<QString, QString>> shortcuts();

 Q_SIGNALS:
  void opened();
  void resultShown(int lesions);
  void comparisonShown();
  /// `sentence`: what is wrong and what to do, without paths. `details`: the error in full, for a folded part.
  void failed(const QString& sentence, const QString& details);
  void busyChanged(bool busy);
  /// The user clicked it in a pane or in the table.
  void lesionClicked(int index);

 private:
  class Private;
  std::unique_ptr<Private> d_;
};

}  // namespace fovea::gui
