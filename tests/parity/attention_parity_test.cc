// The attention layer against the exact cases of fixtures/attention, through whichever path the product takes.
#include <ATen/ATen.h>
#include <gtest/gtest.h>

#include <fovea/io/weights.h>
#include <fovea/models/attention.h>

#include "shared.h"
#include "tensor_bridge.h"

namespace {

using namespace fovea;

models::StateDict fixture(const std::string& name) {
  models::StateDict tensors;
  for (const auto& [key, array] :
       io::read_safetensors(test::shared_dir() / "fixtures/attention" / (name + ".safetensors")).tensors)
    tensors[key] = pipeline::to_tensor(array).clone();
  return tensors;
}

void expect_near(const at::Tensor& ours, const at::Tensor& expected, double tolerance, const char* name) {
  EXPECT_LE((ours.to(at::kDouble).reshape(expected.sizes()) - expected).nan_to_num().abs().max().item<double>(),
            tolerance)
      << name;
}

class PoolCase : public testing::TestWithParam<std::string> {};

TEST_P(PoolCase, MatchesInFloatAndDouble) {
  FOVEA_NEEDS_SHARED("fixtures/attention/manifest.json");
  const auto f = fixture(GetParam());
  ASSERT_TRUE(f.count("x") && f.count("Wv")) << "the fixture's names have changed";
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    const auto in = [&](const char* name) { return f.at(name).to(type); };
    const attention::GateWeights weights{in("Wv"), in("bv"), in("Wu"), in("bu"), in("ww"), in("bw")};
    c10::optional<at::Tensor> keep;
    if (f.count("keep")) keep = f.at("keep").to(at::kBool);
    const attention::Pooled pooled = attention::gated_pool(in("x"), weights, keep);
    const double tolerance = type == at::kDouble ? 1e-10 : GetParam() == "gated_pool_huge_logits" ? 2e-2 : 1e-5;
    expect_near(pooled.z, f.at("z.f64"), tolerance, "z");
    expect_near(attention::weights_of(pooled.scores), f.at("attn.f64"), tolerance, "attn");
    expect_near(pooled.entropy, f.at("entropy.f64"), tolerance, "entropy");
  }
}
TEST(ScorePool, ExtremeScoresMatch) {
  FOVEA_NEEDS_SHARED("fixtures/attention/score_pool_extremes.safetensors");
  const auto f = fixture("score_pool_extremes");
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    const attention::Pooled pooled = attention::score_pool(f.at("scores").to(type), f.at("x").to(type));
    const double tolerance = type == at::kDouble ? 1e-10 : 5e-6;
    expect_near(pooled.z, f.at("z.f64"), tolerance, "z");
    expect_near(attention::weights_of(pooled.scores), f.at("attn.f64"), tolerance, "attn");
    expect_near(pooled.entropy, f.at("entropy.f64"), type == at::kDouble ? 1e-9 : 1e-3, "entropy");
  }
}

class GateCase : public testing::TestWithParam<std::pair<std::string, attention::GateCombine>> {};

TEST_P(GateCase, MatchesInFloatAndDouble) {
  FOVEA_NEEDS_SHARED("fixtures/attention/manifest.json");
  const auto f = fixture(GetParam().first);
  for (const at::ScalarType type : {at::kFloat, at::kDouble}) {
    const auto in = [&](const char* name) { return f.at(name).to(type); };
    const attention::AttentionGateWeights weights{in("Wg"),
                                                  f.count("bg") ? in("bg") : at::zeros({f.at("Wg").size(0)}, type),
                                                  in("Wx"),
                                                  f.count("bx") ? in("bx") : at::zeros({f.at("Wx").size(0)}, type),
                                                  in("wpsi").flatten(),
                                                  in("bpsi")};
    const attention::Gated gated = attention::attention_gate(in("g"), in("x"), weights, GetParam().second, true);
    expect_near(gated.out, f.at("out.f64"), type == at::kDouble ? 1e-12 : 2e-6, "out");
    expect_near(gated.alpha, f.at("alpha.f64"), type == at::kDouble ? 1e-12 : 2e-6, "alpha");
  }
}
INSTANTIATE_TEST_SUITE_P(Fixtures, GateCase,
                         testing::Values(std::pair{"gate3d_concat_same", attention::GateCombine::kConcat},
                                         std::pair{"gate3d_add_same", attention::GateCombine::kAdd}));

INSTANTIATE_TEST_SUITE_P(Fixtures, PoolCase,
                         testing::Values("gated_pool_k1", "gated_pool_k5", "gated_pool_masked", "gated_pool_all_masked",
                                         "gated_pool_huge_logits"));

}  // namespace
