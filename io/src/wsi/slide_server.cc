// The helper's side: one slide, one request at a time.
#include <exception>

#include <unistd.h>

#include <nlohmann/json.hpp>

#include "wsi/slide_channel.h"

namespace fovea::io {
namespace {

using Json = nlohmann::json;
constexpr unsigned kPatienceSeconds = 300;  // a request that takes longer hangs; also ends an orphan

SlideOptions options_of(const Json& json) {
  SlideOptions options;
  if (json.contains("mpp")) options.mpp = json.at("mpp").get<double>();
  options.direct_tiles = json.at("direct_tiles").get<bool>();
  return options;
}

/// Runs `work`; the text to answer with: empty, or the error.
template <class Work>
std::string outcome(Work work) {
  try {
    work();
    return {};
  } catch (const Error& error) {
    return error_to_text(error);
  } catch (const std::exception& error) {
    return error_to_text(Error(ErrorCode::kCorrupt, "slide", error.what(), "Copy the slide again."));
  }
}

}  // namespace

int serve_slide(int socket, int memory, const SlideOpener& open) {
  const Channel channel(socket);
  SharedPixels pixels(memory);
  const auto first = channel.receive_text(-1);
  if (!first) return 1;
  std::unique_ptr<Slide> slide;
  alarm(kPatienceSeconds);
  const std::string opened = outcome([&] {
    const Json request = Json::parse(*first);
    slide = open(request.at("path").get<std::string>(), options_of(request));
  });
  alarm(0);
  if (!channel.send_text(opened) || !slide || !channel.send_text(info_to_text(slide->info()))) return 1;
  RegionRequest request;
  while (channel.receive(std::as_writable_bytes(std::span(&request, 1)), -1)) {
    alarm(kPatienceSeconds);
    const std::string read = outcome([&] {
      const std::size_t rgb = request.rgb_bytes(), opaque = request.opaque_bytes();
      const auto window = pixels.at_least(rgb + opaque, false);
      slide->read_region(static_cast<int>(request.level), request.x0, request.y0, request.width, request.height,
                         window.first(rgb), window.subspan(rgb, opaque));
    });
    alarm(0);
    if (!channel.send_text(read)) return 1;
  }
  return 0;
}

}  // namespace fovea::io
