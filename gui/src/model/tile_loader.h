// Tiles of a slide, read on threads of their own: what is wanted now, nothing else, within a bound of bytes.
#pragma once

#include <QHash>
#include <QImage>
#include <QList>
#include <QObject>
#include <QSet>

#include <condition_variable>
#include <list>
#include <memory>
#include <mutex>
#include <thread>
#include <vector>

#include <fovea/pipeline/slide_view.h>

namespace fovea::gui {

struct TileKey {
  int level = 0;
  int column = 0, row = 0;
  bool operator==(const TileKey&) const = default;
};
inline std::size_t qHash(const TileKey& key, std::size_t seed = 0) {
  return qHashMulti(seed, key.level, key.column, key.row);
}

/// Least recently used tiles make room; the cost is the bytes of the pictures.
class TileCache {
 public:
  explicit TileCache(qint64 bytes) : limit_(bytes) {}
  /// Null when it is not there. Counts as a use.
  QImage find(const TileKey& key);
  bool contains(const TileKey& key) const { return places_.contains(key); }
  void insert(const TileKey& key, QImage image);
  void setLimit(qint64 bytes);
  qint64 bytes() const { return bytes_; }

 private:
  using Entry = std::pair<TileKey, QImage>;
  void evict();
  qint64 limit_, bytes_ = 0;
  std::list<Entry> order_;  // most recent first
  QHash<TileKey, std::list<Entry>::iterator> places_;
};

class TileLoader : public QObject {
  Q_OBJECT

 public:
  /// The coarsest level is loaded first and kept beside the cache: there is always something to show.
  TileLoader(std::shared_ptr<const pipeline::SlideView> slide, qint64 cache_bytes, QObject* parent = nullptr);
  ~TileLoader() override;

  /// Replaces the waiting requests: what is no longer wanted and not begun is dropped. First in the list, first read.
  void want(const QList<TileKey>& keys);
  QImage tile(const TileKey& key);
  bool has(const TileKey& key) const;
  /// It could not be read, and why.
  bool failed(const TileKey& key) const { return failed_.contains(key); }
  const QString& failure() const { return failure_; }
  void setCacheBytes(qint64 bytes) { cache_.setLimit(bytes); }
  qint64 cachedBytes() const { return cache_.bytes() + base_bytes_; }
  /// How many tiles of the coarsest level came: what stands in for others looks different when one more is there.
  int baseTiles() const { return static_cast<int>(base_.size()); }
  bool idle() const;
  const pipeline::SlideView& slide() const { return *slide_; }

 Q_SIGNALS:
  /// One or more tiles came (or failed) since the last time.
  void arrived();

 private:
  struct Done {
    TileKey key;
    QImage image;  ///< null: failed
    QString failure;
  };
  void work(std::stop_token stop);
  void collect();

  std::shared_ptr<const pipeline::SlideView> slide_;
  int base_level_;
  TileCache cache_;
  QHash<TileKey, QImage> base_;
  qint64 base_bytes_ = 0;
  QSet<TileKey> failed_;
  QString failure_;

  mutable std::mutex mutex_;
  std::condition_variable_any wake_;
  std::list<TileKey> waiting_;
  QSet<TileKey> reading_;
  QList<Done> done_;
  bool announced_ = false;
  std::vector<std::jthread> threads_;
};

}  // namespace fovea::gui
