// What the user chose, kept between runs in an INI file of the home folder.
#pragma once

#include <QSettings>
#include <QString>

namespace fovea::gui {

enum class Theme { kSystem, kLight, kDark };

class Settings {
 public:
  /// `home`: the folder of the case list.
  explicit Settings(const QString& home);

  const QString& home() const { return home_; }
  QString modelFolder() const;  ///< default: models beside the program, then demo/models of the source tree
  void setModelFolder(const QString& folder);
  QString resultFolder() const;  ///< default: <home>/results
  void setResultFolder(const QString& folder);
  int cacheMegabytes() const;  ///< of slide tiles
  void setCacheMegabytes(int megabytes);
  int threads() const;  ///< of a job; 0 = all
  void setThreads(int threads);
  QString device() const;  ///< "cpu", "cuda"
  void setDevice(const QString& device);
  bool namesShown() const;  ///< file names may hold a patient's name: off by default
  void setNamesShown(bool shown);
  Theme theme() const;
  void setTheme(Theme theme);
  QString language() const;  ///< "" = the system's, "en", "fr"
  void setLanguage(const QString& language);
  bool noticeSeen() const;  ///< of research use, shown at the first start
  void setNoticeSeen();

  QSettings& file() { return file_; }

 private:
  QString home_;
  mutable QSettings file_;
};

}  // namespace fovea::gui
