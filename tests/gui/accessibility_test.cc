// Every control has a name, can be reached by keyboard, is large enough, and its text is readable in both themes.
#include <QAbstractButton>
#include <QAbstractItemView>
#include <QAbstractSpinBox>
#include <QAccessible>
#include <QCheckBox>
#include <QComboBox>
#include <QLabel>
#include <QLineEdit>
#include <QSlider>
#include <QStackedWidget>
#include <QTranslator>

#include <cmath>

#include <fovea/gui/desktop.h>
#include <fovea/gui/main_window.h>

#include "gui_test.h"
#include "widgets/curve_plot.h"
#include "widgets/theme.h"
#include "widgets/train_page.h"

namespace fovea::gui {
namespace {

double luminance(const QColor& colour) {
  const auto linear = [](double c) { return c <= 0.03928 ? c / 12.92 : std::pow((c + 0.055) / 1.055, 2.4); };
  return 0.2126 * linear(colour.redF()) + 0.7152 * linear(colour.greenF()) + 0.0722 * linear(colour.blueF());
}

double contrast(const QColor& a, const QColor& b) {
  const double la = luminance(a), lb = luminance(b);
  return (std::max(la, lb) + 0.05) / (std::min(la, lb) + 0.05);
}

class AccessibilityTest : public testing::TestWithParam<WindowTheme> {
 protected:
  void SetUp() override {
    setTheme(test::application(), GetParam());
    window_ = std::make_unique<MainWindow>(home_.path());
    window_->resize(1280, 800);
    window_->show();
    QTest::qWait(50);
  }
  bool isControl(const QWidget* widget) const {
    return qobject_cast<const QAbstractButton*>(widget) || qobject_cast<const QComboBox*>(widget) ||
           qobject_cast<const QAbstractSpinBox*>(widget) || qobject_cast<const QSlider*>(widget) ||
           qobject_cast<const QAbstractItemView*>(widget) ||
           (qobject_cast<const QLineEdit*>(widget) && !qobject_cast<const QAbstractSpinBox*>(widget->parentWidget()) &&
            !qobject_cast<const QComboBox*>(widget->parentWidget()));
  }
  static bool ofQt(const QWidget* widget) {  // parts that Qt makes inside its own widgets
    const QString name = widget->objectName();
    for (const QWidget* w = widget; w; w = w->parentWidget())
      if (w->objectName() == QLatin1String("qt_toolbar_ext_button") || w->inherits("QTabBar") ||
          w->inherits("QComboBoxPrivateContainer") || w->inherits("QScrollBar"))
        return true;
    return name.startsWith(QLatin1String("qt_")) || widget->inherits("QHeaderView") ||
           widget->inherits("QTableCornerButton") || widget->inherits("QLineEditIconButton") ||
           (widget->inherits("QAbstractButton") && widget->parentWidget() &&
            widget->parentWidget()->inherits("QTableView"));
  }
  QTemporaryDir home_;
  std::unique_ptr<MainWindow> window_;
};

TEST_P(AccessibilityTest, EveryControlHasAName) {
  int controls = 0;
  for (const QWidget* widget : window_->findChildren<QWidget*>()) {
    if (!isControl(widget) || ofQt(widget)) continue;
    ++controls;
    QAccessibleInterface* interface = QAccessible::queryAccessibleInterface(const_cast<QWidget*>(widget));
    ASSERT_NE(interface, nullptr);
    EXPECT_FALSE(interface->text(QAccessible::Name).isEmpty())
        << widget->metaObject()->className() << " " << widget->objectName().toStdString() << " in "
        << widget->parentWidget()->metaObject()->className();
  }
  EXPECT_GT(controls, 25);
}

TEST_P(AccessibilityTest, EveryControlCanBeReachedByTab) {
  for (const QWidget* widget : window_->findChildren<QWidget*>())
    if (isControl(widget) && !ofQt(widget)) {
      EXPECT_TRUE(widget->focusPolicy() & Qt::TabFocus)
          << widget->metaObject()->className() << " " << widget->accessibleName().toStdString();
    }
  // The order goes round and comes back: no trap.
  QWidget* first = window_->focusWidget() ? window_->focusWidget() : window_.get();
  QWidget* at = first;
  int steps = 0;
  do at = at->nextInFocusChain();
  while (at != first && ++steps < 2000);
  EXPECT_EQ(at, first);
}

TEST_P(AccessibilityTest, TargetsAreAtLeast24Pixels) {
  auto* pages = qobject_cast<QStackedWidget*>(window_->findChild<TrainPage*>()->parentWidget());
  ASSERT_NE(pages, nullptr);
  for (int page = 0; page < pages->count(); ++page) {
    pages->setCurrentIndex(page);
    QTest::qWait(20);
    for (const QWidget* widget : window_->findChildren<QWidget*>()) {
      if (!isControl(widget) || ofQt(widget) || !widget->isVisible()) continue;
      EXPECT_GE(widget->width(), 24) << widget->metaObject()->className() << " "
                                     << widget->accessibleName().toStdString();
      EXPECT_GE(widget->height(), 24) << widget->metaObject()->className() << " "
                                      << widget->accessibleName().toStdString();
    }
  }
}

TEST_P(AccessibilityTest, TextStandsOutFromItsGround) {
  const ThemeColours& c = themeColours();
  for (const QColor& ground : {c.window, c.panel, c.field})
    for (const QColor& text : {c.text, c.muted, c.accent, c.good, c.warn, c.bad})
      EXPECT_GE(contrast(text, ground), 4.5) << text.name().toStdString() << " on " << ground.name().toStdString();
  EXPECT_GE(contrast(c.on_accent, c.accent), 4.5);
  // Lines, of which mark and name tell what colour tells.
  for (int group = 0; group < 6; ++group)
    EXPECT_GE(contrast(curveColour(group, GetParam() == WindowTheme::kDark), c.field), 3) << "curve " << group;
  for (const QLabel* label : window_->findChildren<QLabel*>())
    EXPECT_GE(label->font().pointSizeF(), 8.9) << label->text().toStdString();
}

INSTANTIATE_TEST_SUITE_P(Themes, AccessibilityTest, testing::Values(WindowTheme::kLight, WindowTheme::kDark),
                         [](const auto& info) { return info.param == WindowTheme::kDark ? "Dark" : "Light"; });

TEST(Translation, FrenchIsCompleteAndShown) {
  auto& app = test::application();
  const QString ts = test::source_file("gui/translations/fovea_fr.ts");
  QFile file(ts);
  ASSERT_TRUE(file.open(QIODevice::ReadOnly));
  const QString text = QString::fromUtf8(file.readAll());
  EXPECT_FALSE(text.contains(QStringLiteral("type=\"unfinished\"")));
  EXPECT_GT(text.count(QStringLiteral("<message")), 200);
  ASSERT_TRUE(installLanguage(app, QStringLiteral("fr_FR")));
  QTemporaryDir home;
  MainWindow window(home.path());
  QStringList seen;
  for (const QAbstractButton* button : window.findChildren<QAbstractButton*>()) seen << button->text();
  EXPECT_TRUE(seen.contains(QStringLiteral("Fichiers"))) << seen.join(QLatin1Char('|')).toStdString();
  EXPECT_FALSE(seen.contains(QStringLiteral("Add files")));
  window.resize(1280, 800);
  EXPECT_EQ(window.minimumSizeHint().expandedTo(QSize(1280, 800)), QSize(1280, 800)) << "longer words, the same window";
  for (QTranslator* translator : app.findChildren<QTranslator*>()) delete translator;  // other tests are in English
}

}  // namespace
}  // namespace fovea::gui
