#include "model/engine_text.h"

#include <QCoreApplication>
#include <QHash>
#include <QRegularExpression>

#include <vector>

namespace fovea::gui {
namespace {

constexpr qsizetype kMostKept = 500;  // sentences that were looked up

/// As the engine writes them; tests/gui/engine_text_test.cc looks for each in its sources.
const char* const kPatterns[] = {
    // Before the start.
    "The slide opens: %1 x %2 px",
    "Its scale is %1 um/px (%2)",
    "The slide: it does not tell its micrometres per pixel",
    "Enter them; a 40x scan has about 0.25, a 20x scan about 0.5",
    "The tile encoder %1 is installed",
    "The weights of the tile encoder %1 are not installed",
    "Set FOVEA_ENCODERS to the folder that holds them",
    "Only %1 MB are free where the results go",
    "Results can be written; %1 GB are free",
    "The model %1 fits (%2)",
    "The scan is there",
    "The scan: its file is not there",
    "Locate it again",
    "it reads slides, and this is a scan",
    "it reads scans, and this is a slide",
    "it is a tile encoder, not a model of whole cases",
    "it cannot be read as a model",
    "Choose another model",
    "the slide has %1 um/px, coarser than the %2 um/px that the model wants",
    // Stages.
    "loading the model",
    "finding tissue",
    "drawing the overview",
    "reading and encoding tiles",
    "reading features",
    "pooling",
    "writing results",
    "reading",
    "finding the head",
    "finding the brain",
    "resampling",
    "segmenting",
    "back to the native grid",
    "measuring",
    "slicing the volume",
    // What goes wrong.
    "there is no such slide",
    "there is no such volume",
    "there is no such file or folder",
    "there is no such model",
    "the slide cannot be read",
    "the volume cannot be read",
    "the slide is empty (0 bytes)",
    "the volume is empty (0 bytes)",
    "this is no slide that can be read (%1)",
    "this is no volume that can be read (%1)",
    "the slide cannot be opened (%1)",
    "the slide cannot be opened again (%1)",
    "the disk is full, nothing was written",
    "it could not be written (%1)",
    "the output folder cannot be made (%1)",
    "no tissue found: the largest region has %1 mm2, under the limit of %2 mm2",
    "the bag holds no tile (a slide without tissue)",
    "slides are computed on the CPU in this version",
    "this folder holds no prediction",
    "it cannot be understood",
    // What can be done.
    "Check the path",
    "Check its permissions",
    "Copy it again",
    "Copy it again; the file is damaged",
    "Copy it again; the file may be truncated",
    "See fovea formats for what is read",
    "Free some space or choose another output folder",
    "Choose an output folder that you may write to",
    "Check the disk and choose a folder that you may write to",
    "Run the prediction first",
    "Run the prediction again",
    "There is nothing to predict here",
    "Close other programs, or lower the size of tiles",
    // The case list.
    "another Fovea window has it open",
    "Close that window first",
    "a newer version of Fovea wrote it",
    "Use that version, or another folder with --home",
    "its file is damaged",
    "Put back a copy, or choose another folder",
    "its folder cannot be written",
    "its folder cannot be made",
    "Choose another with --home",
    "the change could not be stored",
    "Check the free space of the disk it lies on",
    "Check the disk it lies on",
};

QString lowered(QString text) {
  if (!text.isEmpty()) text[0] = text[0].toLower();
  return text;
}

struct Pattern {
  const char* english;
  QRegularExpression form;
};

const std::vector<Pattern>& forms() {
  static const std::vector<Pattern> made = [] {
    std::vector<Pattern> all;
    for (const char* english : kPatterns) {
      QString form = QRegularExpression::escape(lowered(QString::fromUtf8(english)));
      for (const char* place : {"\\%1", "\\%2"}) form.replace(QLatin1String(place), QLatin1String("(.+)"));
      all.push_back({english, QRegularExpression(QRegularExpression::anchoredPattern(form))});
    }
    return all;
  }();
  return made;
}

/// Null when no pattern fits. `text` has no full stop at its end; its first letter may be large or small.
QString whole(const QString& text) {
  const QString small = lowered(text);
  for (const Pattern& pattern : forms()) {
    const QRegularExpressionMatch match = pattern.form.match(small);
    if (!match.hasMatch()) continue;
    QString out = QCoreApplication::translate("EngineText", pattern.english);
    for (int i = 1; i <= match.lastCapturedIndex(); ++i) out.replace(QStringLiteral("%%1").arg(i), match.captured(i));
    if (!out.isEmpty() && text[0].isUpper()) out[0] = out[0].toUpper();
    return out;
  }
  return {};
}

}  // namespace

const QStringList& enginePatterns() {
  static const QStringList all = [] {
    QStringList list;
    for (const char* pattern : kPatterns) list << QString::fromUtf8(pattern);
    return list;
  }();
  return all;
}

QString engineText(const QString& english) {
  static QHash<QString, QString> kept;
  static QString language;  // of what is kept
  const QString now = QCoreApplication::translate("EngineText", "language");
  if (now != language || kept.size() > kMostKept) kept.clear(), language = now;
  if (const auto found = kept.constFind(english); found != kept.constEnd()) return *found;
  QStringList sentences = english.split(QStringLiteral(". "));
  for (QString& sentence : sentences) {
    const bool stop = sentence.endsWith(QLatin1Char('.'));
    const QString text = stop ? sentence.chopped(1) : sentence;
    QString known = whole(text);
    if (known.isNull()) {  // "MODEL: what is wrong with it"
      const qsizetype colon = text.indexOf(QStringLiteral(": "));
      const QString rest = colon > 0 ? whole(text.mid(colon + 2)) : QString();
      if (!rest.isNull()) known = text.left(colon + 2) + rest;
    }
    if (!known.isNull()) sentence = stop ? known + QLatin1Char('.') : known;
  }
  return *kept.insert(english, sentences.join(QStringLiteral(". ")));
}

}  // namespace fovea::gui
