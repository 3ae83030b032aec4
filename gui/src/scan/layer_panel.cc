#include "scan/layer_panel.h"

#include <QFormLayout>
#include <QGroupBox>
#include <QHBoxLayout>
#include <QLabel>
#include <QPushButton>
#include <QToolButton>
#include <QVBoxLayout>

#include <cmath>

#include "scan/colour_legend.h"
#include "scan/number_text.h"
#include "scan/sequence_name.h"

namespace fovea::gui {
namespace {

constexpr int kTarget = 26;  // px: large enough to hit
constexpr int kPercent = 100;

QSlider* per_cent_slider(const QString& name) {
  auto* slider = new QSlider(Qt::Horizontal);
  slider->setRange(0, kPercent);
  slider->setPageStep(10);
  slider->setMinimumSize(72, kTarget);
  slider->setAccessibleName(name);
  slider->setToolTip(name);
  return slider;
}

template <class Control>
Control* sized(Control* control, const QString& name) {
  control->setMinimumHeight(kTarget);
  control->setAccessibleName(name);
  return control;
}

QComboBox* combo(const QString& name) {
  auto* box = sized(new QComboBox, name);
  box->setSizeAdjustPolicy(QComboBox::AdjustToMinimumContentsLengthWithIcon);
  box->setMinimumContentsLength(8);
  return box;
}

/// A long name is cut rather than the panel: the whole stands in its tip.
QCheckBox* named_check(const QString& text, const QString& name) {
  auto* box = sized(new QCheckBox(text), name);
  box->setSizePolicy(QSizePolicy::Ignored, QSizePolicy::Fixed);
  box->setMinimumWidth(60);
  box->setToolTip(text);
  return box;
}

QPushButton* button(const QString& text) {
  return sized(new QPushButton(text), text);
}

QIcon swatch(QRgb colour) {
  QPixmap pixmap(14, 14);
  pixmap.fill(QColor(colour));
  return QIcon(pixmap);
}

void clear_rows(QLayout* rows) {
  while (QLayoutItem* item = rows->takeAt(0)) {
    // Later: the row's own button may be what brought us here.
    if (item->widget()) item->widget()->hide(), item->widget()->deleteLater();
    delete item;
  }
}

int per_cent(double share) {
  return static_cast<int>(std::lround(share * kPercent));
}

}  // namespace

LayerPanel::LayerPanel(ScanScene* scene, QWidget* parent) : QScrollArea(parent), scene_(scene) {
  setWidgetResizable(true);
  setFrameShape(NoFrame);
  setHorizontalScrollBarPolicy(Qt::ScrollBarAlwaysOff);
  setFocusPolicy(Qt::NoFocus);
  setAccessibleName(tr("Layers"));
  auto* content = new QWidget;
  auto* column = new QVBoxLayout(content);
  column->setContentsMargins(8, 4, 8, 8);
  column->setSpacing(8);
  column->addWidget(sequenceSection());
  column->addWidget(label_box_ = labelSection());
  column->addWidget(overlaySection());
  column->addWidget(viewSection());
  column->addStretch();
  setWidget(content);
  connect(scene, &ScanScene::contentChanged, this, &LayerPanel::rebuild);
  connect(scene, &ScanScene::appearanceChanged, this, &LayerPanel::refresh);
  rebuild();
}

QWidget* LayerPanel::sequenceSection() {
  auto* box = new QGroupBox(tr("Sequences"));
  auto* column = new QVBoxLayout(box);
  sequence_rows_ = new QVBoxLayout;
  sequence_rows_->setSpacing(2);
  column->addLayout(sequence_rows_);
  window_box_ = new QWidget;
  auto* form = new QFormLayout(window_box_);
  form->setContentsMargins(0, 0, 0, 0);
  form->addRow(tr("Drag sets"), active_ = combo(tr("Sequence whose window a drag sets")));
  form->addRow(tr("Window"), preset_ = combo(tr("Window preset")));
  column->addWidget(window_box_);
  auto* add = button(tr("Add sequence …"));
  column->addWidget(add);
  connect(add, &QPushButton::clicked, this, &LayerPanel::addSequenceRequested);
  connect(active_, &QComboBox::activated, this,
          [this](int index) { scene_->setActiveSequence(static_cast<std::size_t>(index)); });
  connect(preset_, &QComboBox::activated, this, [this](int index) {
    if (scene_->empty()) return;
    const std::size_t active = scene_->activeSequence();
    const auto presets = window_presets(*scene_->sequences()[active].volume);
    if (index < static_cast<int>(presets.size()))
      scene_->setWindow(active, presets[static_cast<std::size_t>(index)].window);
  });
  return box;
}

QWidget* LayerPanel::labelSection() {
  auto* box = new QGroupBox(tr("Segmentation"));
  auto* column = new QVBoxLayout(box);
  label_rows_ = new QVBoxLayout;
  label_rows_->setSpacing(2);
  column->addLayout(label_rows_);
  auto* form = new QFormLayout;
  form->addRow(tr("Fill"), fill_ = per_cent_slider(tr("Opacity of the labels' inside")));
  column->addLayout(form);
  column->addWidget(outline_ = sized(new QCheckBox(tr("Outlines")), tr("Outlines of the labels")));
  auto* open = button(tr("Open result …"));
  column->addWidget(open);
  connect(open, &QPushButton::clicked, this, &LayerPanel::openResultRequested);
  connect(fill_, &QSlider::valueChanged, this, [this](int value) {
    if (!refreshing_) scene_->setLabelFill(value / static_cast<double>(kPercent));
  });
  connect(outline_, &QCheckBox::toggled, this, [this](bool on) {
    if (!refreshing_) scene_->setLabelOutline(on);
  });
  return box;
}

QWidget* LayerPanel::overlaySection() {
  auto* box = new QGroupBox(tr("Colour overlay"));
  auto* column = new QVBoxLayout(box);
  column->addWidget(overlay_ = combo(tr("What the colours show")));
  overlay_box_ = new QWidget;
  auto* form = new QFormLayout(overlay_box_);
  form->setContentsMargins(0, 0, 0, 0);
  form->addRow(new ColourLegend(scene_));
  form->addRow(tr("Opacity"), overlay_opacity_ = per_cent_slider(tr("Opacity of the colour overlay")));
  form->addRow(tr("Colours"), map_ = combo(tr("Colour map")));
  for (const char* name : {"viridis", "magma", "cividis"}) map_->addItem(QString::fromLatin1(name));
  column->addWidget(overlay_box_);
  connect(overlay_, &QComboBox::activated, this, [this](int index) {
    if (overlay_->itemData(index).isValid())
      Q_EMIT overlayChosen(overlay_->itemData(index).toInt());
    else
      Q_EMIT openOverlayRequested();
    rebuildOverlays();  // until it is read, the one that is shown stays chosen
  });
  connect(overlay_opacity_, &QSlider::valueChanged, this, [this](int value) {
    if (!refreshing_) scene_->setOverlayOpacity(value / static_cast<double>(kPercent));
  });
  connect(map_, &QComboBox::textActivated, scene_, &ScanScene::setOverlayMap);
  return box;
}

QWidget* LayerPanel::viewSection() {
  auto* box = new QGroupBox(tr("View"));
  auto* column = new QVBoxLayout(box);
  column->addWidget(side_ = combo(tr("Whose side is on the left")));
  side_->addItem(tr("Radiological: right on the left"));
  side_->addItem(tr("Neurological: left on the left"));
  column->addWidget(crosshair_ = sized(new QCheckBox(tr("Crosshair")), tr("Crosshair")));
  column->addWidget(smooth_ = sized(new QCheckBox(tr("Smooth pixels")), tr("Smooth pixels")));
  auto* compare = button(tr("Compare with earlier …"));
  column->addWidget(compare);
  connect(side_, &QComboBox::activated, this, [this](int index) {
    scene_->setConvention(index == 0 ? Convention::kRadiological : Convention::kNeurological);
  });
  connect(crosshair_, &QCheckBox::toggled, this, [this](bool on) {
    if (!refreshing_) scene_->setCrosshairShown(on);
  });
  connect(smooth_, &QCheckBox::toggled, this, [this](bool on) {
    if (!refreshing_) scene_->setSmooth(on);
  });
  connect(compare, &QPushButton::clicked, this, &LayerPanel::compareRequested);
  return box;
}

void LayerPanel::rebuild() {
  rebuildSequences();
  rebuildLabels();
  rebuildOverlays();
  setEnabled(!scene_->empty());
  refresh();
}

void LayerPanel::rebuildSequences() {
  clear_rows(sequence_rows_);
  for (std::size_t i = 0; i < scene_->sequences().size(); ++i) {
    const SequenceLayer& layer = scene_->sequences()[i];
    auto* row = new QWidget;
    auto* line = new QHBoxLayout(row);
    line->setContentsMargins(0, 0, 0, 0);
    auto* shown = named_check(layer.name, tr("Show %1").arg(layer.name));
    shown->setChecked(layer.visible);
    connect(shown, &QCheckBox::toggled, this, [this, i](bool on) { scene_->setSequenceVisible(i, on); });
    line->addWidget(shown, 1);
    if (i > 0) {
      QSlider* opacity = per_cent_slider(tr("Opacity of %1").arg(layer.name));
      opacity->setValue(per_cent(layer.opacity));
      connect(opacity, &QSlider::valueChanged, this,
              [this, i](int value) { scene_->setOpacity(i, value / static_cast<double>(kPercent)); });
      line->addWidget(opacity, 1);
      auto* remove = sized(new QToolButton, tr("Remove %1").arg(layer.name));
      remove->setText(QStringLiteral("×"));
      remove->setToolTip(tr("Remove %1").arg(layer.name));
      remove->setMinimumWidth(kTarget);
      connect(remove, &QToolButton::clicked, this, [this, i] { scene_->removeSequence(i); });
      line->addWidget(remove);
    }
    sequence_rows_->addWidget(row);
  }
  active_->clear();
  for (const SequenceLayer& layer : scene_->sequences()) active_->addItem(layer.name);
}

void LayerPanel::rebuildLabels() {
  clear_rows(label_rows_);
  const auto& segmentation = scene_->labels().segmentation;
  if (!segmentation) return;
  for (std::size_t label = 1; label < segmentation->names.size(); ++label) {
    double ml = 0;
    int lesions = 0;
    for (const pipeline::ViewLesion& lesion : segmentation->lesions)
      if (lesion.label == static_cast<int>(label)) ml += lesion.volume_ml, ++lesions;
    const QString name = QString::fromStdString(segmentation->names[label]);
    const QString sum = lesions == 1 ? tr("%1: %2 ml, one lesion").arg(name, number_text(ml, 2))
                                     : tr("%1: %2 ml, %3 lesions").arg(name, number_text(ml, 2)).arg(lesions);
    QCheckBox* shown = named_check(sum, tr("Show %1").arg(name));
    shown->setIcon(swatch(pipeline::label_colour(static_cast<int>(label))));
    shown->setChecked(scene_->labels().visible[label]);
    connect(shown, &QCheckBox::toggled, this,
            [this, label](bool on) { scene_->setLabelVisible(static_cast<int>(label), on); });
    label_rows_->addWidget(shown);
  }
}

void LayerPanel::rebuildOverlays() {
  const ColourLayer& layer = scene_->overlay();
  overlay_->clear();
  overlay_->addItem(tr("None"), -1);
  if (const auto& segmentation = scene_->labels().segmentation)
    for (std::size_t i = 0; i < segmentation->overlays.size(); ++i)
      overlay_->addItem(overlay_name(QString::fromStdString(segmentation->overlays[i].first)), static_cast<int>(i));
  int current = layer.volume ? overlay_->findText(layer.name) : 0;
  if (current < 0) {
    overlay_->addItem(layer.name, -2);  // from elsewhere; choosing it again changes nothing
    current = overlay_->count() - 1;
  }
  overlay_->setCurrentIndex(current);
  overlay_->addItem(tr("Other volume …"));
}

void LayerPanel::refresh() {
  if (refreshing_) return;
  refreshing_ = true;
  const bool labels = scene_->labels().segmentation != nullptr, overlay = scene_->overlay().volume != nullptr;
  fill_->setEnabled(labels), outline_->setEnabled(labels);
  overlay_box_->setVisible(overlay);
  fill_->setValue(per_cent(scene_->labels().fill));
  outline_->setChecked(scene_->labels().outline);
  overlay_opacity_->setValue(per_cent(scene_->overlay().opacity));
  map_->setCurrentText(scene_->overlay().map);
  side_->setCurrentIndex(scene_->convention() == Convention::kRadiological ? 0 : 1);
  crosshair_->setChecked(scene_->crosshairShown());
  smooth_->setChecked(scene_->smooth());
  window_box_->setVisible(!scene_->empty());
  if (!scene_->empty()) {
    const SequenceLayer& active = scene_->sequences()[scene_->activeSequence()];
    active_->setCurrentIndex(static_cast<int>(scene_->activeSequence()));
    active_->setEnabled(scene_->sequences().size() > 1);
    preset_->clear();
    int current = -1;
    for (const WindowPreset& preset : window_presets(*active.volume)) {
      if (preset.window == active.window && current < 0) current = preset_->count();
      preset_->addItem(preset.name);
    }
    if (current < 0) {
      preset_->addItem(
          tr("Own: W %1 L %2")
              .arg(significant_text(active.window.width(), 4), significant_text(active.window.level(), 4)));
      current = preset_->count() - 1;
    }
    preset_->setCurrentIndex(current);
  }
  refreshing_ = false;
}

}  // namespace fovea::gui
