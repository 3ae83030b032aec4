#include "wsi/slide_channel.h"

#include <poll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cerrno>

#include <nlohmann/json.hpp>

namespace fovea::io {
namespace {

using Json = nlohmann::json;
constexpr std::uint64_t kMaxText = 64 << 20;

}  // namespace

Channel::~Channel() {
  ::close(socket_);
}

bool Channel::send(std::span<const std::byte> bytes) const {
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t count = ::send(socket_, bytes.data() + done, bytes.size() - done, MSG_NOSIGNAL);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

bool Channel::send_text(const std::string& text) const {
  const std::uint64_t length = text.size();
  return send(std::as_bytes(std::span(&length, 1))) && send(std::as_bytes(std::span(text)));
}

bool Channel::receive(std::span<std::byte> bytes, int timeout_ms) const {
  for (std::size_t done = 0; done < bytes.size();) {
    pollfd waiting{socket_, POLLIN, 0};
    const int ready = ::poll(&waiting, 1, timeout_ms);
    if (ready < 0 && errno == EINTR) continue;
    if (ready <= 0) return false;
    const ssize_t count = ::recv(socket_, bytes.data() + done, bytes.size() - done, 0);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    done += static_cast<std::size_t>(count);
  }
  return true;
}

std::optional<std::string> Channel::receive_text(int timeout_ms) const {
  std::uint64_t length = 0;
  if (!receive(std::as_writable_bytes(std::span(&length, 1)), timeout_ms) || length > kMaxText) return {};
  std::string text(length, '\0');
  if (!receive(std::as_writable_bytes(std::span(text)), timeout_ms)) return {};
  return text;
}

SharedPixels::~SharedPixels() {
  if (address_) ::munmap(address_, size_);
  ::close(file_);
}

std::span<std::uint8_t> SharedPixels::at_least(std::size_t bytes, bool grow) {
  if (bytes <= size_) return {address_, size_};
  if (address_) ::munmap(address_, size_);
  address_ = nullptr, size_ = 0;
  void* mapped = MAP_FAILED;
  if (!grow || ::ftruncate(file_, static_cast<off_t>(bytes)) == 0)
    mapped = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
  if (mapped == MAP_FAILED)
    throw Error(ErrorCode::kOutOfMemory, "slide reader", "no memory to hand over a region",
                "Close other programs, or lower the size of tiles.");
  address_ = static_cast<std::uint8_t*>(mapped), size_ = bytes;
  return {address_, size_};
}

std::string info_to_text(const SlideInfo& info) {
  Json json{{"vendor", info.vendor},         {"tried", info.scale_tried},         {"bounds_x", info.bounds_x},
            {"bounds_y", info.bounds_y},     {"bounds_width", info.bounds_width}, {"bounds_height", info.bounds_height},
            {"background", info.background}, {"identity", info.identity},         {"notices", info.notices},
            {"levels", Json::array()}};
  for (const SlideLevel& level : info.levels)
    json["levels"].push_back({level.width, level.height, level.downsample, level.tile_width, level.tile_height});
  if (info.objective_power) json["power"] = *info.objective_power;
  if (info.scale)
    json["scale"] = {info.scale->mpp, info.scale->mpp_x, info.scale->mpp_y, info.scale->source, info.scale->estimated};
  // Properties may hold any bytes.
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

SlideInfo info_from_text(const std::string& text) {
  const Json json = Json::parse(text);
  SlideInfo info;
  json.at("vendor").get_to(info.vendor), json.at("tried").get_to(info.scale_tried);
  json.at("bounds_x").get_to(info.bounds_x), json.at("bounds_y").get_to(info.bounds_y);
  json.at("bounds_width").get_to(info.bounds_width), json.at("bounds_height").get_to(info.bounds_height);
  json.at("background").get_to(info.background), json.at("identity").get_to(info.identity);
  json.at("notices").get_to(info.notices);
  for (const Json& level : json.at("levels"))
    info.levels.push_back({level.at(0), level.at(1), level.at(2), level.at(3), level.at(4)});
  if (json.contains("power")) info.objective_power = json.at("power").get<double>();
  if (json.contains("scale")) {
    const Json& scale = json.at("scale");
    info.scale = PixelScale{scale.at(0), scale.at(1), scale.at(2), scale.at(3), scale.at(4)};
  }
  return info;
}

std::string error_to_text(const Error& error) {
  return Json{{"code", static_cast<int>(error.code())},
              {"subject", error.subject()},
              {"problem", error.problem()},
              {"remedy", error.remedy()}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

std::optional<Error> error_from_text(const std::string& text) {
  if (text.empty()) return {};
  const Json json = Json::parse(text);
  return Error(static_cast<ErrorCode>(json.at("code").get<int>()), json.at("subject").get<std::string>(),
               json.at("problem").get<std::string>(), json.at("remedy").get<std::string>());
}

}  // namespace fovea::io
