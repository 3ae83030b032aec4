#include "volume/isolated_volume.h"

#include <algorithm>
#include <new>
#include <span>

#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

#include "core/helper.h"
#include "wsi/slide_channel.h"

namespace fovea::io {
namespace {

namespace fs = std::filesystem;
using Json = nlohmann::json;
constexpr int kPatienceMs = 900'000;
constexpr rlim_t kMostProcessorSeconds = 600;
constexpr double kProgram = 2.0 * (1 << 30), kMostMemory = 64.0 * (1 << 30);  // libraries; what no option lifts

class Helper {
 public:
  Helper() : Helper(make_helper_ends()) {}
  ~Helper() {
    if (child_ >= 0) end_helper(child_, true);
    ::close(memory_);
  }
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;

  const Channel& channel() const { return channel_; }
  int memory() const { return memory_; }
  std::string last_words() {
    const int status = end_helper(std::exchange(child_, -1), false);
    return "the decoder " + helper_end_words(status);
  }

 private:
  explicit Helper(const HelperEnds& ends) : channel_(ends.ours), memory_(ends.memory) {
    struct Closed {
      int descriptor;
      ~Closed() { ::close(descriptor); }
    } theirs{ends.theirs};
    child_ = start_helper("volume", ends);
  }
  Channel channel_;
  int memory_;
  pid_t child_ = -1;
};

std::string request_text(const fs::path& path, const VolumeReadOptions& options) {
  Json request{{"path", fs::absolute(path).string()},
               {"series", options.series},
               {"irregular", options.accept_irregular_slices},
               {"max_bytes", std::min(options.max_bytes, kMostMemory)}};
  if (options.volume_index) request["index"] = *options.volume_index;
  return request.dump();
}

std::string head_text(const Volume& volume) {
  const Geometry& g = volume.geometry;
  return Json{{"size", g.size},
              {"spacing", g.spacing_mm},
              {"origin", g.origin_mm},
              {"direction", g.direction},
              {"notices", volume.notices},
              {"modality", volume.modality},
              {"hash", volume.content_hash}}
      .dump(-1, ' ', false, Json::error_handler_t::replace);
}

/// What the helper says is as little to be trusted as the file.
Volume volume_from(const std::string& text, int memory) {
  const Json json = Json::parse(text);
  Volume volume;
  json.at("size").get_to(volume.geometry.size), json.at("spacing").get_to(volume.geometry.spacing_mm);
  json.at("origin").get_to(volume.geometry.origin_mm), json.at("direction").get_to(volume.geometry.direction);
  json.at("notices").get_to(volume.notices), json.at("modality").get_to(volume.modality);
  json.at("hash").get_to(volume.content_hash);
  struct stat facts {};
  double voxels = 1;
  for (const std::int64_t size : volume.geometry.size) voxels *= static_cast<double>(std::max<std::int64_t>(size, 0));
  if (::fstat(memory, &facts) != 0 || static_cast<double>(facts.st_size) != voxels * sizeof(float))
    throw std::runtime_error("voxels and size differ");
  volume.values.resize(static_cast<std::size_t>(volume.geometry.voxels()));
  const std::span<std::byte> bytes = std::as_writable_bytes(std::span(volume.values));
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t got = ::pread(memory, bytes.data() + done, bytes.size() - done, static_cast<off_t>(done));
    if (got <= 0) throw std::runtime_error("the voxels end early");
    done += static_cast<std::size_t>(got);
  }
  return volume;
}

void limit(__rlimit_resource what, double most) {
  const rlimit limits{static_cast<rlim_t>(most), static_cast<rlim_t>(most)};
  setrlimit(what, &limits);
}

/// Everything that is held to decode `max_bytes` is estimated below them; the voxels go into the memory file.
void take_limits(double max_bytes) {
  limit(RLIMIT_DATA, max_bytes + kProgram);  // RLIMIT_AS counts what threads of a large machine only reserve
  limit(RLIMIT_FSIZE, max_bytes);
  limit(RLIMIT_CPU, static_cast<double>(kMostProcessorSeconds));
  limit(RLIMIT_CORE, 0);
}

void hand_over(const Volume& volume, int memory) {
  const std::span<const std::byte> bytes = std::as_bytes(std::span(volume.values));
  for (std::size_t done = 0; done < bytes.size();) {
    const ssize_t written = ::write(memory, bytes.data() + done, bytes.size() - done);
    if (written <= 0) throw std::bad_alloc();
    done += static_cast<std::size_t>(written);
  }
}

}  // namespace

Volume read_volume_apart(const fs::path& path, const VolumeReadOptions& options) {
  const auto lost = [&](const std::string& how) {
    return Error(ErrorCode::kCorrupt, path.string(), "the volume cannot be read (" + how + ")",
                 "Copy it again; the file is damaged.");
  };
  Helper helper;
  helper.channel().send_text(request_text(path, options));
  const auto answer = helper.channel().receive_text(kPatienceMs);
  if (!answer) throw lost(helper.last_words());
  try {
    if (const auto error = error_from_text(*answer)) throw *error;
    const auto head = helper.channel().receive_text(kPatienceMs);
    if (!head) throw lost(helper.last_words());
    return volume_from(*head, helper.memory());
  } catch (const Error&) {
    throw;
  } catch (const std::exception&) {
    throw lost("the decoder answers nonsense");
  }
}

int serve_volume(int socket, int memory) {
  const Channel channel(socket);
  const auto text = channel.receive_text(-1);
  if (!text) return 1;
  const Json request = Json::parse(*text);
  VolumeReadOptions options;
  options.series = request.at("series"), options.accept_irregular_slices = request.at("irregular");
  options.max_bytes = request.at("max_bytes");
  if (request.contains("index")) options.volume_index = request.at("index").get<int>();
  const fs::path path = request.at("path").get<std::string>();
  take_limits(options.max_bytes);
  std::string problem, head;
  try {
    const Volume volume = read_volume(path, options);
    hand_over(volume, memory);
    head = head_text(volume);
  } catch (const Error& error) {
    problem = error_to_text(error);
  } catch (const std::bad_alloc&) {
    problem = error_to_text(Error(ErrorCode::kOutOfMemory, path.string(), "decoding it takes more memory than it may",
                                  "Raise --max-memory-gb if the volume is what it should be."));
  } catch (const std::exception& error) {
    problem = error_to_text(Error(ErrorCode::kCorrupt, path.string(), error.what(), "Copy it again."));
  }
  return channel.send_text(problem) && problem.empty() && channel.send_text(head) ? 0 : 1;
}

}  // namespace fovea::io
