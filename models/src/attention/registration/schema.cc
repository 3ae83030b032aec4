// The table of operators, and their definition in the namespace `fovea`.
#include "attention/registration/schema.h"

#include <algorithm>
#include <utility>
#include <vector>

#include <torch/csrc/jit/frontend/function_schema_parser.h>
#include <torch/library.h>

namespace fovea::attention::registration {
namespace {

// A signature is a promise to saved models: append arguments with defaults, change nothing else. The tests keep a copy
// (tests/unit/models/operators.schema).
constexpr Operator kOperators[] = {
    {"gated_scores(Tensor x, Tensor Wv, Tensor bv, Tensor? Wu, Tensor? bu, Tensor w, Tensor b) -> Tensor s",
     {},
     "s",
     true},
    {"score_pool(Tensor s, Tensor x, Tensor? keep=None, float? fill=None) -> "
     "(Tensor z, Tensor lse, Tensor entropy, Tensor gram)",
     {},
     "z gram",
     true},
    {"gated_pool(Tensor x, Tensor Wv, Tensor bv, Tensor? Wu, Tensor? bu, Tensor w, Tensor b, Tensor? keep=None, "
     "float? fill=None) -> (Tensor z, Tensor s, Tensor lse, Tensor entropy, Tensor gram)",
     {},
     "z s gram",
     true},
    {"softmax_merge(Tensor[] out, Tensor[] lse) -> (Tensor merged_out, Tensor merged_lse)"},
    {"query_pool(Tensor x, Tensor q, Tensor Wq, Tensor? bq, Tensor Wk, Tensor? bk, Tensor Wv, Tensor? bv, Tensor? Wo, "
     "Tensor? bo, int heads, Tensor? keep=None) -> (Tensor z, Tensor s, Tensor lse)"},
    {"attention(Tensor q, Tensor k, Tensor v, Tensor? bias=None, Tensor? keep=None, float? scale=None, "
     "str normaliser=\"softmax\", Tensor? sink=None, Tensor? alpha=None, float alpha_ma=0.0, bool want_lse=True) -> "
     "(Tensor out, Tensor lse)"},
    {"neighborhood_attention(Tensor q, Tensor k, Tensor v, int[] shape, int[] window, int[] stride=[1], "
     "int[] dilation=[1], Tensor? valid=None, bool[] causal=[False], float? scale=None, int[] head_windows=[]) -> "
     "(Tensor out, Tensor lse)"},
    {"linear_attention(Tensor q, Tensor k, Tensor v, Tensor? keep=None, float eps=1e-06) -> Tensor out"},
    {"mala(Tensor q, Tensor k, Tensor v, Tensor? keep=None, Tensor? sin=None, Tensor? cos=None, float eps=1e-06) -> "
     "(Tensor out, Tensor z)"},
    {"decayed_linear_attention(Tensor q, Tensor k, Tensor v, Tensor slopes, str decay=\"causal\", int tile=64) -> "
     "Tensor out"},
    {"attention_gate(Tensor g, Tensor x, Tensor Wg, Tensor? bg, Tensor Wx, Tensor? bx, Tensor wpsi, Tensor bpsi, "
     "str combine=\"concat\", int[] theta_stride=[], bool upsample_g=False) -> (Tensor out, Tensor alpha)"},
    {"modality_attention(Tensor features, Tensor guide, Tensor present, Tensor Wf, Tensor Wg, Tensor bg, Tensor wp, "
     "Tensor bp) -> (Tensor y, Tensor weights)"},
    {"dual_position(Tensor x, Tensor Wq, Tensor? bq, Tensor Wk, Tensor? bk, Tensor Wv, Tensor? bv, Tensor gamma) -> "
     "Tensor out"},
    {"dual_channel(Tensor x, Tensor gamma, str form=\"inverted\") -> Tensor out"},
    {"block_sparse_attention(Tensor q, Tensor k, Tensor v, Tensor blocks, int b=64, float? scale=None) -> "
     "(Tensor out, Tensor lse)"},
    {"rectified_block_sparse_attention(Tensor q, Tensor k, Tensor v, int b=64, float mass=0.9, int at_least=1, "
     "float? scale=None, Tensor? blocks=None) -> (Tensor out, Tensor sparse_out, Tensor sparse_lse, Tensor pooled, "
     "Tensor kept, Tensor critical)",
     "kept critical"},
};

constexpr std::string_view kSpace = "fovea::";
constexpr std::string_view kBackward = "_backward";

c10::OperatorHandle handle(std::string_view name, std::string_view suffix) {
  return c10::Dispatcher::singleton().findSchemaOrThrow(std::string(kSpace).append(name).append(suffix).c_str(), "");
}

/// X_backward's signature, written from X's.
c10::FunctionSchema backward_schema(const Operator& op) {
  const c10::FunctionSchema forward = torch::jit::parseSchema(op.schema);
  std::vector<c10::Argument> arguments;
  for (const c10::Argument& output : forward.returns())
    if (!listed(op.constant, output.name()))
      arguments.emplace_back("grad_" + output.name(), c10::OptionalType::ofTensor());
  for (const c10::Argument& given : forward.arguments()) arguments.emplace_back(given.name(), given.type(), given.N());
  for (const c10::Argument& output : forward.returns())
    if (listed(op.kept, output.name())) arguments.emplace_back(output.name(), output.type());
  arguments.emplace_back("needs", c10::ListType::create(c10::BoolType::get()));
  return {std::string(kSpace) + forward.name() + std::string(kBackward),
          "",
          std::move(arguments),
          {c10::Argument("", c10::ListType::ofTensors())}};
}

}  // namespace

bool listed(std::string_view names, std::string_view name) {
  while (!names.empty()) {
    const std::size_t end = std::min(names.find(' '), names.size());
    if (names.substr(0, end) == name) return true;
    names.remove_prefix(std::min(end + 1, names.size()));
  }
  return false;
}

std::string_view Operator::name() const {
  const std::string_view whole = schema;
  return whole.substr(0, whole.find('('));
}

std::span<const Operator> operators() {
  return kOperators;
}

const Operator& operator_of(std::string_view registered) {
  registered.remove_prefix(kSpace.size());
  if (registered.ends_with(kBackward)) registered.remove_suffix(kBackward.size());
  return *std::find_if(std::begin(kOperators), std::end(kOperators),
                       [&](const Operator& op) { return op.name() == registered; });
}

c10::OperatorHandle forward_of(const Operator& op) {
  return handle(op.name(), "");
}
c10::OperatorHandle backward_of(const Operator& op) {
  return handle(op.name(), kBackward);
}

bool holds_tensors(const c10::Argument& argument) {
  return argument.type()->isSubtypeOf(*c10::OptionalType::ofTensor()) ||
         argument.type()->isSubtypeOf(*c10::ListType::ofTensors());
}

TORCH_LIBRARY(fovea, m) {
  for (const Operator& op : kOperators) {
    m.def(op.schema, {at::Tag::pt2_compliant_tag});
    m.def(backward_schema(op), {at::Tag::pt2_compliant_tag});
  }
}

}  // namespace fovea::attention::registration
