// Coarse gates, dual attention and masked modality attention: loops written anew, fast paths, edges, gradients.
#include <sys/resource.h>

#include <cmath>
#include <limits>

#include <ATen/Parallel.h>

#include <fovea/base/error.h>
#include <fovea/models/volume_attention.h>

#include "attention_checks.h"

namespace {

using namespace fovea::attention;
using namespace fovea::attention::testing_tools;

AttentionGateWeights gate_weights(std::int64_t f, std::int64_t cg, std::int64_t cx, GateCombine combine) {
  return {doubles({f, cg}),
          doubles({f}),
          doubles({f, cx}),
          doubles({f}),
          doubles({combine == GateCombine::kConcat ? 2 * f : f}),
          doubles({1})};
}

/// One axis of linear resampling, sample by sample: centres of voxels, clamped at the ends.
at::Tensor naive_resampled(const at::Tensor& image, std::int64_t axis, std::int64_t size) {
  const std::int64_t from = image.size(axis);
  std::vector<at::Tensor> samples;
  for (std::int64_t i = 0; i < size; ++i) {
    const double centre = (static_cast<double>(i) + 0.5) * static_cast<double>(from) / static_cast<double>(size) - 0.5;
    const double position = std::max(0.0, centre), low = std::floor(position);
    const auto a = static_cast<std::int64_t>(low), b = std::min(a + 1, from - 1);
    samples.push_back(image.select(axis, a) * (1 - (position - low)) + image.select(axis, b) * (position - low));
  }
  return at::stack(samples, axis);
}

at::Tensor naive_resampled(at::Tensor image, at::IntArrayRef like) {
  for (std::int64_t axis = 2; axis < image.dim(); ++axis)
    image = naive_resampled(image, axis, like[static_cast<std::size_t>(axis)]);
  return image;
}

at::Tensor convolved(const at::Tensor& x, const at::Tensor& w, const at::Tensor& b) {
  return at::einsum("fc,bcv->bfv", {w, x.flatten(2)}).add(b.view({1, -1, 1})).unflatten(2, x.sizes().slice(2));
}

Gated naive_gate(const at::Tensor& g, const at::Tensor& x, const AttentionGateWeights& w, GateCombine combine,
                 const std::vector<std::int64_t>& stride) {
  at::Tensor theta = x;
  for (std::size_t i = 0; i < stride.size(); ++i) {
    const auto axis = static_cast<std::int64_t>(i) + 2;
    theta = theta.index_select(axis, at::arange(0, x.size(axis), stride[i], at::kLong));
  }
  const at::Tensor from_x = convolved(theta, w.wx, w.bx);
  const at::Tensor from_g = naive_resampled(convolved(g, w.wg, w.bg), from_x.sizes());
  const at::Tensor hidden = combine == GateCombine::kConcat ? at::cat({from_g, from_x}, 1) : from_g + from_x;
  const at::Tensor alpha = convolved(hidden.relu(), w.wpsi.view({1, -1}), w.bpsi).sigmoid();
  const at::Tensor full = naive_resampled(alpha, x.sizes());
  return {x * full, full};
}

struct GateCase {
  Sizes g, x;
  std::vector<std::int64_t> stride;
  bool upsample;
};

class CoarseGates : public testing::TestWithParam<GateCase> {};

TEST_P(CoarseGates, EqualsTheDefinitionOnBothPaths) {
  const GateCase& c = GetParam();
  at::manual_seed(31);
  for (const GateCombine combine : {GateCombine::kAdd, GateCombine::kConcat}) {
    const at::Tensor g = doubles(c.g), x = doubles(c.x);
    const auto w = gate_weights(4, c.g[1], c.x[1], combine);
    const Gated expected = naive_gate(g, x, w, combine, c.stride);
    for (const Backend which : {Backend::kAuto, Backend::kReference}) {
      const BackendScope scope(which);
      const Gated gated = attention_gate(g, x, w, combine, true, {c.stride, c.upsample});
      expect_close(gated.out, expected.out, 1e-12);
      expect_close(gated.alpha, expected.alpha, 1e-12);
    }
  }
}
INSTANTIATE_TEST_SUITE_P(Many, CoarseGates,
                         testing::Values(GateCase{{2, 3, 5, 4}, {2, 4, 9, 8}, {2, 2}, false},
                                         GateCase{{1, 3, 4, 5, 6}, {1, 2, 7, 10, 11}, {2, 2, 2}, false},
                                         GateCase{{1, 3, 6, 3, 2}, {1, 2, 6, 9, 5}, {1, 3, 4}, false},
                                         GateCase{{2, 3, 4, 4}, {2, 2, 8, 9}, {}, true},
                                         GateCase{{1, 2, 2, 3, 3}, {1, 2, 8, 10, 12}, {2, 2, 2}, true},
                                         GateCase{{1, 2, 1, 1, 1}, {1, 3, 2, 2, 2}, {2, 2, 2}, false},
                                         GateCase{{1, 2, 20, 30, 25}, {1, 2, 40, 60, 50}, {2, 2, 2}, false}));

TEST(CoarseGate, ATransposedSkipConnectionIsGatedWhereItLies) {
  at::manual_seed(32);
  const auto w = gate_weights(4, 3, 2, GateCombine::kAdd);
  const at::Tensor x = doubles({2, 2, 6, 8}).transpose(2, 3), g = doubles({2, 3, 6, 8}).transpose(2, 3);
  const at::Tensor coarse = doubles({2, 3, 3, 4}).transpose(2, 3);
  expect_close(attention_gate(g, x, w, GateCombine::kAdd).out, naive_gate(g, x, w, GateCombine::kAdd, {}).out, 1e-12);
  expect_close(attention_gate(coarse, x, w, GateCombine::kAdd, false, {{2}, false}).out,
               naive_gate(coarse, x, w, GateCombine::kAdd, {2, 2}).out, 1e-12);
}

TEST(CoarseGate, GradientsMatchFiniteDifferences) {
  at::manual_seed(33);
  for (const bool upsample : {false, true}) {
    at::Tensor g = doubles(upsample ? Sizes{1, 2, 2, 1, 2} : Sizes{1, 2, 2, 2, 3}), x = doubles({1, 2, 4, 3, 5});
    const AttentionGateWeights w = gate_weights(3, 2, 2, GateCombine::kAdd);
    const at::Tensor weight = doubles({1, 2, 4, 3, 5});
    expect_gradients({g, x, w.wg, w.bg, w.wx, w.bx, w.wpsi, w.bpsi}, [&] {
      return (attention_gate(g, x, w, GateCombine::kAdd, false, {{2}, upsample}).out * weight).sum();
    });
  }
}

TEST(CoarseGate, GridsThatDoNotFitAreRefused) {
  const auto w = gate_weights(2, 3, 2, GateCombine::kAdd);
  const at::Tensor x = doubles({1, 2, 8, 8});
  const auto gate = [&](const Sizes& g, const GateGrid& grid) {
    return attention_gate(doubles(g), x, w, GateCombine::kAdd, false, grid);
  };
  EXPECT_THROW(gate({1, 3, 4, 4}, {}), fovea::Error);
  EXPECT_THROW(gate({1, 3, 8, 8}, {{2}, false}), fovea::Error);
  EXPECT_THROW(gate({1, 3, 16, 8}, {{}, true}), fovea::Error);
  EXPECT_THROW(gate({1, 3, 4, 4}, {{2, 2, 2}, false}), fovea::Error);
  EXPECT_THROW(gate({1, 3, 4, 4}, {{0}, true}), fovea::Error);
  EXPECT_THROW(attention_gate(doubles({1, 3, 0, 4}), doubles({1, 2, 0, 4}), w, GateCombine::kAdd), fovea::Error);
}

at::Tensor naive_position(const at::Tensor& q, const at::Tensor& k, const at::Tensor& v) {
  const at::Tensor out = at::zeros({q.size(0), v.size(2)}, q.options());
  for (std::int64_t i = 0; i < q.size(0); ++i) {
    const at::Tensor s = (k[0] * q[i]).sum(1), e = (s - s.max()).exp();
    out[i].copy_((e.unsqueeze(1) * v[0]).sum(0) / e.sum());
  }
  return out.unsqueeze(0);
}

class PositionSizes : public testing::TestWithParam<std::tuple<std::int64_t, std::int64_t>> {};

TEST_P(PositionSizes, TilesAndReferenceEqualTheDefinition) {
  const auto [queries, keys] = GetParam();
  at::manual_seed(41);
  const auto q = doubles({1, 3, queries}).transpose(1, 2).unsqueeze(1).select(1, 0), k = doubles({1, keys, 3}),
             v = doubles({1, keys, 5});
  at::Tensor expected = naive_position(q[0], k, v);
  expect_close(position_attention(q, k, v), expected, 1e-12);
  expect_close(position_attention(q.to(at::kFloat), k.to(at::kFloat), v.to(at::kFloat)).to(at::kDouble), expected,
               1e-5);
  expect_close(at::matmul(position_weights(q, k), v), expected, 1e-12);
  const BackendScope scope(Backend::kReference);
  expect_close(position_attention(q, k, v), expected, 1e-12);
}
INSTANTIATE_TEST_SUITE_P(Many, PositionSizes,
                         testing::Combine(testing::Values(1, 127, 129, 260), testing::Values(1, 60, 1024, 1025, 2100)));

TEST(Position, EdgesOfTheSoftmax) {
  at::manual_seed(42);
  for (const Backend which : {Backend::kAuto, Backend::kReference}) {
    const BackendScope scope(which);
    at::Tensor k = doubles({1, 1300, 2}).abs(), v = doubles({1, 1300, 3}), q = at::ones({1, 4, 2}, at::kDouble);
    q[0][1].fill_(-kInfinity);  // every score -inf: nothing to look at
    q[0][2].fill_(1e4 / 5);     // scores up to 1e4
    q[0][3][0] = std::nan("");
    const at::Tensor out = position_attention(q, k, v);
    EXPECT_EQ(out[0][1].abs().sum().item<double>(), 0);
    EXPECT_TRUE(at::isnan(out[0][3]).all().item<bool>());
    const std::int64_t largest = k[0].sum(1).argmax().item<std::int64_t>();
    EXPECT_TRUE(at::isfinite(out[0][2]).all().item<bool>());
    expect_close(out[0][2], naive_position(q[0].slice(0, 2, 3), k, v)[0][0], 1e-9);
    k[0][largest].fill_(-kInfinity);  // one key that no query may see
    v[0][largest].fill_(1e30);
    EXPECT_LT(position_attention(q, k, v)[0][0].abs().max().item<double>(), 10);
  }
}

TEST(Position, GradientsMatchFiniteDifferences) {
  at::manual_seed(43);
  at::Tensor x = doubles({2, 3, 2, 3});
  const PositionWeights w{doubles({2, 3}), doubles({2}), doubles({2, 3}), doubles({2}),
                          doubles({3, 3}), doubles({3}), doubles({})};
  const at::Tensor weight = doubles({2, 3, 2, 3});
  expect_gradients({x, w.wq, w.bq, w.wk, w.bk, w.wv, w.bv, w.gamma},
                   [&] { return (dual_position(x, w) * weight).sum(); });
}

TEST(Position, BiasesMayBeAbsentAndGammaZeroReturnsTheImage) {
  at::manual_seed(44);
  const at::Tensor x = doubles({2, 4, 3, 3, 2});
  PositionWeights w{doubles({2, 4}), {}, doubles({2, 4}), {}, doubles({4, 4}), {}, at::zeros({1}, at::kDouble)};
  EXPECT_TRUE(at::equal(dual_position(x, w), x));
  w.gamma = at::ones({}, at::kDouble);
  const at::Tensor rows = x.flatten(2).transpose(1, 2);
  const at::Tensor q = rows.matmul(w.wq.t()), k = rows.matmul(w.wk.t()), v = rows.matmul(w.wv.t());
  const at::Tensor attended = at::cat({naive_position(q[0], k[0].unsqueeze(0), v[0].unsqueeze(0)),
                                       naive_position(q[1], k[1].unsqueeze(0), v[1].unsqueeze(0))});
  expect_close(dual_position(x, w), attended.transpose(1, 2).reshape(x.sizes()) + x, 1e-12);
  EXPECT_THROW(dual_position(doubles({1, 4, 0, 2}), w), fovea::Error);
  EXPECT_THROW(dual_position(doubles({1, 5, 2, 2}), w), fovea::Error);
}

long peak_kilobytes() {
  rusage usage{};
  getrusage(RUSAGE_SELF, &usage);
  return usage.ru_maxrss;
}

TEST(Position, AGridOf36864VoxelsStaysBelow200Megabytes) {
  at::manual_seed(45);
  const at::NoGradGuard no_grad;
  const at::Tensor x = at::randn({1, 16, 36, 32, 32});
  const PositionWeights w{
      at::randn({2, 16}) / 4, {}, at::randn({2, 16}) / 4, {}, at::randn({16, 16}) / 4, {}, at::ones({})};
  const long before = peak_kilobytes();
  const at::Tensor out = dual_position(x, w) - x;
  EXPECT_LT(peak_kilobytes() - before, 200 * 1024);
  const at::Tensor q = projected_voxels(x, w.wq, {}), k = projected_voxels(x, w.wk, {}),
                   v = projected_voxels(x, w.wv, {});
  for (const std::int64_t voxel : {0, 12345, 36863}) {
    const at::Tensor expected =
        naive_position(q[0].slice(0, voxel, voxel + 1).to(at::kDouble), k.to(at::kDouble), v.to(at::kDouble));
    expect_close(out.flatten(2)[0].select(1, voxel).to(at::kDouble), expected[0][0], 1e-5);
  }
}

at::Tensor naive_channel(const at::Tensor& x, const at::Tensor& gamma, ChannelForm form) {
  at::Tensor out = x.clone(at::MemoryFormat::Contiguous);
  for (std::int64_t b = 0; b < x.size(0); ++b) {
    const at::Tensor rows = x[b].flatten(1);
    const std::int64_t channels = rows.size(0);
    const at::Tensor weights = at::zeros({channels, channels}, x.options());
    for (std::int64_t i = 0; i < channels; ++i) {
      at::Tensor e = at::zeros({channels}, x.options());
      for (std::int64_t j = 0; j < channels; ++j) e[j] = (rows[i] * rows[j]).sum();
      weights[i].copy_(at::softmax(form == ChannelForm::kInverted ? e.max() - e : e, 0));
    }
    for (std::int64_t i = 0; i < channels; ++i)
      for (std::int64_t j = 0; j < channels; ++j)
        out[b][i].add_(x[b][j] * (form == ChannelForm::kInverted ? weights[i][j] : weights[j][i]) * gamma);
  }
  return out;
}

TEST(Channel, BothFormsAndBothPathsEqualTheDefinition) {
  at::manual_seed(51);
  const at::Tensor gamma = doubles({});
  for (const Sizes& sizes : {Sizes{2, 5, 7}, Sizes{1, 6, 9, 8}, Sizes{2, 3, 20, 21, 13}})
    for (const ChannelForm form : {ChannelForm::kInverted, ChannelForm::kDirect}) {
      const at::Tensor x = (doubles(sizes) / std::sqrt(sizes[2])).transpose(0, 1).contiguous().transpose(0, 1);
      const at::Tensor expected = naive_channel(x, gamma, form);
      expect_close(dual_channel(x, gamma, form), expected, 1e-11);
      const at::Tensor single = dual_channel(x.to(at::kFloat), gamma.to(at::kFloat), form);
      EXPECT_EQ(single.scalar_type(), at::kFloat);
      expect_close(channel_weights(x, form).sum(2), at::ones({sizes[0], sizes[1]}, at::kDouble), 1e-12);
      const BackendScope scope(Backend::kReference);
      expect_close(dual_channel(x, gamma, form), expected, 1e-11);
    }
}

TEST(Channel, BitsDoNotDependOnThreads) {
  at::manual_seed(52);
  const at::Tensor x = at::randn({2, 24, 30, 31, 29}) / 100, gamma = at::ones({1});
  const int threads = at::get_num_threads();
  at::set_num_threads(1);
  const at::Tensor expected = dual_channel(x, gamma, ChannelForm::kDirect),
                   weights = channel_weights(x, ChannelForm::kDirect);
  for (const int count : {2, 3, 4}) {
    at::set_num_threads(count);
    EXPECT_TRUE(at::equal(channel_weights(x, ChannelForm::kDirect), weights));
    EXPECT_TRUE(at::equal(dual_channel(x, gamma, ChannelForm::kDirect), expected));
  }
  at::set_num_threads(threads);
}

TEST(Channel, HugeEnergiesAreOneHotAndNanIsNotHidden) {
  at::Tensor x = at::randn({1, 4, 100}) * 100;
  const at::Tensor out = dual_channel(x, at::ones({}), ChannelForm::kDirect);
  EXPECT_TRUE(at::isfinite(out).all().item<bool>());
  x[0][2][50] = std::nanf("");
  for (const Backend which : {Backend::kAuto, Backend::kReference}) {
    const BackendScope scope(which);
    EXPECT_TRUE(at::isnan(dual_channel(x, at::zeros({}), ChannelForm::kDirect)).all().item<bool>());
  }
  EXPECT_THROW(dual_channel(at::zeros({1, 4, 0}), at::zeros({}), ChannelForm::kDirect), fovea::Error);
  EXPECT_THROW(dual_channel(x, at::zeros({2}), ChannelForm::kDirect), fovea::Error);
  EXPECT_EQ(parse_channel_form("danet"), ChannelForm::kInverted);
  EXPECT_THROW(parse_channel_form("other"), fovea::Error);
}

TEST(Channel, GradientsMatchFiniteDifferences) {
  at::manual_seed(53);
  for (const ChannelForm form : {ChannelForm::kInverted, ChannelForm::kDirect}) {
    at::Tensor x = doubles({2, 3, 2, 2}) / 2, gamma = doubles({1});
    const at::Tensor weight = doubles({2, 3, 2, 2});
    expect_gradients({x, gamma}, [&] { return (dual_channel(x, gamma, form) * weight).sum(); });
  }
}

}  // namespace
