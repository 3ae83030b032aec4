#include "attention/ops/kernel_graph.h"

#include <utility>

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/custom_function.h>

#include <fovea/base/error.h>

namespace fovea::attention::ops {
namespace {

struct Tape : torch::CustomClassHolder {
  explicit Tape(KernelBackward of_run) : backward(std::move(of_run)) {}
  KernelBackward backward;
};

class KernelNode : public torch::autograd::Function<KernelNode> {
 public:
  /// A TensorList: of a vector, LibTorch would not see that it holds variables.
  static std::vector<at::Tensor> forward(torch::autograd::AutogradContext* context, const at::TensorList&,
                                         const std::function<KernelRun()>& run) {
    KernelRun done = run();
    context->saved_data["tape"] = c10::IValue::make_capsule(c10::make_intrusive<Tape>(std::move(done.backward)));
    return done.results;
  }
  static std::vector<at::Tensor> backward(torch::autograd::AutogradContext* context,
                                          const std::vector<at::Tensor>& upstream) {
    if (at::GradMode::is_enabled())
      throw Error(ErrorCode::kUsage, "attention", "its kernels have no second derivative",
                  "Use FOVEA_ATTENTION_BACKEND=reference.");
    const auto tape = context->saved_data["tape"].toCapsule();
    std::vector<at::Tensor> gradients = static_cast<Tape*>(tape.get())->backward(upstream);
    gradients.emplace_back();  // `run` is an argument too
    return gradients;
  }
};

}  // namespace

std::vector<at::Tensor> with_graph(const std::vector<at::Tensor>& inputs, const std::function<KernelRun()>& run) {
  return KernelNode::apply(at::TensorList(inputs), run);
}

}  // namespace fovea::attention::ops
