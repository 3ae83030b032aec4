#include "core/hdf5_sink.h"

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <map>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace fovea::io::h5 {
namespace {

struct Sink {
  H5FD_t base{};  // first: the library sees only this
  int descriptor = -1;
  haddr_t end_of_addresses = 0, end_of_file = 0;
  int error = 0;                                       // of the first write that was refused
  std::map<haddr_t, std::vector<unsigned char>> kept;  // what was refused, by place
};
Sink& sink(H5FD_t* file) {
  return *reinterpret_cast<Sink*>(file);
}
const Sink& sink(const H5FD_t* file) {
  return *reinterpret_cast<const Sink*>(file);
}

H5FD_t* open_sink(const char* name, unsigned, hid_t, haddr_t) {
  const int descriptor = ::open(name, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (descriptor < 0) return nullptr;
  auto* made = new Sink;
  made->descriptor = descriptor;
  return &made->base;
}

herr_t close_sink(H5FD_t* file) {
  ::close(sink(file).descriptor);
  delete &sink(file);
  return 0;
}

/// 0, or why not everything was written.
int write_all(int descriptor, const unsigned char* bytes, std::size_t size, haddr_t place) {
  while (size > 0) {
    const ssize_t written = ::pwrite(descriptor, bytes, size, static_cast<off_t>(place));
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return written < 0 ? errno : EIO;
    bytes += written, size -= static_cast<std::size_t>(written), place += static_cast<haddr_t>(written);
  }
  return 0;
}

herr_t write_sink(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t place, std::size_t size, const void* data) {
  Sink& s = sink(file);
  const auto* bytes = static_cast<const unsigned char*>(data);
  if (s.error == 0) s.error = write_all(s.descriptor, bytes, size, place);
  if (s.error != 0) s.kept[place].assign(bytes, bytes + size);
  s.end_of_file = std::max(s.end_of_file, place + size);
  return 0;
}

herr_t read_sink(H5FD_t* file, H5FD_mem_t, hid_t, haddr_t place, std::size_t size, void* data) {
  const Sink& s = sink(file);
  auto* bytes = static_cast<unsigned char*>(data);
  std::memset(bytes, 0, size);
  for (std::size_t done = 0; done < size;) {
    const ssize_t got = ::pread(s.descriptor, bytes + done, size - done, static_cast<off_t>(place + done));
    if (got < 0 && errno == EINTR) continue;
    if (got <= 0) break;  // behind what is on the disk
    done += static_cast<std::size_t>(got);
  }
  for (const auto& [start, kept] : s.kept) {
    const haddr_t first = std::max(start, place), last = std::min(start + kept.size(), place + size);
    if (first < last)
      std::copy(kept.begin() + static_cast<std::ptrdiff_t>(first - start),
                kept.begin() + static_cast<std::ptrdiff_t>(last - start), bytes + (first - place));
  }
  return 0;
}

herr_t truncate_sink(H5FD_t* file, hid_t, hbool_t) {
  Sink& s = sink(file);
  if (s.error == 0 && ::ftruncate(s.descriptor, static_cast<off_t>(s.end_of_addresses)) != 0) s.error = errno;
  s.end_of_file = s.end_of_addresses;
  return 0;
}

hid_t driver() {
  static const H5FD_class_t kClass = [] {
    H5FD_class_t c{};
    c.name = "fovea sink";
    c.maxaddr = (haddr_t{1} << 62) - 1;
    c.fc_degree = H5F_CLOSE_WEAK;
    c.open = open_sink, c.close = close_sink, c.read = read_sink, c.write = write_sink, c.truncate = truncate_sink;
    c.query = [](const H5FD_t*, unsigned long* flags) -> herr_t {
      *flags = H5FD_FEAT_AGGREGATE_METADATA | H5FD_FEAT_ACCUMULATE_METADATA | H5FD_FEAT_DATA_SIEVE |
               H5FD_FEAT_AGGREGATE_SMALLDATA | H5FD_FEAT_DEFAULT_VFD_COMPATIBLE;
      return 0;
    };
    c.get_eoa = [](const H5FD_t* file, H5FD_mem_t) { return sink(file).end_of_addresses; };
    c.set_eoa = [](H5FD_t* file, H5FD_mem_t, haddr_t end) -> herr_t {
      sink(file).end_of_addresses = end;
      return 0;
    };
    c.get_eof = [](const H5FD_t* file, H5FD_mem_t) { return sink(file).end_of_file; };
    c.get_handle = [](H5FD_t* file, hid_t, void** handle) -> herr_t {
      *handle = file;
      return 0;
    };
    const H5FD_mem_t map[] = H5FD_FLMAP_DICHOTOMY;
    std::copy(std::begin(map), std::end(map), c.fl_map);
    return c;
  }();
  static const hid_t id = H5FDregister(&kClass);
  return id;
}

}  // namespace

Handle create_file(const std::filesystem::path& path) {
  silence();
  const Handle access(H5Pcreate(H5P_FILE_ACCESS), H5Pclose);
  H5Pset_driver(access, driver(), nullptr);
  Handle file(H5Fcreate(path.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, access), H5Fclose);
  if (!file) throw std::system_error(errno ? errno : EIO, std::generic_category(), "the HDF5 file cannot be made");
  return file;
}

void check_written(hid_t object) {
  const Handle file(H5Iget_file_id(object), H5Fclose);
  void* handle = nullptr;
  if (H5Fget_vfd_handle(file, H5P_DEFAULT, &handle) < 0 || !handle) return;
  if (const int error = static_cast<Sink*>(handle)->error)
    throw std::system_error(error, std::generic_category(), "the disk did not take it");
}

void flush(hid_t file) {
  if (H5Fflush(file, H5F_SCOPE_GLOBAL) < 0) throw std::runtime_error("the file cannot be completed");
  check_written(file);
}

}  // namespace fovea::io::h5
