// fovea: parse, run, print. Everything else lives in the pipeline.
#include <clocale>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>

#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <fovea/base/error.h>
#include <fovea/io/atomic_file.h>
#include <fovea/pipeline/background_job.h>
#include <fovea/pipeline/job.h>

#include "command_line.h"
#include "interrupt.h"
#include "json_lines.h"
#include "progress_bar.h"

namespace {

using namespace fovea;

cli::ProgressStyle progress_style(const cli::Invocation& invocation) {
  if (invocation.json_progress) return cli::ProgressStyle::kJson;
  if (invocation.quiet) return cli::ProgressStyle::kNone;
  return isatty(STDERR_FILENO) ? cli::ProgressStyle::kTerminal : cli::ProgressStyle::kLines;
}

void print_result(const pipeline::JobResult& result, bool json) {
  if (json) {
    std::fputs(cli::json_result(result).c_str(), stdout);
    return;
  }
  std::fputs(result.text.c_str(), stdout);
  std::fflush(stdout);
  for (const std::string& notice : result.notices) std::fprintf(stderr, "note: %s\n", notice.c_str());
  for (const auto& path : result.outputs) std::printf("wrote %s\n", path.c_str());
}

int run(const cli::Invocation& invocation, pipeline::StatusFile* status, std::stop_token stop) {
  if (status) status->write(cli::json_progress({"starting", 0, -1, {}, {}}));
  if (!invocation.save_request.empty()) io::write_file(invocation.save_request, pipeline::to_json(invocation.request));
  pipeline::set_verbose(invocation.verbose);
  cli::ProgressBar bar(progress_style(invocation));
  const pipeline::JobResult result = pipeline::run_job(
      invocation.request,
      [&](const pipeline::Progress& p) {
        bar.show(p);
        if (status) status->write(cli::json_progress(p));
      },
      stop);
  bar.clear();
  if (status) status->write(cli::json_result(result));
  print_result(result, invocation.json_progress);
  // A report that never reached its reader (full disk behind a redirection) is a failure.
  if (std::fflush(stdout) != 0 || std::ferror(stdout) != 0)
    throw Error(ErrorCode::kWriteFailed, "standard output", "it could not be written", "Check the disk it goes to.");
  return result.exit_code;
}

/// A case of a batch or of a listener ends with it, however that ends. False when it is too late already.
bool parent_lives() {
  const char* parent = std::getenv("FOVEA_PARENT");
  if (!parent) return true;
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  const bool lives = ::getppid() == std::atoi(parent);
  ::unsetenv("FOVEA_PARENT");
  return lives;
}

}  // namespace

int main(int argc, char** argv) {
  if (!parent_lives()) return 130;
  cli::InterruptGuard interrupt;
  bool json = false;
  std::optional<pipeline::StatusFile> status;
  try {
    const cli::Parsed parsed = cli::parse_command_line(argc, argv);
    if (!parsed.invocation) return parsed.exit_code;
    json = parsed.invocation->json_progress;
    if (!parsed.invocation->status.empty()) status.emplace(parsed.invocation->status);
    return run(*parsed.invocation, status ? &*status : nullptr, interrupt.token());
  } catch (const std::exception& error) {
    const int code = pipeline::exit_code_of(error);
    if (json) std::fputs(cli::json_error(error, code).c_str(), stdout);
    if (status) status->write(cli::json_error(error, code));
    std::fprintf(stderr, "fovea: %s\n", error.what());
    return code;
  }
}
