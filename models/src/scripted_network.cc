#include <fovea/models/scripted_network.h>

#include <exception>
#include <mutex>
#include <utility>

#include <ATen/core/grad_mode.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <fovea/base/error.h>

namespace fovea::models {
namespace {

class Scripted final : public ScriptedNetwork {
 public:
  Scripted(torch::jit::Module module, std::string path) : module_(std::move(module)), path_(std::move(path)) {
    module_.eval();
  }

  at::Tensor run(const at::Tensor& input) const override {
    const at::NoGradGuard no_grad;
    // The profiling executor would recompile after the first calls: other bits for the same input.
    const torch::jit::GraphOptimizerEnabledGuard plain(false);
    std::lock_guard lock(mutex_);
    try {
      const c10::IValue result = module_.forward({input});
      if (result.isTensor()) return result.toTensor();
    } catch (const std::exception&) {
      // LibTorch's text is a stack trace of the file's own code.
    }
    throw Error(ErrorCode::kCorrupt, path_, "its program fails", "Fetch it again with ./run deps.");
  }

 private:
  mutable torch::jit::Module module_;
  mutable std::mutex mutex_;
  std::string path_;
};

}  // namespace

std::unique_ptr<ScriptedNetwork> load_scripted_network(const std::string& path) {
  try {
    return std::make_unique<Scripted>(torch::jit::load(path, at::kCPU), path);
  } catch (const std::exception&) {
    throw Error(ErrorCode::kCorrupt, path, "it is no TorchScript network that can be read",
                "Fetch it again with ./run deps.");
  }
}

}  // namespace fovea::models
