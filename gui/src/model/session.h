// What the window works on: the case list, the case that is open, its slide and result, the queue. No widgets.
#pragma once

#include <QImage>
#include <QObject>
#include <QStringList>

#include <memory>

#include <fovea/pipeline/attention_result.h>
#include <fovea/pipeline/slide_view.h>

#include "model/case_list_model.h"
#include "model/case_store.h"
#include "model/engine.h"
#include "model/region_model.h"
#include "model/run_queue.h"
#include "model/settings.h"

namespace fovea::gui {

class Session : public QObject {
  Q_OBJECT

 public:
  /// `home`: folder of the case list. Errors of CaseStore.
  explicit Session(const QString& home, QObject* parent = nullptr);
  ~Session() override;

  Settings& settings() { return settings_; }
  CaseListModel& cases() { return cases_; }
  Engine& engine() { return engine_; }
  RunQueue& queue() { return queue_; }
  RegionModel& regions() { return regions_; }

  /// Files and folders as they were dropped; sorted out away from the window's thread.
  void addPaths(const QStringList& paths);
  void open(qint64 id);
  void close();
  const CaseRecord* current() const { return cases_.record(current_); }
  std::shared_ptr<const pipeline::SlideView> slide() const { return slide_; }
  std::shared_ptr<const pipeline::SlideResult> result() const { return result_; }
  double mpp() const;  ///< of the open slide: the user's, else the file's; 0 = unknown

  /// Queues it; `mpp` > 0 is kept with the case.
  void run(qint64 id, const pipeline::JobRequest& request, double mpp = 0);
  void remove(const QList<qint64>& ids);
  /// The source of this case has moved there; others that moved with it follow. Returns how many were found.
  int locate(qint64 id, const QString& path);
  /// Stops the run that goes on and leaves its case as it was; waiting ones go on at the next start.
  void stop();

 Q_SIGNALS:
  void added(const QList<qint64>& ids, const QStringList& problems);
  void opening(qint64 id);
  void slideReady();
  void scanChosen(const QString& path, const QString& result);
  void resultReady();
  void live(const fovea::gui::LiveState& state, std::shared_ptr<const fovea::pipeline::AttentionResult> attention);
  void sourceMissing(qint64 id);
  void failed(const QString& sentence, const QString& details);
  void closed();

 private:
  void openSlide(const CaseRecord& record);
  void loadResult();
  void takeFound(const std::vector<CaseRecord>& found, const QStringList& problems);
  QString regionFile(const CaseRecord& record) const;

  Settings settings_;
  CaseStore store_;
  CaseListModel cases_;
  Engine engine_;
  RunQueue queue_;
  RegionModel regions_;
  qint64 current_ = 0;
  int opened_ = 0;  // how often; answers for an earlier case are dropped
  std::shared_ptr<const pipeline::SlideView> slide_;
  std::shared_ptr<const pipeline::SlideResult> result_;
};

}  // namespace fovea::gui
