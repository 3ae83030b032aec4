#include "widgets/attention_panel.h"

#include <QFormLayout>
#include <QLocale>
#include <QSignalBlocker>
#include <QVBoxLayout>

#include <algorithm>

#include "widgets/theme.h"

namespace fovea::gui {
namespace {

constexpr int kPatchOnScreen = 88;

QString percent(double share) {
  return QLocale().toString(100 * share, 'f', 1) + QStringLiteral(" %");
}

/// Names, probabilities and bars; the bar says the number again, never alone.
QString classesHtml(const QList<std::pair<QString, double>>& classes) {
  QString html = QStringLiteral("<table width='100%' cellspacing='0' cellpadding='2'>");
  bool first = true;
  for (const auto& [name, probability] : classes) {
    const QString text = name.toHtmlEscaped();
    html += QStringLiteral("<tr><td>%1</td><td align='right'>%2</td></tr>")
                .arg(first ? QStringLiteral("<b>%1</b>").arg(text) : text,
                     first ? QStringLiteral("<b>%1</b>").arg(percent(probability)) : percent(probability));
    const int filled = std::clamp(static_cast<int>(100 * probability + 0.5), 1, 99);
    html += QStringLiteral(
                "<tr><td colspan='2'><table width='100%' cellspacing='0' cellpadding='0'><tr>"
                "<td width='%1%' bgcolor='%2'><span style='font-size:3px'>&nbsp;</span></td>"
                "<td bgcolor='%3'><span style='font-size:3px'>&nbsp;</span></td></tr></table>"
                "</td></tr>")
                .arg(filled)
                .arg(themeColours().accent.name(), themeColours().line.name());
    first = false;
  }
  return html + QStringLiteral("</table>");
}

}  // namespace

AttentionPanel::AttentionPanel(Engine& engine, SlideCanvas& canvas, QWidget* parent)
    : QWidget(parent), engine_(engine), canvas_(canvas), patches_(new PatchModel(engine, this)) {
  classes_ = new QLabel(this);
  classes_->setObjectName(QStringLiteral("prediction"));
  classes_->setWordWrap(true);
  classes_->setTextInteractionFlags(Qt::TextSelectableByMouse | Qt::TextSelectableByKeyboard);
  facts_ = new QLabel(this);
  facts_->setWordWrap(true);
  facts_->setProperty("muted", true);

  branch_ = new QComboBox(this);
  scale_ = new QComboBox(this);
  scale_->addItem(tr("Rank among tiles"), QStringLiteral("percentile"));
  scale_->addItem(tr("Lowest to highest"), QStringLiteral("minmax"));
  scale_->addItem(tr("Times the even share"), QStringLiteral("raw"));
  map_ = new QComboBox(this);
  for (const char* name : {"viridis", "magma", "cividis"}) map_->addItem(QLatin1String(name));
  opacity_ = new QSlider(Qt::Horizontal, this);
  opacity_->setRange(0, 100);
  opacity_->setPageStep(10);
  smooth_ = new QCheckBox(tr("Smooth the heatmap"), this);
  frames_ = new QCheckBox(tr("Frame the ten most attended"), this);

  controls_ = new QWidget(this);
  auto* form = new QFormLayout(controls_);
  form->setContentsMargins(0, 0, 0, 0);
  form->addRow(tr("&Branch"), branch_);
  form->addRow(tr("&Values"), scale_);
  form->addRow(tr("&Colours"), map_);
  form->addRow(tr("&Opacity"), opacity_);
  form->addRow(smooth_);
  form->addRow(frames_);
  branch_->setAccessibleName(tr("Branch of the attention"));
  scale_->setAccessibleName(tr("What the colours stand for"));
  map_->setAccessibleName(tr("Colour map"));
  opacity_->setAccessibleName(tr("Opacity of the heatmap"));

  list_ = new QListView(this);
  list_->setObjectName(QStringLiteral("patches"));
  list_->setAccessibleName(tr("Most attended places"));
  list_->setModel(patches_);
  list_->setViewMode(QListView::IconMode);
  list_->setResizeMode(QListView::Adjust);
  list_->setMovement(QListView::Static);
  list_->setUniformItemSizes(true);
  list_->setIconSize({kPatchOnScreen, kPatchOnScreen});
  list_->setGridSize({kPatchOnScreen + 12, kPatchOnScreen + 32});

  auto* heading = new QLabel(tr("Most attended places"), this);
  heading->setProperty("heading", true);
  auto* layout = new QVBoxLayout(this);
  layout->setContentsMargins(14, 12, 14, 12);
  layout->setSpacing(10);
  for (QWidget* widget : std::initializer_list<QWidget*>{classes_, facts_, controls_, heading})
    layout->addWidget(widget);
  layout->addWidget(list_, 1);

  connect(branch_, &QComboBox::activated, this, &AttentionPanel::choose);
  connect(scale_, &QComboBox::activated, this, &AttentionPanel::choose);
  connect(map_, &QComboBox::activated, this, &AttentionPanel::restyle);
  connect(opacity_, &QSlider::valueChanged, this, &AttentionPanel::restyle);
  connect(smooth_, &QCheckBox::toggled, this, &AttentionPanel::restyle);
  connect(frames_, &QCheckBox::toggled, this, &AttentionPanel::restyle);
  connect(&canvas_, &SlideCanvas::styleChanged, this, &AttentionPanel::syncStyle);
  connect(&canvas_, &SlideCanvas::stepRequested, this, &AttentionPanel::step);
  connect(&canvas_, &SlideCanvas::tileClicked, this, [this](qint64 tile) {
    const int row = patches_->rowOf(tile);
    const QSignalBlocker quiet(list_->selectionModel());
    if (row < 0) return list_->clearSelection();
    list_->setCurrentIndex(patches_->index(row));
    list_->scrollTo(patches_->index(row));
    list_->viewport()->update();
  });
  connect(list_->selectionModel(), &QItemSelectionModel::currentChanged, this, [this](const QModelIndex& current) {
    if (current.isValid()) canvas_.showTile(current.data(PatchModel::kTile).toLongLong());
  });
  connect(list_, &QListView::clicked, this,
          [this](const QModelIndex& index) { canvas_.showTile(index.data(PatchModel::kTile).toLongLong()); });
  syncStyle();
  show(nullptr, nullptr);
}

void AttentionPanel::show(std::shared_ptr<const pipeline::SlideView> slide,
                          std::shared_ptr<const pipeline::SlideResult> result) {
  slide_ = std::move(slide), result_ = std::move(result);
  ++asked_;
  controls_->setEnabled(result_ != nullptr);
  branch_->clear();
  if (!result_) {
    shown_classes_.clear();
    classes_->setText(tr("No result yet. Choose a model under Run and start."));
    facts_->clear();
    patches_->show(nullptr, nullptr);
    canvas_.setAttention(nullptr);
    canvas_.setTissue({});
    return;
  }
  branch_->addItem(tr("Mean of all"), -1);
  for (qint64 branch = 0; result_->attention.branches > 1 && branch < result_->attention.branches; ++branch)
    branch_->addItem(tr("Branch %1").arg(branch + 1), branch);
  fillClasses();
  canvas_.setTissue(result_->tissue);
  choose();
}

void AttentionPanel::showClasses(QList<std::pair<QString, double>> classes) {
  shown_classes_ = std::move(classes);
  classes_->setText(classesHtml(shown_classes_));
}

/// The bars have the theme's colours.
void AttentionPanel::changeEvent(QEvent* event) {
  if (event->type() == QEvent::StyleChange && !shown_classes_.isEmpty()) classes_->setText(classesHtml(shown_classes_));
  QWidget::changeEvent(event);
}

void AttentionPanel::fillClasses() {
  QList<std::pair<QString, double>> classes;
  for (const auto& row : result_->classes) classes.emplace_back(QString::fromStdString(row.name), row.probability);
  showClasses(std::move(classes));
  QString text;
  if (const std::size_t tiles = result_->attention.tiles(); tiles > 0) {
    const std::vector<float> mean = result_->attention.attention(-1);
    double ten = 0, sum = 0;
    for (const std::int64_t tile : result_->attention.top(-1, 10)) ten += mean[static_cast<std::size_t>(tile)];
    for (const float value : mean) sum += value;
    text = tr("%1 tiles share an attention of %2; ten of them hold %3. Attention is not a probability.")
               .arg(QLocale().toString(static_cast<qint64>(tiles)), QLocale().toString(sum, 'f', 2), percent(ten));
  } else {
    text = tr("This result has no places on the slide.");
  }
  for (const std::string& notice : result_->notices) text += QLatin1Char('\n') + QString::fromStdString(notice);
  facts_->setText(text);
}

void AttentionPanel::choose() {
  if (!result_ || result_->attention.tiles() == 0) return;
  const AttentionChoice choice{branch_->currentData().toLongLong(), scale_->currentData().toString().toStdString()};
  const int asked = ++asked_;
  engine_.ask(
      this,
      [result = result_, choice](std::stop_token) {
        return attentionView({result, &result->attention}, choice);
      },
      [this, asked](std::shared_ptr<const AttentionView> view) {
        if (asked != asked_) return;
        canvas_.setAttention(view);
        patches_->show(slide_, std::move(view));
      });
}

void AttentionPanel::showLive(const LiveState& state, std::shared_ptr<const pipeline::AttentionResult> attention) {
  QList<std::pair<QString, double>> classes;
  for (auto it = state.probabilities.begin(); it != state.probabilities.end(); ++it)
    classes.emplace_back(it.key(), it.value());
  std::sort(classes.begin(), classes.end(), [](const auto& a, const auto& b) { return a.second > b.second; });
  showClasses(std::move(classes));
  QString text = tr("So far: %1 of %2 tiles seen.").arg(QLocale().toString(state.seen), QLocale().toString(state.of));
  if (state.stability >= 0)
    text += QLatin1Char(' ') + tr("The leading class is estimated to stay: %1.").arg(percent(state.stability));
  if (state.unseen_mass >= 0)
    text +=
        QLatin1Char(' ') + tr("Unseen tiles could take %1 of the attention at most.").arg(percent(state.unseen_mass));
  facts_->setText(text);
  if (!attention) return;
  const int asked = ++asked_;
  engine_.ask(
      this, [attention](std::stop_token) { return attentionView(attention, {}); },
      [this, asked](std::shared_ptr<const AttentionView> view) {
        if (asked == asked_) canvas_.setAttention(std::move(view), true);
      });
}

void AttentionPanel::step(int by) {
  const int rows = patches_->rowCount();
  if (rows == 0) return;
  const QModelIndex current = list_->currentIndex();
  const int row = current.isValid() ? std::clamp(current.row() + by, 0, rows - 1) : 0;
  list_->setCurrentIndex(patches_->index(row));
}

void AttentionPanel::restyle() {
  OverlayStyle style = canvas_.overlayStyle();
  style.map = map_->currentText().toStdString();
  style.opacity = opacity_->value() / 100.0;
  style.smooth = smooth_->isChecked(), style.top_frames = frames_->isChecked();
  canvas_.setStyle(style);
}

void AttentionPanel::syncStyle() {
  const OverlayStyle& style = canvas_.overlayStyle();
  const QSignalBlocker quiet[] = {QSignalBlocker(opacity_), QSignalBlocker(smooth_), QSignalBlocker(frames_),
                                  QSignalBlocker(map_)};
  opacity_->setValue(static_cast<int>(100 * style.opacity + 0.5));
  smooth_->setChecked(style.smooth);
  frames_->setChecked(style.top_frames);
  map_->setCurrentText(QString::fromStdString(style.map));
}

}  // namespace fovea::gui
