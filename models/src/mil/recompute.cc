#include "mil/recompute.h"

#include <utility>

#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/csrc/autograd/custom_function.h>

namespace fovea::models::mil {
namespace {

using Body = std::function<std::vector<at::Tensor>()>;

struct Kept : torch::CustomClassHolder {
  explicit Kept(Body of_node) : body(std::move(of_node)) {}
  Body body;
};

class Recomputed : public torch::autograd::Function<Recomputed> {
 public:
  static std::vector<at::Tensor> forward(torch::autograd::AutogradContext* context, const at::TensorList& parameters,
                                         const Body& body) {
    context->save_for_backward(parameters.vec());
    context->saved_data["body"] = c10::IValue::make_capsule(c10::make_intrusive<Kept>(body));
    const at::NoGradGuard no_grad;
    return body();
  }
  static std::vector<at::Tensor> backward(torch::autograd::AutogradContext* context,
                                          const std::vector<at::Tensor>& upstream) {
    const std::vector<at::Tensor> parameters = context->get_saved_variables();
    const auto kept = context->saved_data["body"].toCapsule();
    const at::AutoGradMode with_gradients(true);
    std::vector<at::Tensor> gradients =
        torch::autograd::grad(static_cast<Kept*>(kept.get())->body(), parameters, upstream, false, false, true);
    gradients.emplace_back();  // `body` is an argument too
    return gradients;
  }
};

}  // namespace

std::vector<at::Tensor> recomputed(const std::vector<at::Tensor>& parameters, const Body& body) {
  return Recomputed::apply(at::TensorList(parameters), body);
}

}  // namespace fovea::models::mil
