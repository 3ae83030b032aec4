#include "scan/compare_dialog.h"

#include <QDialogButtonBox>
#include <QFileDialog>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLineEdit>
#include <QPushButton>

namespace fovea::gui {
namespace {

constexpr int kTarget = 26, kWidth = 520;

QLineEdit* file_row(QFormLayout* form, const QString& label, const QString& filter) {
  auto* row = new QWidget;
  auto* line = new QHBoxLayout(row);
  line->setContentsMargins(0, 0, 0, 0);
  auto* edit = new QLineEdit;
  edit->setMinimumHeight(kTarget);
  edit->setAccessibleName(label);
  auto* browse = new QPushButton(CompareDialog::tr("Choose …"));
  browse->setMinimumHeight(kTarget);
  browse->setAccessibleName(CompareDialog::tr("Choose: %1").arg(label));
  line->addWidget(edit, 1);
  line->addWidget(browse);
  form->addRow(label, row);
  QObject::connect(browse, &QPushButton::clicked, edit, [edit, label, filter] {
    const QString path = QFileDialog::getOpenFileName(edit->window(), label, {}, filter);
    if (!path.isEmpty()) edit->setText(path);
  });
  return edit;
}

}  // namespace

CompareDialog::CompareDialog(QWidget* parent) : QDialog(parent) {
  setWindowTitle(tr("Compare with an earlier scan"));
  auto* form = new QFormLayout(this);
  const QString volumes = tr("Volumes (*.nii *.nii.gz *.nrrd *.nhdr *.mha *.mhd *.dcm);;All files (*)");
  scan_ = file_row(form, tr("Earlier scan"), volumes);
  labels_ = file_row(form, tr("Its mask (optional)"), volumes);
  growth_ = file_row(form, tr("growth.json (optional)"), tr("Growth (growth.json);;All files (*)"));
  auto* buttons = new QDialogButtonBox(QDialogButtonBox::Ok | QDialogButtonBox::Cancel);
  buttons->button(QDialogButtonBox::Ok)->setEnabled(false);
  form->addRow(buttons);
  connect(scan_, &QLineEdit::textChanged, this,
          [this, buttons] { buttons->button(QDialogButtonBox::Ok)->setEnabled(!scan().isEmpty()); });
  connect(buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
  connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
  resize(kWidth, sizeHint().height());
}

QString CompareDialog::scan() const {
  return scan_->text().trimmed();
}
QString CompareDialog::labels() const {
  return labels_->text().trimmed();
}
QString CompareDialog::growth() const {
  return growth_->text().trimmed();
}

}  // namespace fovea::gui
