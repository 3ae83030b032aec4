// Outputs of a published weight file on a given bag: the whole way from the file as its authors saved it.
#include <ATen/core/grad_mode.h>

#include <fovea/base/error.h>

#include "model_store.h"
#include "selftest/case_file.h"

namespace fovea::pipeline::selftest {
namespace {

namespace fs = std::filesystem;

/// Beside the case, or in data/mil/checkpoints of a folder above it; nothing when it is in neither.
std::optional<fs::path> find_checkpoint(const CaseFile& file) {
  const fs::path name = file.text("checkpoint");
  fs::path folder = fs::absolute(file.path()).parent_path();
  if (fs::path beside = folder / name; fs::is_regular_file(beside)) return beside;
  for (; folder.has_relative_path(); folder = folder.parent_path())
    if (fs::path found = folder / "data/mil/checkpoints" / name; fs::is_regular_file(found)) return found;
  return {};
}

}  // namespace

void run_mil_checkpoint(const CaseFile& file, Expectations& expected, const RunOptions&) {
  const auto path = find_checkpoint(file);
  if (!path) {
    expected.close("the weights " + file.text("checkpoint") +
                   " are neither beside the case nor in data/mil/checkpoints");
    return;
  }
  const LoadedMil loaded = load_mil(*path);
  const at::NoGradGuard no_grad;
  const models::MilOutput output = loaded.model->forward(file.tensor("bag"));
  expected.check("attn_softmax_NxC", {output.attn_softmax.t()}, Quantity::kMilForward);
  expected.check("bag_embedding", {output.bag_embedding}, Quantity::kMilForward);
  expected.check("bag_logits", {output.bag_logits}, Quantity::kMilForward);
  expected.check("instance_logits", {output.instance_logits}, Quantity::kMilForward);
  expected.close("not computed by this version");
}

}  // namespace fovea::pipeline::selftest
