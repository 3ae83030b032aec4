#include "widgets/settings_dialog.h"

#include <QCheckBox>
#include <QComboBox>
#include <QDialogButtonBox>
#include <QFileDialog>
#include <QFormLayout>
#include <QHBoxLayout>
#include <QLabel>
#include <QLineEdit>
#include <QPushButton>
#include <QSpinBox>
#include <QVBoxLayout>

#include <algorithm>

namespace fovea::gui {
namespace {

class SettingsDialog : public QDialog {
  Q_DECLARE_TR_FUNCTIONS(SettingsDialog)

 public:
  SettingsDialog(QWidget* parent, Settings& settings) : QDialog(parent), settings_(settings) {
    setWindowTitle(tr("Settings"));
    models_ = new QLineEdit(settings.modelFolder(), this);
    results_ = new QLineEdit(settings.resultFolder(), this);
    device_ = new QComboBox(this);
    device_->addItem(tr("Processor"), QStringLiteral("cpu"));
    device_->addItem(tr("Graphics card (CUDA)"), QStringLiteral("cuda"));
    device_->setCurrentIndex(std::max(0, device_->findData(settings.device())));
    threads_ = new QSpinBox(this);
    threads_->setRange(0, 1024);
    threads_->setSpecialValueText(tr("all"));
    threads_->setValue(settings.threads());
    cache_ = new QSpinBox(this);
    cache_->setRange(64, 16384);
    cache_->setSingleStep(64);
    cache_->setSuffix(QStringLiteral(" MB"));
    cache_->setValue(settings.cacheMegabytes());
    names_ = new QCheckBox(tr("Show file names (they may hold a patient's name)"), this);
    names_->setChecked(settings.namesShown());
    theme_ = new QComboBox(this);
    theme_->addItem(tr("As the system"));
    theme_->addItem(tr("Light"));
    theme_->addItem(tr("Dark"));
    theme_->setCurrentIndex(static_cast<int>(settings.theme()));
    language_ = new QComboBox(this);
    language_->addItem(tr("As the system"), QString());
    language_->addItem(QStringLiteral("English"), QStringLiteral("en"));
    language_->addItem(QStringLiteral("Français"), QStringLiteral("fr"));
    language_->setCurrentIndex(std::max(0, language_->findData(settings.language())));
    layOut();
  }

  void store() {
    settings_.setModelFolder(models_->text());
    settings_.setResultFolder(results_->text());
    settings_.setDevice(device_->currentData().toString());
    settings_.setThreads(threads_->value());
    settings_.setCacheMegabytes(cache_->value());
    settings_.setNamesShown(names_->isChecked());
    settings_.setTheme(static_cast<Theme>(theme_->currentIndex()));
    settings_.setLanguage(language_->currentData().toString());
  }

 private:
  void layOut() {
    auto* form = new QFormLayout;
    form->setVerticalSpacing(10);
    form->addRow(tr("&Model folder"), withButton(models_));
    form->addRow(tr("&Result folder"), withButton(results_));
    form->addRow(tr("&Device"), device_);
    form->addRow(tr("&Threads of a run"), threads_);
    form->addRow(tr("Memory for slide &tiles"), cache_);
    form->addRow(tr("&Privacy"), names_);
    form->addRow(tr("&Appearance"), theme_);
    form->addRow(tr("&Language (at the next start)"), language_);
    models_->setAccessibleName(tr("Model folder"));
    results_->setAccessibleName(tr("Result folder"));
    auto* buttons = new QDialogButtonBox(this);
    QPushButton* ok = buttons->addButton(tr("Save"), QDialogButtonBox::AcceptRole);
    buttons->addButton(tr("Cancel"), QDialogButtonBox::RejectRole);
    ok->setProperty("primary", true);
    connect(buttons, &QDialogButtonBox::accepted, this, &QDialog::accept);
    connect(buttons, &QDialogButtonBox::rejected, this, &QDialog::reject);
    auto* layout = new QVBoxLayout(this);
    layout->setContentsMargins(20, 18, 20, 16);
    layout->setSpacing(16);
    layout->addLayout(form);
    layout->addWidget(buttons);
    resize(560, sizeHint().height());
  }

  QWidget* withButton(QLineEdit* edit) {
    auto* both = new QWidget(this);
    auto* row = new QHBoxLayout(both);
    row->setContentsMargins(0, 0, 0, 0);
    auto* button = new QPushButton(tr("Choose…"), both);
    row->addWidget(edit, 1);
    row->addWidget(button);
    connect(button, &QPushButton::clicked, this, [this, edit] {
      const QString folder = QFileDialog::getExistingDirectory(this, {}, edit->text());
      if (!folder.isEmpty()) edit->setText(folder);
    });
    return both;
  }

  Settings& settings_;
  QLineEdit *models_, *results_;
  QComboBox *device_, *theme_, *language_;
  QSpinBox *threads_, *cache_;
  QCheckBox* names_;
};

}  // namespace

bool editSettings(QWidget* parent, Settings& settings) {
  SettingsDialog dialog(parent, settings);
  if (dialog.exec() != QDialog::Accepted) return false;
  dialog.store();
  return true;
}

}  // namespace fovea::gui
