// A whole scan through the product's own job, compared stage by stage.
#include <algorithm>
#include <optional>

#include <stdlib.h>

#include <fovea/base/error.h>
#include <fovea/pipeline/job.h>

#include "selftest/case_file.h"
#include "tensor_bridge.h"

namespace fovea::pipeline::selftest {
namespace {

namespace fs = std::filesystem;

class ScratchFolder {
 public:
  ScratchFolder() {
    std::string pattern = (fs::temp_directory_path() / "fovea-selftest-XXXXXX").string();
    if (!::mkdtemp(pattern.data()))
      throw Error(ErrorCode::kWriteFailed, pattern, "the self-test has no room for its results",
                  "Set TMPDIR to a folder that can be written to.");
    path_ = pattern;
  }
  ~ScratchFolder() {
    std::error_code ignored;
    fs::remove_all(path_, ignored);
  }
  const fs::path& path() const { return path_; }

 private:
  fs::path path_;
};

/// What lies beside the expected values: a Raidionics model folder, `input0`, `input1`, ... and perhaps a brain mask.
struct ScanFiles {
  fs::path model;
  std::vector<std::string> volumes;
  std::string brain_mask;
};

bool is_nifti(const std::string& name) {
  return ends_with(name, ".nii.gz") || ends_with(name, ".nii");
}

ScanFiles files_beside(const fs::path& expected) {
  ScanFiles found;
  const fs::path folder = fs::absolute(expected).parent_path();
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && fs::exists(entry.path() / "pre_processing.ini")) found.model = entry.path();
    if (!is_nifti(name)) continue;
    if (starts_with(name, "input"))
      found.volumes.push_back(entry.path().string());
    else
      found.brain_mask = entry.path().string();
  }
  std::sort(found.volumes.begin(), found.volumes.end());
  if (found.model.empty() || found.volumes.empty())
    throw Error(ErrorCode::kNotFound, folder.string(),
                "beside the expected values there is no model folder or no input volume",
                "Keep the case in the folder it came in.");
  return found;
}

/// Pieces of the pipeline by what they are, not by which fixture holds them.
Quantity quantity_of(const std::string& name, bool integral) {
  if (integral) return Quantity::kExact;
  if (ends_with(name, "affine")) return Quantity::kPipelineGeometry;
  if (starts_with(name, "final.")) return Quantity::kPipelineProbability;
  if (starts_with(name, "net.")) return Quantity::kPipelineSoftmax;
  return Quantity::kPipelineImage;
}

}  // namespace

void run_scan_case(const CaseFile& file, Expectations& expected, const RunOptions& options) {
  const ScanFiles files = files_beside(file.path());
  const ScratchFolder scratch;
  const fs::path dump = scratch.path() / "dump.safetensors";
  JobRequest request{"mri segment",
                     {{"volumes", files.volumes},
                      {"model", files.model.string()},
                      {"out", (scratch.path() / "out").string()},
                      {"compat", std::string("raidionics")},
                      {"dump", dump.string()}}};
  if (!files.brain_mask.empty()) request.values["brain-mask"] = files.brain_mask;
  if (options.device.is_cuda()) request.values["device"] = std::string("cuda");
  run_job(request, {}, options.stop);
  const io::WeightFile dumped = io::read_safetensors(dump);
  for (const auto& [name, array] : dumped.tensors) {
    if (!expected.wants(name)) continue;
    const at::Tensor actual = to_tensor(array);
    expected.check(name, {actual}, quantity_of(name, !file.tensor(name).is_floating_point()));
  }
  expected.close("the pipeline wrote no such intermediate");
}

}  // namespace fovea::pipeline::selftest
