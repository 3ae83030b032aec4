// What 3D Slicer starts: answers --xml by itself, else becomes the real program in an environment without Slicer's
// libraries. Linked statically, so that no LD_LIBRARY_PATH or LD_PRELOAD can break it; exec keeps the process id, which
// is what cancelling kills.
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <unistd.h>

// The .xml made from the modules' table, as it is.
asm(".section .rodata\n"
    ".global fovea_description, fovea_description_end\n"
    "fovea_description: .incbin \"" FOVEA_DESCRIPTION
    "\"\n"
    "fovea_description_end:\n"
    ".previous\n");
extern "C" const char fovea_description[], fovea_description_end[];

namespace {

// Slicer's launcher points these into Slicer.
constexpr const char* kForeign[] = {"LD_LIBRARY_PATH", "LD_PRELOAD", "QT_PLUGIN_PATH",   "QT_QPA_PLATFORM_PLUGIN_PATH",
                                    "PYTHONHOME",      "PYTHONPATH", "PYTHONNOUSERSITE", "ITK_AUTOLOAD_PATH"};
// From the launcher's folder: the Slicer folder and the build tree; an installation below lib/fovea/slicer.
constexpr const char* kPrograms[] = {"../bin/fovea-slicer-job", "../../../../bin/fovea-slicer-job"};

std::string own_folder() {
  char path[4096];
  const ssize_t length = ::readlink("/proc/self/exe", path, sizeof path - 1);
  std::string text(path, length > 0 ? static_cast<std::size_t>(length) : 0);
  return text.substr(0, text.rfind('/') + 1);
}

int describe() {
  const char* at = fovea_description;
  while (at < fovea_description_end) {
    const ssize_t written = ::write(STDOUT_FILENO, at, static_cast<std::size_t>(fovea_description_end - at));
    if (written <= 0) return 1;
    at += written;
  }
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i)
    if (std::strcmp(argv[i], "--xml") == 0) return describe();
  for (const char* name : kForeign) ::unsetenv(name);
  for (const char* program : kPrograms) {
    const std::string path = own_folder() + program;
    if (::access(path.c_str(), X_OK) != 0) continue;
    std::string name = FOVEA_MODULE;
    std::vector<char*> words{const_cast<char*>(path.c_str()), name.data()};
    words.insert(words.end(), argv + 1, argv + argc + 1);  // with the closing null
    ::execv(path.c_str(), words.data());
    std::perror(path.c_str());
    return 3;
  }
  std::fprintf(stderr,
               "%s: fovea-slicer-job is not in the bin folder beside this one. Unpack the whole Fovea folder.\n",
               FOVEA_MODULE);
  return 3;
}
