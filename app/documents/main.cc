// fovea-documents DIR: man pages and bash completion into DIR/man/man1 and DIR/bash-completion/completions. Run by the
// build.
#include <cstdio>
#include <exception>
#include <filesystem>

#include <fovea/io/atomic_file.h>

#include "../cli/program.h"
#include "documents.h"

int main(int argc, char** argv) {
  using namespace fovea;
  if (argc != 2) return 1;
  try {
    const std::filesystem::path out(argv[1]), man = out / "man/man1", completion = out / "bash-completion/completions";
    std::filesystem::remove_all(man);  // pages of commands that are gone
    std::filesystem::create_directories(man);
    std::filesystem::create_directories(completion);
    const cli::Program program;
    for (const auto& [name, text] : documents::man_pages(program.app, pipeline::version()))
      io::write_file(man / name, text);
    io::write_file(completion / "fovea", documents::bash_completion(program.app, documents::option_choices()));
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "fovea-documents: %s\n", error.what());
    return 1;
  }
}
