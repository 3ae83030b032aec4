#include "operator_samples.h"

namespace fovea::attention::testing_tools {
namespace {

using c10::IValue;
const IValue kNone;

at::Tensor normal(at::IntArrayRef sizes, at::ScalarType type) {
  return at::randn(sizes, at::kDouble).to(type);
}

/// Every third entry is false.
at::Tensor mask(at::IntArrayRef sizes) {
  return at::arange(at::empty(sizes).numel()).remainder(3).ne(1).reshape(sizes);
}

Stack gate(at::ScalarType t, bool gated) {
  Stack all{normal({7, 5}, t), normal({4, 5}, t), normal({4}, t)};
  if (gated)
    all.insert(all.end(), {normal({4, 5}, t), normal({4}, t)});
  else
    all.insert(all.end(), {kNone, kNone});
  all.insert(all.end(), {normal({3, 4}, t), normal({3}, t)});
  return all;
}

Stack joined(Stack all, const Stack& more) {
  all.insert(all.end(), more.begin(), more.end());
  return all;
}

Stack qkv(at::ScalarType t, std::int64_t queries, std::int64_t keys, std::int64_t key_heads = 2) {
  return {normal({2, 2, queries, 4}, t), normal({2, key_heads, keys, 4}, t), normal({2, key_heads, keys, 3}, t)};
}

c10::List<at::Tensor> list(std::vector<at::Tensor> tensors) {
  return c10::List<at::Tensor>(at::TensorList(tensors));
}

c10::List<std::int64_t> ints(std::vector<std::int64_t> values) {
  return c10::List<std::int64_t>(at::IntArrayRef(values));
}

std::vector<Sample> pooling_samples() {
  return {
      {"gated_scores", "", [](at::ScalarType t) { return gate(t, true); }, "f"},
      {"score_pool", "",
       [](at::ScalarType t) {
         return Stack{normal({3, 7}, t), normal({7, 5}, t), mask({7}), kNone};
       },
       "hfff"},
      {"gated_pool", "",
       [](at::ScalarType t) {
         return joined(gate(t, true), {kNone, kNone});
       },
       "hffff"},
      {"gated_pool", "MaskedUngated",
       [](at::ScalarType t) {
         return joined(gate(t, false), {mask({3, 7}), kNone});
       },
       "hffff"},
      {"gated_pool", "Filled",
       [](at::ScalarType t) {
         return joined(gate(t, true), {mask({3, 7}), -4.0});
       },
       "hffff"},
      {"softmax_merge", "",
       [](at::ScalarType t) {
         return Stack{list({normal({3, 4}, t), normal({3, 4}, t)}), list({normal({3}, t), normal({3}, t)})};
       },
       "ff"},
      {"query_pool", "",
       [](at::ScalarType t) {
         return Stack{normal({7, 5}, t),
                      normal({2, 6}, t),
                      normal({8, 6}, t),
                      normal({8}, t),
                      normal({8, 5}, t),
                      normal({8}, t),
                      normal({4, 5}, t),
                      normal({4}, t),
                      normal({3, 4}, t),
                      normal({3}, t),
                      2,
                      mask({7})};
       },
       "hff"},
      {"query_pool", "Plain",
       [](at::ScalarType t) {
         return Stack{normal({7, 5}, t),
                      normal({2, 6}, t),
                      normal({8, 6}, t),
                      kNone,
                      normal({8, 5}, t),
                      kNone,
                      normal({4, 5}, t),
                      kNone,
                      kNone,
                      kNone,
                      2,
                      kNone};
       },
       "hff"},
  };
}

std::vector<Sample> attention_samples() {
  const auto attention = [](const char* variant, auto rest) {
    return Sample{"attention", variant, [rest](at::ScalarType t) { return joined(qkv(t, 5, 6, 1), rest(t)); }, "hf"};
  };
  return {
      attention("",
                [](at::ScalarType t) {
                  return Stack{normal({2, 1, 5, 6}, t), mask({2, 6}), kNone, "softmax", kNone, kNone, 0.0, true};
                }),
      attention(
          "Sink",
          [](at::ScalarType t) { return Stack{kNone, kNone, 0.7, "softmax_sink", normal({2}, t), kNone, 0.0, true}; }),
      attention("Sigmoid",
                [](at::ScalarType) { return Stack{kNone, mask({6}), kNone, "sigmoid", kNone, kNone, 0.0, true}; }),
      attention("Affine",
                [](at::ScalarType t) {
                  return Stack{kNone, kNone, kNone, "affine", kNone, normal({2, 2, 5}, t), 0.3, true};
                }),
      attention("WithoutLse",
                [](at::ScalarType) { return Stack{kNone, kNone, kNone, "softmax", kNone, kNone, 0.0, false}; }),
      {"neighborhood_attention", "",
       [](at::ScalarType t) {
         return joined(qkv(t, 12, 12), {ints({3, 4}), ints({3, 2}), ints({1}), ints({1, 2}), mask({12}),
                                        c10::List<bool>({false}), kNone, ints({})});
       },
       "hf"},
      {"neighborhood_attention", "WindowAHead",
       [](at::ScalarType t) {
         return joined(qkv(t, 12, 12), {ints({3, 4}), ints({}), ints({1}), ints({1}), kNone,
                                        c10::List<bool>({false, true}), 0.5, ints({3, 2, 2, 3})});
       },
       "hf"},
      {"block_sparse_attention", "",
       [](at::ScalarType t) {
         return joined(qkv(t, 7, 9, 1), {mask({1, 2, 3, 3}), 3, kNone});
       },
       "hf"},
      {"rectified_block_sparse_attention", "",
       [](at::ScalarType t) {
         return joined(qkv(t, 7, 9), {3, 0.6, 1, kNone, kNone});
       },
       "hhffbb"},
      {"rectified_block_sparse_attention", "GivenBlocks",
       [](at::ScalarType t) {
         return joined(qkv(t, 7, 9), {3, 0.6, 1, kNone, mask({2, 2, 3, 3})});
       },
       "hhffbb"},
      {"linear_attention", "",
       [](at::ScalarType t) {
         return joined(qkv(t, 5, 6), {mask({6}), 1e-6});
       },
       "h"},
      {"mala", "",
       [](at::ScalarType t) {
         return joined(qkv(t, 6, 6), {kNone, normal({6, 4}, t), normal({6, 4}, t), 1e-6});
       },
       "hf"},
      {"decayed_linear_attention", "",
       [](at::ScalarType t) {
         return joined(qkv(t, 9, 9), {normal({2}, t).abs(), "bidirectional", 4});
       },
       "h"},
  };
}

std::vector<Sample> volume_samples() {
  const auto gate_weights = [](at::ScalarType t, std::int64_t last) {
    return Stack{normal({4, 3}, t), normal({4}, t),    normal({4, 2}, t),
                 normal({4}, t),    normal({last}, t), normal({1}, t)};
  };
  return {
      {"attention_gate", "",
       [=](at::ScalarType t) {
         return joined(joined({normal({2, 3, 2, 2, 3}, t), normal({2, 2, 2, 2, 3}, t)}, gate_weights(t, 8)),
                       {"concat", ints({}), false});
       },
       "hf"},
      {"attention_gate", "Coarse",
       [=](at::ScalarType t) {
         return joined(joined({normal({2, 3, 2, 2}, t), normal({2, 2, 4, 5}, t)}, gate_weights(t, 4)),
                       {"add", ints({2}), true});
       },
       "hf"},
      {"modality_attention", "",
       [](at::ScalarType t) {
         return Stack{normal({2, 3, 2, 2, 3}, t), normal({2, 4, 2, 3}, t), mask({2, 3}),   normal({3, 5, 2}, t),
                      normal({5, 4}, t),          normal({5}, t),          normal({5}, t), normal({1}, t)};
       },
       "hf"},
      {"dual_position", "",
       [](at::ScalarType t) {
         return Stack{normal({2, 4, 2, 3}, t),
                      normal({2, 4}, t),
                      normal({2}, t),
                      normal({2, 4}, t),
                      kNone,
                      normal({4, 4}, t),
                      kNone,
                      normal({1}, t)};
       },
       "h"},
      {"dual_channel", "",
       [](at::ScalarType t) {
         return Stack{normal({2, 3, 2, 2}, t), normal({1}, t), "inverted"};
       },
       "h"},
      {"dual_channel", "Direct",
       [](at::ScalarType t) {
         return Stack{normal({2, 3, 2, 2}, t), normal({1}, t), "direct"};
       },
       "h"},
  };
}

}  // namespace

std::vector<Sample> operator_samples() {
  std::vector<Sample> all = pooling_samples();
  for (auto&& more : {attention_samples(), volume_samples()}) all.insert(all.end(), more.begin(), more.end());
  return all;
}

}  // namespace fovea::attention::testing_tools
