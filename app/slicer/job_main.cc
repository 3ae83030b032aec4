// fovea-slicer-job MODULE ...: a 3D Slicer module's command line. The launcher beside a module's .xml starts it.
#include <algorithm>
#include <cstdio>
#include <exception>
#include <optional>
#include <string>
#include <vector>

#include <unistd.h>

#include <fovea/base/error.h>
#include <fovea/pipeline/job.h>

#include "../cli/interrupt.h"
#include "arguments.h"
#include "description.h"
#include "products.h"
#include "progress_tags.h"
#include "work_folder.h"

namespace {

using namespace fovea;
namespace fs = std::filesystem;

constexpr double kJobShare = 0.95;  // of the progress bar; the rest hands the results over
constexpr int kUsageExitCode = 2;

/// Slicer shows every byte of stderr as an error, also after a good run: what libraries print there becomes output of
/// the module, and only our own last word goes to the real stderr.
class ErrorChannel {
 public:
  ErrorChannel() : real_(::dup(STDERR_FILENO)) { ::dup2(STDOUT_FILENO, STDERR_FILENO); }
  ~ErrorChannel() { ::close(real_); }
  void say(const std::string& module, std::string sentence) const {
    for (char& c : sentence)
      if (c == '\n') c = ' ';
    ::dprintf(real_, "%s: %s\n", module.c_str(), sentence.c_str());
  }

 private:
  int real_;
};

/// The first file that was asked for: the job works beside it.
fs::path first_output(const slicer::Module& module, const slicer::Arguments& arguments) {
  for (const slicer::ParameterGroup& group : module.groups)
    for (const slicer::ModuleParameter& parameter : group.parameters)
      if (slicer::is_output(parameter.role))
        if (const fs::path path = arguments.output(module, parameter.role); !path.empty()) return path;
  return {};
}

int run(const slicer::Module& module, const slicer::Arguments& arguments, std::stop_token stop) {
  slicer::ProgressTags tags(kJobShare);
  tags.start(module.title);
  fs::path results = arguments.output(module, slicer::Role::kResultsFolder);
  std::optional<slicer::WorkFolder> work;
  if (results.empty()) {
    work.emplace(first_output(module, arguments));
    results = work->path();
  }
  const pipeline::JobResult result = pipeline::run_job(
      slicer::request_of(module, arguments, results), [&](const pipeline::Progress& p) { tags.show(p); }, stop);
  tags.show({"handing over", 1, -1, {}, {}});
  const slicer::ReturnValues values = slicer::deliver(module, arguments, results, result);
  slicer::write_return_values(arguments.return_file, values);
  slicer::say(result.text);
  for (const std::string& notice : result.notices) slicer::say("note: " + notice + "\n");
  tags.finish();
  return result.exit_code;
}

int answer(const std::string& name, const std::vector<std::string>& words, std::stop_token stop) {
  const slicer::Module& module = slicer::module(name);
  const slicer::Arguments arguments = slicer::parse_arguments(module, words);
  using Ask = slicer::Arguments::Ask;
  switch (arguments.ask) {
    case Ask::kXml: slicer::say(slicer::description_xml(module)); return 0;
    case Ask::kHelp: slicer::say(slicer::help_text(module)); return 0;
    case Ask::kVersion: slicer::say(module.name + " " + pipeline::version() + "\n"); return 0;
    case Ask::kRun: return run(module, arguments, stop);
  }
  return kUsageExitCode;
}

}  // namespace

int main(int argc, char** argv) {
  cli::InterruptGuard interrupt;
  const ErrorChannel errors;
  const std::string name = argc > 1 ? argv[1] : "";
  try {
    return answer(name, {argv + std::min(argc, 2), argv + argc}, interrupt.token());
  } catch (const Error& error) {
    errors.say(name, error.what());
    return error.code() == ErrorCode::kUsage ? kUsageExitCode : pipeline::exit_code_of(error);
  } catch (const std::exception& error) {
    errors.say(name, error.what());
    return pipeline::exit_code_of(error);
  }
}
