#include "widgets/run_panel.h"

#include <QFormLayout>
#include <QHBoxLayout>
#include <QLocale>
#include <QStandardItemModel>
#include <QVBoxLayout>

#include <algorithm>
#include <cmath>

#include "model/engine_text.h"
#include "model/training_request.h"
#include "model/units.h"
#include "widgets/check_list.h"
#include "widgets/icons.h"

namespace fovea::gui {
namespace {

constexpr int kCheckDelayMs = 250;
constexpr int kCardLetters = 240;

/// Ends with a word; the whole stands in the tip.
QString shortened(const QString& card) {
  if (card.size() <= kCardLetters) return card;
  const qsizetype end = card.lastIndexOf(QLatin1Char(' '), kCardLetters);
  return card.left(end > 0 ? end : kCardLetters) + QChar(0x2026);
}

}  // namespace

RunPanel::RunPanel(Engine& engine, Settings& settings, RunQueue& queue, QWidget* parent)
    : QWidget(parent), engine_(engine), settings_(settings), queue_(queue) {
  model_ = new QComboBox(this);
  model_->setObjectName(QStringLiteral("model"));
  model_->setAccessibleName(tr("Model"));
  model_->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
  about_ = new QLabel(this);
  about_->setWordWrap(true);
  about_->setProperty("muted", true);
  auto* folder = new QPushButton(icon(QStringLiteral("folder")), tr("Model folder…"), this);

  mpp_ = new QDoubleSpinBox(this);
  mpp_->setObjectName(QStringLiteral("mpp"));
  mpp_->setDecimals(4);
  mpp_->setRange(0, 20);
  mpp_->setSingleStep(0.05);
  mpp_->setSpecialValueText(tr("as the file says"));
  mpp_->setAccessibleName(tr("Micrometres per pixel"));
  overlap_ = new QSpinBox(this);
  overlap_->setRange(0, 75);
  overlap_->setSuffix(QStringLiteral(" %"));
  overlap_->setAccessibleName(tr("Overlap of neighbouring tiles"));
  live_ = new QCheckBox(tr("Show the result while it grows"), this);
  live_->setChecked(true);
  slide_options_ = new QWidget(this);
  auto* form = new QFormLayout(slide_options_);
  form->setContentsMargins(0, 0, 0, 0);
  form->addRow(tr("µm per &pixel"), mpp_);
  form->addRow(tr("&Overlap"), overlap_);
  form->addRow(live_);

  auto* heading = new QLabel(tr("Before the start"), this);
  heading->setProperty("heading", true);
  checks_ = new QLabel(this);
  checks_->setObjectName(QStringLiteral("checks"));
  checks_->setWordWrap(true);
  progress_text_ = new QLabel(this);
  progress_text_->setWordWrap(true);
  start_ = new QPushButton(tr("Start"), this);
  start_->setObjectName(QStringLiteral("start"));
  start_->setProperty("primary", true);
  cancel_ = new QPushButton(tr("Cancel"), this);
  cancel_->setObjectName(QStringLiteral("cancelRun"));
  save_ = new QPushButton(icon(QStringLiteral("save")), tr("Save the request…"), this);
  save_->setToolTip(tr("A JSON file that the command line repeats: fovea run FILE"));

  auto* buttons = new QHBoxLayout;
  buttons->addWidget(start_, 1);
  buttons->addWidget(cancel_, 1);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(14, 12, 14, 12);
  layout->setSpacing(10);
  auto* label = new QLabel(tr("&Model"), this);
  label->setBuddy(model_);
  label->setProperty("heading", true);
  for (QWidget* widget :
       std::initializer_list<QWidget*>{label, model_, about_, folder, slide_options_, heading, checks_})
    layout->addWidget(widget);
  layout->addLayout(buttons);
  layout->addWidget(progress_text_);
  layout->addWidget(save_);
  layout->addStretch(1);

  check_delay_.setSingleShot(true);
  check_delay_.setInterval(kCheckDelayMs);
  connect(&check_delay_, &QTimer::timeout, this, &RunPanel::check);
  const auto later = [this] {
    ready_ = false;
    refresh();
    check_delay_.start();
  };
  connect(model_, &QComboBox::currentIndexChanged, this, [this, later] {
    const int row = model_->currentData().toInt();
    const bool any = model_->currentIndex() >= 0 && row >= 0 && row < static_cast<int>(models_.size());
    const QString card = any ? QString::fromStdString(models_[static_cast<std::size_t>(row)].card) : QString();
    about_->setText(shortened(card));
    about_->setToolTip(card == about_->text() ? QString() : card);
    about_->setVisible(!about_->text().isEmpty());
    later();
  });
  connect(mpp_, &QDoubleSpinBox::valueChanged, this, later);
  connect(folder, &QPushButton::clicked, this, &RunPanel::modelFolderRequested);
  connect(start_, &QPushButton::clicked, this, [this] {
    if (const auto request = requestFor(case_)) Q_EMIT startRequested(*request, mpp_->value());
  });
  connect(save_, &QPushButton::clicked, this, [this] {
    if (const auto request = requestFor(case_)) Q_EMIT saveRequested(*request);
  });
  connect(cancel_, &QPushButton::clicked, this, [this] {
    for (int row = 0; row < queue_.rowCount(); ++row)
      if (queue_.run(row).case_id == case_.id && !queue_.run(row).ended()) queue_.cancel(row);
  });
  connect(&queue_, &RunQueue::advanced, this, &RunPanel::refresh);
  connect(&queue_, &RunQueue::ended, this, &RunPanel::refresh);
  reloadModels();
  setCase(nullptr);
}

void RunPanel::reloadModels() {
  engine_.ask(
      this,
      [folders = QStringList{settings_.modelFolder(), trainedModels(settings_)}](std::stop_token stop) {
        std::vector<pipeline::ModelFacts> models;
        for (const QString& folder : folders) {
          if (folder.isEmpty()) continue;
          for (pipeline::ModelFacts& model : pipeline::models_in(folder.toStdString(), stop))
            models.push_back(std::move(model));
        }
        return models;
      },
      [this](std::vector<pipeline::ModelFacts> models) {
        models_ = std::move(models);
        fillModels();
      });
}

void RunPanel::setCase(const CaseRecord* record) {
  const qint64 before = case_.id;
  const CaseKind kind = case_.kind;
  case_ = record ? *record : CaseRecord{};
  setEnabled(record != nullptr);
  slide_options_->setVisible(case_.kind == CaseKind::kSlide);
  if (case_.id == before && kind == case_.kind) return refresh();
  mpp_->setValue(case_.mpp);
  setDetectedMpp(0);
  fillModels();
}

void RunPanel::setDetectedMpp(double mpp) {
  mpp_->setSpecialValueText(mpp > 0 ? tr("%1 (from the file)").arg(QLocale().toString(mpp, 'g', 4))
                                    : tr("as the file says"));
}

void RunPanel::fillModels() {
  const QString kept = settings_.file().value(QStringLiteral("model_%1").arg(static_cast<int>(case_.kind))).toString();
  model_->clear();
  int wanted = -1;
  for (std::size_t i = 0; i < models_.size(); ++i) {
    const pipeline::ModelFacts& facts = models_[i];
    const std::string reason = pipeline::misfit(facts, jobKindOf(case_.kind));
    const QString name = QString::fromStdString(facts.name);
    model_->addItem(reason.empty() ? name : tr("%1: %2").arg(name, engineText(reason)), static_cast<int>(i));
    const int row = model_->count() - 1;
    if (!reason.empty()) {
      auto* item = qobject_cast<QStandardItemModel*>(model_->model())->item(row);
      item->setFlags(item->flags() & ~(Qt::ItemIsEnabled | Qt::ItemIsSelectable));
      item->setToolTip(engineText(reason));
    } else if (wanted < 0 || QString::fromStdString(facts.path.string()) == kept) {
      wanted = row;
    }
  }
  model_->setCurrentIndex(wanted);
  ready_ = false;
  check_delay_.start();
  refresh();
}

RunChoices RunPanel::choices() const {
  RunChoices c;
  const int row = model_->currentIndex() >= 0 ? model_->currentData().toInt() : -1;
  if (row >= 0) c.model = QString::fromStdString(models_[static_cast<std::size_t>(row)].path.string());
  c.mpp = mpp_->value(), c.overlap = overlap_->value(), c.live = live_->isChecked();
  c.threads = settings_.threads(), c.device = settings_.device(), c.results = settings_.resultFolder();
  return c;
}

std::optional<pipeline::JobRequest> RunPanel::requestFor(const CaseRecord& record) const {
  RunChoices chosen = choices();
  if (record.id != case_.id) chosen.mpp = record.mpp;
  if (record.kind != case_.kind) {
    // Another kind of case in a batch: the first model that fits it.
    const auto found = std::find_if(models_.begin(), models_.end(),
                                    [&](const auto& m) { return pipeline::misfit(m, jobKindOf(record.kind)).empty(); });
    chosen.model = found == models_.end() ? QString() : QString::fromStdString(found->path.string());
  }
  if (chosen.model.isEmpty() || record.id == 0) return {};
  settings_.file().setValue(QStringLiteral("model_%1").arg(static_cast<int>(record.kind)), chosen.model);
  return runRequest(record, chosen);
}

void RunPanel::check() {
  const int asked = ++asked_;
  shown_checks_.clear();
  if (case_.id == 0) return checks_->clear();
  const auto request = requestFor(case_);
  if (!request) {
    checks_->setText(models_.empty() ? tr("There is no model in the model folder.") : tr("No model fits this case."));
    return;
  }
  engine_.ask(
      this, [request = *request](std::stop_token stop) { return pipeline::preflight(request, std::move(stop)); },
      [this, asked](const std::vector<pipeline::PreflightCheck>& checks) {
        if (asked == asked_) showChecks(checks);
      });
}

/// The words have the theme's colours.
void RunPanel::changeEvent(QEvent* event) {
  if (event->type() == QEvent::StyleChange && !shown_checks_.empty()) showChecks(std::vector(shown_checks_));
  QWidget::changeEvent(event);
}

void RunPanel::showChecks(const std::vector<pipeline::PreflightCheck>& checks) {
  shown_checks_ = checks;
  ready_ = allGood(checks);
  checks_->setText(checkListHtml(checks));
  refresh();
}

void RunPanel::refresh() {
  const Run* run = case_.id ? queue_.activeOf(case_.id) : nullptr;
  start_->setEnabled(ready_ && !run && case_.id != 0);
  cancel_->setEnabled(run && !run->cancelling);
  save_->setEnabled(case_.id != 0 && model_->currentIndex() >= 0);
  if (!run) return progress_text_->clear();
  QString text = run->state == Run::State::kWaiting ? tr("Waiting for its turn.") : run->stage;
  if (run->state == Run::State::kRunning) {
    text += QStringLiteral(", %1 %").arg(std::lround(100 * run->fraction));
    if (run->eta_seconds >= 0) text += QStringLiteral(", ") + tr("about %1 left").arg(durationText(run->eta_seconds));
  }
  progress_text_->setText(run->cancelling ? tr("Cancelling.") : text);
}

}  // namespace fovea::gui
