// Channel attention's CUDA kernels under emulation, against the definition.
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

TEST_P(EmulatedChannels, AgreeWithTheDefinition) {
  const ChannelForm form = GetParam();
  for (const auto& [images, channels, voxels] :
       {std::array<std::int64_t, 3>{2, 5, 90}, {1, 70, 33}, {1, 3, 4200}, {1, 1, 1}}) {
    // Energies of a few units: one-hot weights would have no gradient to compare.
    const at::Tensor x = at::randn({images, channels, voxels}) / std::sqrt(static_cast<double>(voxels));
    const at::Tensor gamma = at::tensor(0.6f), wide = x.to(at::kDouble).requires_grad_(true),
                     wide_gamma = gamma.to(at::kDouble).requires_grad_(true);
    const at::Tensor wanted = defined(wide, wide_gamma, form), up = doubles(wanted.sizes());
    (wanted * up).sum().backward();
    const std::vector<at::Tensor> got = same_in_every_order([&, in = x]() -> std::vector<at::Tensor> {
      const at::Tensor weights = ops::weights_of_energy(ops::cuda_energy(in), form);
      const ops::ChannelGradients gradients =
          ops::cuda_channel_backward(in, weights, gamma, form, floats_like_doubles(up));
      return {ops::cuda_channel(in, weights, gamma, form), gradients.channels, gradients.gamma};
    });
    expect_near_double(got[0], wanted);
    expect_near_double(got[1], wide.grad(), 1e-5);
    expect_near_double(got[2], wide_gamma.grad(), 1e-5);
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
