// A slide reader that crashes, hangs or complains where a test wants it to: by the place that is read. Volumes it dies
// of at once.
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <thread>

#include "wsi/slide_channel.h"

namespace {

using namespace fovea;

class BadSlide final : public io::Slide {
 public:
  BadSlide() {
    info_.vendor = "bad";
    info_.levels.push_back({1000, 1000, 1, 0, 0});
    info_.bounds_width = info_.bounds_height = 1000;
  }
  const io::SlideInfo& info() const override { return info_; }
  void read_region(int, std::int64_t x0, std::int64_t, std::int64_t, std::int64_t, std::span<std::uint8_t> rgb,
                   std::span<std::uint8_t> opaque) const override {
    if (x0 == 1) std::raise(SIGSEGV);
    if (x0 == 2) std::abort();
    if (x0 == 3) std::exit(7);
    if (x0 == 4) throw Error(ErrorCode::kCorrupt, "slide", "this region is damaged", "Copy it again.");
    std::fill(rgb.begin(), rgb.end(), static_cast<std::uint8_t>(x0));
    std::fill(opaque.begin(), opaque.end(), std::uint8_t{255});
  }

 private:
  io::SlideInfo info_;
};

}  // namespace

int main(int count, char** arguments) {
  if (count > 1 && std::strcmp(arguments[1], "volume") == 0) std::raise(SIGSEGV);
  return io::serve_slide(io::kHelperSocket, io::kHelperMemory,
                         [](const std::filesystem::path& path, const io::SlideOptions&) -> std::unique_ptr<io::Slide> {
                           if (path.filename() == "crash-at-open.svs") std::raise(SIGSEGV);
                           return std::make_unique<BadSlide>();
                         });
}
