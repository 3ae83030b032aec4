#include "model/tile_loader.h"

#include <algorithm>

#include "model/failure.h"

namespace fovea::gui {
namespace {

constexpr int kThreads = 2;
constexpr int kMostBaseTiles = 64;  // of the coarsest level that are loaded at once

QImage picture_of(const io::Image& tile) {
  const QImage view(tile.pixels.data(), tile.width, tile.height, 3 * tile.width, QImage::Format_RGB888);
  return view.convertToFormat(QImage::Format_RGB32);  // what the painter draws fastest; a copy of its own
}

}  // namespace

QImage TileCache::find(const TileKey& key) {
  const auto place = places_.find(key);
  if (place == places_.end()) return {};
  order_.splice(order_.begin(), order_, *place);
  return (*place)->second;
}

void TileCache::insert(const TileKey& key, QImage image) {
  if (contains(key)) return;
  bytes_ += image.sizeInBytes();
  order_.emplace_front(key, std::move(image));
  places_.insert(key, order_.begin());
  evict();
}

void TileCache::setLimit(qint64 bytes) {
  limit_ = bytes;
  evict();
}

void TileCache::evict() {
  while (bytes_ > limit_ && order_.size() > 1) {
    bytes_ -= order_.back().second.sizeInBytes();
    places_.remove(order_.back().first);
    order_.pop_back();
  }
}

TileLoader::TileLoader(std::shared_ptr<const pipeline::SlideView> slide, qint64 cache_bytes, QObject* parent)
    : QObject(parent),
      slide_(std::move(slide)),
      base_level_(static_cast<int>(slide_->info().levels.size()) - 1),
      cache_(cache_bytes) {
  want({});
  for (int i = 0; i < kThreads; ++i) threads_.emplace_back([this](std::stop_token stop) { work(std::move(stop)); });
}

TileLoader::~TileLoader() {
  for (std::jthread& thread : threads_) thread.request_stop();
  wake_.notify_all();
  threads_.clear();  // joins
}

void TileLoader::want(const QList<TileKey>& keys) {
  std::lock_guard lock(mutex_);
  waiting_.clear();
  const auto add = [&](const TileKey& key) {
    if (!has(key) && !failed(key) && !reading_.contains(key)) waiting_.push_back(key);
  };
  const auto& base = slide_->info().levels.back();
  const int columns = static_cast<int>((base.width - 1) / pipeline::SlideView::kTilePx) + 1;
  const int rows = static_cast<int>((base.height - 1) / pipeline::SlideView::kTilePx) + 1;
  if (columns * rows <= kMostBaseTiles)
    for (int row = 0; row < rows; ++row)
      for (int column = 0; column < columns; ++column) add({base_level_, column, row});
  for (const TileKey& key : keys) add(key);
  if (!waiting_.empty()) wake_.notify_all();
}

QImage TileLoader::tile(const TileKey& key) {
  return key.level == base_level_ ? base_.value(key) : cache_.find(key);
}

bool TileLoader::has(const TileKey& key) const {
  return key.level == base_level_ ? base_.contains(key) : cache_.contains(key);
}

bool TileLoader::idle() const {
  std::lock_guard lock(mutex_);
  return waiting_.empty() && reading_.isEmpty() && done_.isEmpty();
}

void TileLoader::work(std::stop_token stop) {
  while (true) {
    Done done;
    {
      std::unique_lock lock(mutex_);
      if (!wake_.wait(lock, stop, [this] { return !waiting_.empty(); })) return;
      done.key = waiting_.front();
      waiting_.pop_front();
      reading_.insert(done.key);
    }
    try {
      done.image = picture_of(slide_->read_tile(done.key.level, done.key.column, done.key.row, stop));
    } catch (const std::exception& error) {
      done.failure = failureOf(error).sentence;
    }
    std::lock_guard lock(mutex_);
    reading_.remove(done.key);
    done_.push_back(std::move(done));
    if (!std::exchange(announced_, true)) QMetaObject::invokeMethod(this, &TileLoader::collect, Qt::QueuedConnection);
  }
}

void TileLoader::collect() {
  QList<Done> done;
  {
    std::lock_guard lock(mutex_);
    done.swap(done_);
    announced_ = false;
  }
  for (Done& item : done) {
    if (item.image.isNull()) {
      failed_.insert(item.key);
      failure_ = item.failure;
    } else if (item.key.level == base_level_) {
      base_bytes_ += item.image.sizeInBytes();
      base_.insert(item.key, std::move(item.image));
    } else {
      cache_.insert(item.key, std::move(item.image));
    }
  }
  Q_EMIT arrived();
}

}  // namespace fovea::gui
