#include "widgets/theme.h"

#include <QApplication>
#include <QPalette>
#include <QStyle>
#include <QStyleFactory>

namespace fovea::gui {
namespace {

const ThemeColours kLight{QColor(0xf3f5f7), QColor(0xfbfcfd), QColor(0xffffff), QColor(0xd6dce3),
                          QColor(0x1b2430), QColor(0x55606e), QColor(0x0b6b74), QColor(0xffffff),
                          QColor(0xe6eaee), QColor(0x1f6f43), QColor(0x8a5200), QColor(0xb3261e)};
const ThemeColours kDark{QColor(0x14181d), QColor(0x1a1f26), QColor(0x20262e), QColor(0x333c47),
                         QColor(0xe7ebf0), QColor(0xa3aebb), QColor(0x57c2ca), QColor(0x0d1a1c),
                         QColor(0x0e1115), QColor(0x7fcf9f), QColor(0xe9b25d), QColor(0xff8f85)};
ThemeColours current = kLight;
bool light_by_system = true;
bool asked_system = false;

QPalette palette_of(const ThemeColours& c) {
  QPalette p;
  p.setColor(QPalette::Window, c.window);
  p.setColor(QPalette::WindowText, c.text);
  p.setColor(QPalette::Base, c.field);
  p.setColor(QPalette::AlternateBase, c.panel);
  p.setColor(QPalette::Text, c.text);
  p.setColor(QPalette::Button, c.panel);
  p.setColor(QPalette::ButtonText, c.text);
  p.setColor(QPalette::PlaceholderText, c.muted);
  p.setColor(QPalette::ToolTipBase, c.field);
  p.setColor(QPalette::ToolTipText, c.text);
  p.setColor(QPalette::Highlight, c.accent);
  p.setColor(QPalette::HighlightedText, c.on_accent);
  p.setColor(QPalette::Link, c.accent);
  for (const auto role : {QPalette::WindowText, QPalette::Text, QPalette::ButtonText})
    p.setColor(QPalette::Disabled, role, c.muted);
  return p;
}

QString style_sheet(const ThemeColours& c) {
  QString sheet = QStringLiteral(R"(
    QToolTip { background: @field; color: @text; border: 1px solid @line; padding: 4px; }
    QToolBar { background: @panel; border: none; border-bottom: 1px solid @line; padding: 5px 8px; spacing: 4px; }
    QStatusBar { background: @panel; border-top: 1px solid @line; }
    QStatusBar::item { border: none; }
    QStatusBar QLabel { padding: 0 10px; }
    QSplitter::handle { background: @line; }
    QToolButton { border: 1px solid transparent; border-radius: 6px; padding: 5px 9px; min-height: 20px; min-width: 20px; color: @text; }
    QToolButton:hover { background: @hover; }
    QToolButton:checked { background: @soft; color: @text; border-color: @accent; }
    QToolButton:focus { border-color: @accent; }
    QPushButton { background: @field; border: 1px solid @line; border-radius: 6px; padding: 5px 14px; min-height: 20px; color: @text; }
    QPushButton:hover { border-color: @accent; }
    QPushButton:focus { border: 2px solid @accent; padding: 4px 13px; }
    QPushButton:disabled { color: @muted; background: @panel; }
    QPushButton[primary="true"] { background: @accent; color: @onaccent; border-color: @accent; font-weight: 600; }
    QPushButton[primary="true"]:focus { border: 2px solid @text; }
    QPushButton[primary="true"]:disabled { background: @panel; color: @muted; border-color: @line; }
    QLineEdit, QSpinBox, QDoubleSpinBox, QComboBox { background: @field; border: 1px solid @line; border-radius: 6px; padding: 4px 8px; min-height: 20px; color: @text; }
    QLineEdit:focus, QSpinBox:focus, QDoubleSpinBox:focus, QComboBox:focus { border-color: @accent; }
    QComboBox::drop-down { border: none; width: 26px; }
    QComboBox::down-arrow { image: url(:/fovea/icons/down.png); width: 10px; height: 6px; }
    QSpinBox, QDoubleSpinBox { padding-right: 26px; }
    QSpinBox::up-button, QDoubleSpinBox::up-button { subcontrol-origin: border; subcontrol-position: top right; width: 26px; border: none; }
    QSpinBox::down-button, QDoubleSpinBox::down-button { subcontrol-origin: border; subcontrol-position: bottom right; width: 26px; border: none; }
    QSpinBox::up-arrow, QDoubleSpinBox::up-arrow { image: url(:/fovea/icons/up.png); width: 10px; height: 6px; }
    QSpinBox::down-arrow, QDoubleSpinBox::down-arrow { image: url(:/fovea/icons/down.png); width: 10px; height: 6px; }
    QComboBox QAbstractItemView { background: @field; color: @text; border: 1px solid @line; selection-background-color: @accent; selection-color: @onaccent; }
    QListView, QTableView, QTextBrowser, QPlainTextEdit { background: @field; border: 1px solid @line; border-radius: 6px; color: @text; }
    QListView:focus, QTableView:focus { border-color: @accent; }
    QTableView::item { padding: 0 6px; }
    QHeaderView::section { background: @panel; color: @muted; border: none; border-bottom: 1px solid @line; padding: 6px; }
    QTabWidget::pane { border: none; border-top: 1px solid @line; background: @panel; }
    QTabBar { background: @panel; }
    QTabBar::tab { padding: 8px 14px; color: @muted; border-bottom: 2px solid transparent; background: @panel; min-height: 18px; }
    QTabBar::tab:selected { color: @text; border-bottom: 2px solid @accent; }
    QTabBar::tab:focus { color: @accent; }
    QProgressBar { background: @line; border: none; border-radius: 3px; max-height: 6px; min-height: 6px; }
    QProgressBar::chunk { background: @accent; border-radius: 3px; }
    QSlider { min-height: 26px; }
    QSlider::groove:horizontal { height: 4px; background: @line; border-radius: 2px; }
    QSlider::sub-page:horizontal { background: @accent; border-radius: 2px; }
    QSlider::handle:horizontal { width: 16px; margin: -7px 0; border-radius: 8px; background: @accent; border: 1px solid @field; }
    QSlider::handle:horizontal:focus { border: 2px solid @text; }
    QCheckBox { min-height: 26px; spacing: 8px; color: @text; }
    QCheckBox:focus { color: @accent; }
    QCheckBox::indicator { width: 14px; height: 14px; border: 1px solid @muted; border-radius: 4px; background: @field; }
    QCheckBox::indicator:checked { background: @accent; border-color: @accent; image: url(:/fovea/icons/check-@theme.png); }
    QCheckBox::indicator:disabled { border-color: @line; }
    QCheckBox::indicator:checked:disabled { background: @muted; border-color: @muted; }
    QGroupBox { border: none; margin-top: 18px; font-weight: 600; color: @text; }
    QGroupBox::title { subcontrol-origin: margin; left: 0; }
    QScrollBar:vertical { background: transparent; width: 10px; margin: 0; }
    QScrollBar::handle:vertical { background: @line; border-radius: 5px; min-height: 32px; }
    QScrollBar:horizontal { background: transparent; height: 10px; margin: 0; }
    QScrollBar::handle:horizontal { background: @line; border-radius: 5px; min-width: 32px; }
    QScrollBar::add-line, QScrollBar::sub-line { width: 0; height: 0; }
    QScrollBar::add-page, QScrollBar::sub-page { background: transparent; }
    QLabel[muted="true"] { color: @muted; }
    QLabel[heading="true"] { font-weight: 600; }
    QWidget[panel="true"] { background: @panel; }
    QFrame#messageBar { background: @soft; border: 1px solid @accent; border-radius: 6px; }
  )");
  const QColor hover = isDark(Theme::kSystem) || c.window.lightness() < 128 ? c.field.lighter(125) : QColor(0xe9eef1);
  const QColor soft = c.window.lightness() < 128 ? QColor(0x1f3a3f) : QColor(0xdff0f1);
  const std::pair<const char*, QColor> names[] = {
      {"@window", c.window}, {"@panel", c.panel},   {"@field", c.field},        {"@line", c.line}, {"@text", c.text},
      {"@muted", c.muted},   {"@accent", c.accent}, {"@onaccent", c.on_accent}, {"@hover", hover}, {"@soft", soft}};
  for (const auto& [name, colour] : names) sheet.replace(QLatin1String(name), colour.name());
  sheet.replace(QLatin1String("@theme"), c.window.lightness() < 128 ? QLatin1String("dark") : QLatin1String("light"));
  return sheet;
}

}  // namespace

bool isDark(Theme theme) {
  return theme == Theme::kDark || (theme == Theme::kSystem && asked_system && !light_by_system);
}

const ThemeColours& themeColours() {
  return current;
}

void applyTheme(QApplication& application, Theme theme) {
  if (!asked_system) {
    light_by_system = application.palette().color(QPalette::Window).lightness() >= 128;
    asked_system = true;
  }
  current = isDark(theme) ? kDark : kLight;
  QApplication::setStyle(QStyleFactory::create(QStringLiteral("Fusion")));
  QApplication::setPalette(palette_of(current));
  application.setStyleSheet(style_sheet(current));
}

}  // namespace fovea::gui
