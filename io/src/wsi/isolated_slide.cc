// A slide whose decoding happens in helper processes: what crashes or hangs there is an error here.
#include <mutex>
#include <vector>

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "wsi/slide_channel.h"
#include "wsi/slide_readers.h"

namespace fovea::io {
namespace {

namespace fs = std::filesystem;
constexpr int kPatienceMs = 120'000;

/// One child with the slide open in it.
class Helper {
 public:
  explicit Helper(const HelperEnds& ends)
      : channel_(ends.ours), pixels_(ends.memory), child_(start_helper("slide", ends)) {
    ::close(ends.theirs);
  }
  ~Helper() { end(); }
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;

  /// Nothing when the child died: how() tells.
  std::optional<SlideInfo> open(const fs::path& path, const SlideOptions& options) {
    nlohmann::json request{{"path", fs::absolute(path).string()}, {"direct_tiles", options.direct_tiles}};
    if (options.mpp) request["mpp"] = *options.mpp;
    channel_.send_text(request.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace));
    if (!answered()) return {};
    const auto info = channel_.receive_text(kPatienceMs);
    if (!info) return lost(), std::nullopt;
    return info_from_text(*info);
  }
  bool read(const RegionRequest& request, std::span<std::uint8_t> rgb, std::span<std::uint8_t> opaque) {
    const auto window = pixels_.at_least(request.rgb_bytes() + request.opaque_bytes(), true);
    channel_.send(std::as_bytes(std::span(&request, 1)));
    if (!answered()) return false;
    std::copy_n(window.begin(), rgb.size(), rgb.begin());
    std::copy_n(window.begin() + static_cast<std::ptrdiff_t>(rgb.size()), opaque.size(), opaque.begin());
    return true;
  }
  const std::string& how() const { return how_; }

 private:
  /// Throws the error that the child reports.
  bool answered() {
    const auto answer = channel_.receive_text(kPatienceMs);
    if (!answer) return lost(), false;
    if (const auto error = error_from_text(*answer)) throw *error;
    return true;
  }
  void lost() {
    alive_ = false;
    const int status = end();
    how_ = "the decoder " + helper_end_words(status);
  }
  int end() {
    if (child_ < 0) return 0;
    const int status = end_helper(child_, alive_);
    child_ = -1;
    return status;
  }

  Channel channel_;
  SharedPixels pixels_;
  pid_t child_;
  bool alive_ = true;  // as far as we know: nobody waits for its farewell
  std::string how_;
};

class IsolatedSlide final : public Slide {
 public:
  IsolatedSlide(fs::path path, const SlideOptions& options) : path_(std::move(path)), options_(options) {
    auto helper = std::make_unique<Helper>(make_helper_ends());
    auto info = helper->open(path_, options_);
    if (!info)
      throw Error(ErrorCode::kCorrupt, path_.string(), "the slide cannot be opened (" + helper->how() + ")",
                  "Copy it again; the file is damaged.");
    info_ = std::move(*info);
    idle_.push_back(std::move(helper));
  }
  const SlideInfo& info() const override { return info_; }

  void read_region(int level, std::int64_t x0, std::int64_t y0, std::int64_t width, std::int64_t height,
                   std::span<std::uint8_t> rgb, std::span<std::uint8_t> opaque) const override {
    read({level, x0, y0, width, height, opaque.empty() ? std::uint8_t{0} : std::uint8_t{1}, 0}, rgb, opaque);
  }
  void read_level(int level, std::int64_t x, std::int64_t y, std::int64_t width, std::int64_t height,
                  std::span<std::uint8_t> rgb, std::span<std::uint8_t> opaque) const override {
    read({level, x, y, width, height, opaque.empty() ? std::uint8_t{0} : std::uint8_t{1}, 1}, rgb, opaque);
  }

 private:
  void read(const RegionRequest& request, std::span<std::uint8_t> rgb, std::span<std::uint8_t> opaque) const {
    if (rgb.size() != request.rgb_bytes() || opaque.size() != request.opaque_bytes())
      throw Error(ErrorCode::kInternal, path_.string(), "a region was asked for that does not exist");
    std::unique_ptr<Helper> helper = take();
    bool alive = false;
    try {
      alive = helper->read(request, rgb, opaque);
    } catch (const Error&) {
      give_back(std::move(helper));  // it reported the error, and is well
      throw;
    }
    if (!alive)
      throw Error(ErrorCode::kCorrupt, path_.string(),
                  "level " + std::to_string(request.level) + " cannot be read at x " + std::to_string(request.x0) +
                      ", y " + std::to_string(request.y0) + " (" + helper->how() + ")",
                  "Copy the slide again, or pass --allow-unreadable-tiles.");
    give_back(std::move(helper));
  }

  void give_back(std::unique_ptr<Helper> helper) const {
    std::lock_guard lock(mutex_);
    idle_.push_back(std::move(helper));
  }
  /// As many helpers as there are readers at once.
  std::unique_ptr<Helper> take() const {
    {
      std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        auto helper = std::move(idle_.back());
        idle_.pop_back();
        return helper;
      }
    }
    auto helper = std::make_unique<Helper>(make_helper_ends());
    if (!helper->open(path_, options_))
      throw Error(ErrorCode::kCorrupt, path_.string(), "the slide cannot be opened again (" + helper->how() + ")",
                  "Copy it again; the file is damaged.");
    return helper;
  }

  fs::path path_;
  SlideOptions options_;
  SlideInfo info_;
  mutable std::mutex mutex_;
  mutable std::vector<std::unique_ptr<Helper>> idle_;
};

}  // namespace

std::unique_ptr<Slide> open_isolated(const fs::path& path, const SlideOptions& options) {
  return std::make_unique<IsolatedSlide>(path, options);
}

}  // namespace fovea::io
