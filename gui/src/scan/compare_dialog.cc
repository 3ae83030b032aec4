#include "scan/compare_dialog.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDialogButtonBox>
#include <QDoubleSpinBox>
#include <QFileInfo>
#include <QFormLayout>
#include <QLabel>
#include <QPushButton>

#include <algorithm>

#include "widgets/path_row.h"

namespace fovea::gui {
namespace {

constexpr int kTarget = 26, kWidth = 600;
constexpr double kMostDays = 99'999;

}  // namespace

CompareDialog::CompareDialog(const TimePoint& later, const std::vector<ScanStudy>& studies, QWidget* parent)
    : QDialog(parent), later_(later), studies_(studies) {
  setWindowTitle(tr("Compare with an earlier scan"));
  const QString volumes = tr("Volumes (*.nii *.nii.gz *.nrrd *.nhdr *.mha *.mhd *.dcm);;All files (*)");
  study_ = new QComboBox(this);
  study_->setObjectName(QStringLiteral("earlierStudy"));
  study_->setAccessibleName(tr("Earlier study"));
  study_->addItem(tr("the files below"));
  // Those of the same patient first.
  std::stable_sort(studies_.begin(), studies_.end(),
                   [](const ScanStudy& a, const ScanStudy& b) { return a.same_patient > b.same_patient; });
  for (const ScanStudy& each : studies_)
    study_->addItem(each.same_patient ? tr("%1, the same patient").arg(each.name) : each.name);
  scan_ = new PathRow(tr("Earlier scan"), PathRow::kFile | PathRow::kFolder, volumes, this);
  labels_ = new PathRow(tr("Its result or mask"), PathRow::kFile | PathRow::kFolder, volumes, this);
  growth_ = new PathRow(tr("growth.json (optional)"), PathRow::kFile, tr("Growth (growth.json);;All files (*)"), this);
  out_ = new PathRow(tr("Folder for the comparison"), PathRow::kFolder, {}, this);
  scan_->edit()->setObjectName(QStringLiteral("earlierScan"));
  labels_->edit()->setObjectName(QStringLiteral("earlierResult"));
  out_->edit()->setObjectName(QStringLiteral("growthFolder"));
  if (QFileInfo(later_.result).isDir()) out_->setPath(later_.result + QStringLiteral("/growth"));
  days_ = new QDoubleSpinBox(this);
  days_->setObjectName(QStringLiteral("days"));
  days_->setRange(0, kMostDays);
  days_->setDecimals(0);
  days_->setSuffix(tr(" days"));
  days_->setSpecialValueText(tr("the change is not computed"));
  days_->setAccessibleName(tr("Days between the scans"));
  days_->setMinimumHeight(kTarget);
  registered_ = new QCheckBox(tr("Bring the scans together by their content"), this);
  registered_->setToolTip(tr("A rigid registration; without it the headers must share a frame of reference"));
  registered_->setChecked(true);
  why_ = new QLabel(this);
  why_->setObjectName(QStringLiteral("whyNot"));
  why_->setWordWrap(true);
  form_ = new QFormLayout(this);
  form_->addRow(tr("Earlier study"), study_);
  form_->addRow(tr("Earlier scan"), scan_);
  form_->addRow(tr("Its result or mask"), labels_);
  form_->addRow(tr("Days between"), days_);
  form_->addRow(registered_);
  form_->addRow(tr("Folder for the comparison"), out_);
  form_->addRow(tr("growth.json (optional)"), growth_);
  form_->addRow(why_);
  auto* buttons = new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel, this);
  ok_ = buttons->button(QDialogButtonBox::Ok);
  ok_->setText(tr("Compare"));
  form_->addRow(buttons);

  connect(study_, &QComboBox::currentIndexChanged, this, [this](int row) {
    if (row < 1) return;
    const ScanStudy& chosen = studies_[static_cast<std::size_t>(row - 1)];
    scan_->setPath(chosen.scan);
    labels_->setPath(chosen.result);
  });
  for (PathRow* row : {scan_, labels_, growth_, out_}) connect(row, &PathRow::changed, this, &CompareDialog::refresh);
  connect(days_, &QDoubleSpinBox::valueChanged, this, &CompareDialog::refresh);
  connect(buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
  connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
  refresh();
  resize(kWidth, sizeHint().height());
}

void CompareDialog::refresh() {
  const GrowthChoices now = choices();
  const bool computes = now.days > 0;
  form_->setRowVisible(growth_, !computes);
  form_->setRowVisible(registered_, computes);
  form_->setRowVisible(out_, computes);
  QString why;
  if (now.earlier.scan.isEmpty())
    why = tr("Choose the earlier scan.");
  else if (computes && now.later.result.isEmpty())
    why = tr("The open scan has no result yet: run it, or open one, and compare then.");
  else if (computes && now.earlier.result.isEmpty())
    why = tr("The change needs the earlier scan's result or mask.");
  else if (computes && now.out.isEmpty())
    why = tr("Choose a folder for the comparison.");
  why_->setText(why);
  form_->setRowVisible(why_, !why.isEmpty());
  ok_->setEnabled(why.isEmpty());
}

GrowthChoices CompareDialog::choices() const {
  GrowthChoices c;
  c.earlier = {scan_->path(), labels_->path()}, c.later = later_;
  c.days = days_->value(), c.registered = registered_->isChecked();
  c.out = out_->path(), c.growth = growth_->path();
  return c;
}

}  // namespace fovea::gui
