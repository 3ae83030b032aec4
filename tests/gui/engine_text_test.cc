// The engine's sentences in French: known, complete, and still what the engine says.
#include <QDir>
#include <QDirIterator>
#include <QRegularExpression>
#include <QTranslator>
#include <QXmlStreamReader>

#include <fovea/base/error.h>
#include <fovea/gui/desktop.h>

#include "gui_test.h"
#include "model/engine_text.h"
#include "model/failure.h"

namespace fovea::gui {
namespace {

class EngineTextTest : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(installLanguage(test::application(), QStringLiteral("fr"))); }
  void TearDown() override {
    for (QTranslator* translator : test::application().findChildren<QTranslator*>()) delete translator;
  }
};

TEST_F(EngineTextTest, SentencesAreTranslatedWithTheirNumbersAndNames) {
  EXPECT_EQ(engineText(QStringLiteral("The slide opens: 2220 x 2967 px.")),
            QStringLiteral("La lame s’ouvre : 2220 x 2967 px."));
  EXPECT_EQ(engineText(QStringLiteral("The weights of the tile encoder resnet50 are not installed. Set FOVEA_ENCODERS "
                                      "to the folder that holds them.")),
            QStringLiteral("Les poids de l’encodeur de tuiles resnet50 ne sont pas installés. Donnez dans "
                           "FOVEA_ENCODERS le dossier qui les contient."));
  EXPECT_EQ(engineText(QStringLiteral("reading and encoding tiles")), QStringLiteral("lecture et encodage des tuiles"));
  EXPECT_EQ(engineText(QStringLiteral("demo-1.2: it reads scans, and this is a slide. Choose another model.")),
            QStringLiteral("demo-1.2: il lit des examens, et ceci est une lame. Choisissez un autre modèle."));
}

TEST_F(EngineTextTest, WhatIsNotKnownStaysAsItIs) {
  for (const char* text : {"", "The moon is full. Choose another night.", "after 1.56 % (1 of 64 tiles)"})
    EXPECT_EQ(engineText(QString::fromUtf8(text)), QString::fromUtf8(text));
}

TEST_F(EngineTextTest, FailuresAreToldInTheWindowsLanguage) {
  const Error error(ErrorCode::kWriteFailed, "/home/meier/x", "the disk is full, nothing was written",
                    "Free some space or choose another output folder.");
  const Failure failure = failureOf(error);
  EXPECT_EQ(
      failure.sentence,
      QStringLiteral("Le disque est plein, rien n’a été écrit. Libérez de la place ou choisissez un autre dossier "
                     "de sortie."));
  EXPECT_TRUE(failure.details.contains(QStringLiteral("/home/meier/x"))) << "the details keep the English whole";
}

TEST_F(EngineTextTest, EveryPatternHasItsTranslationWithTheSamePlaces) {
  QFile file(test::source_file("gui/translations/engine_fr.ts"));
  ASSERT_TRUE(file.open(QIODevice::ReadOnly));
  QXmlStreamReader xml(&file);
  QHash<QString, QString> french;
  QString source;
  while (!xml.atEnd()) {
    xml.readNext();
    if (xml.isStartElement() && xml.name() == QLatin1String("source")) source = xml.readElementText();
    if (xml.isStartElement() && xml.name() == QLatin1String("translation")) french[source] = xml.readElementText();
  }
  ASSERT_FALSE(xml.hasError());
  for (const QString& pattern : enginePatterns()) {
    const QString translation = french.take(pattern);
    EXPECT_FALSE(translation.isEmpty()) << pattern.toStdString();
    for (const char* place : {"%1", "%2"})
      EXPECT_EQ(pattern.count(QLatin1String(place)), translation.count(QLatin1String(place))) << pattern.toStdString();
  }
  french.remove(QStringLiteral("language"));
  EXPECT_TRUE(french.isEmpty()) << french.keys().join(QLatin1Char('|')).toStdString() << ": no longer a pattern";
}

TEST_F(EngineTextTest, EveryPatternIsStillWrittenInTheEngine) {
  QString sources;
  for (const char* folder : {"pipeline/src", "io/src", "gui/src/model/case_store.cc"}) {
    const QString path = test::source_file(folder);
    QStringList files{path};
    for (QDirIterator it(path, {QStringLiteral("*.cc"), QStringLiteral("*.h")}, QDir::Files,
                         QDirIterator::Subdirectories);
         it.hasNext();)
      files << it.next();
    for (const QString& name : files)
      if (QFile file(name); QFileInfo(name).isFile() && file.open(QIODevice::ReadOnly))
        sources += QString::fromUtf8(file.readAll());
  }
  sources.replace(QRegularExpression(QStringLiteral("\"\\s*\n\\s*\"")), QString());  // literals over several lines
  const QRegularExpression cut(QStringLiteral("\\(?%[12]\\)?|: "));
  for (const QString& pattern : enginePatterns())
    for (const QString& part : pattern.split(cut, Qt::SkipEmptyParts))
      EXPECT_TRUE(sources.contains(part.trimmed())) << "'" << part.toStdString() << "' of: " << pattern.toStdString();
}

}  // namespace
}  // namespace fovea::gui
