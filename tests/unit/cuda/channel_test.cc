// Channel attention's CUDA kernels under emulation, against the definition.
#include <array>
#include <cmath>

#include "attention/ops/dual.h"
#include "kernel_checks.h"

namespace {

using namespace fovea::attention;
using namespace fovea::attention::testing_tools;

class EmulatedChannels : public testing::TestWithParam<ChannelForm> {
 protected:
  EmulatedChannels() { at::manual_seed(37); }
  const EmulatedDevice device_;
};

at::Tensor defined(const at::Tensor& x, const at::Tensor& gamma, ChannelForm form) {
  return ops::reference_channel(x, ops::weights_of_energy(ops::reference_energy(x), form), gamma, form);
}
at::Tensor on_device(const at::Tensor& x, const at::Tensor& gamma, ChannelForm form) {
  return ops::cuda_channel(x, ops::weights_of_energy(ops::cuda_energy(x), form), gamma, form);
}

TEST_P(EmulatedChannels, AgreeWithTheDefinition) {
  using Shape = std::array<std::int64_t, 3>;
  for (const Shape& shape : {Shape{2, 5, 90}, Shape{1, 70, 33}, Shape{1, 3, 4200}, Shape{1, 1, 1}}) {
    // Energies of a few units: one-hot weights would have no gradient to compare.
    const at::Tensor x = at::randn(shape) / std::sqrt(static_cast<double>(shape[2])), up = doubles(shape);
    const auto run = [&](auto path, at::ScalarType type) -> std::vector<at::Tensor> {
      const at::Tensor leaf = leaf_of(x, type), gamma = leaf_of(at::tensor(0.6f), type);
      const at::Tensor out = path(leaf, gamma, GetParam());
      (out * up.to(type)).sum().backward();
      return {out.detach(), leaf.grad(), gamma.grad()};
    };
    const std::vector<at::Tensor> wanted = run(defined, at::kDouble);
    const std::vector<at::Tensor> got = same_in_every_order([&] { return run(on_device, at::kFloat); });
    for (std::size_t i = 0; i < got.size(); ++i) {
      SCOPED_TRACE(i);
      expect_near_double(got[i], wanted[i], i == 0 ? 4e-6 : 1e-5);
    }
  }
}

TEST_P(EmulatedChannels, NanIsNotHiddenByGammaZero) {
  const at::Tensor x = at::randn({1, 3, 40});
  const at::Tensor weights = ops::weights_of_energy(ops::cuda_energy(x), GetParam());
  x[0][1][7] = NAN;
  const at::Tensor out = ops::cuda_channel(x, weights, at::tensor(0.0f), GetParam());
  EXPECT_TRUE(out.select(2, 7).isnan().all().item<bool>());
  EXPECT_EQ(out.isnan().sum().item<std::int64_t>(), 3);
}

INSTANTIATE_TEST_SUITE_P(Forms, EmulatedChannels, testing::Values(ChannelForm::kInverted, ChannelForm::kDirect),
                         [](const testing::TestParamInfo<ChannelForm>& info) {
                           return info.param == ChannelForm::kDirect ? "direct" : "inverted";
                         });

}  // namespace
