// What the attention cases share: inputs of one case in one precision, and one table of operations a family.
#pragma once

#include <map>
#include <span>
#include <string>
#include <string_view>

#include <ATen/core/Tensor.h>
#include <c10/util/Optional.h>

#include "selftest/case_file.h"

namespace fovea::pipeline::selftest {

using Values = std::map<std::string, at::Tensor>;

/// The case's inputs in one precision, as leaves of a graph where they have an expected gradient.
class Inputs {
 public:
  Inputs(const CaseFile& file, const RunOptions& options, at::ScalarType type)
      : file_(file), device_(options.device), type_(type) {}
  at::Tensor operator()(const std::string& name) {
    auto found = leaves_.find(name);
    if (found != leaves_.end()) return found->second;
    at::Tensor leaf = file_.tensor(name).to(device_, type_);
    if (file_.has("grad." + name + ".f64")) leaf.set_requires_grad(true);
    return leaves_[name] = leaf;
  }
  c10::optional<at::Tensor> mask(const std::string& name) const {
    if (!file_.has(name)) return {};
    return file_.tensor(name).to(device_, at::kBool);
  }
  double number(const std::string& key, double fallback) const {
    return file_.number(key, fallback);
  }  ///< from the metadata
  std::string text(const std::string& key) const { return file_.text(key); }
  bool has(const std::string& name) const { return file_.has(name); }
  at::ScalarType type() const { return type_; }
  const Values& leaves() const { return leaves_; }
  const CaseFile& file() const { return file_; }

 private:
  const CaseFile& file_;
  c10::Device device_;
  at::ScalarType type_;
  Values leaves_;
};

/// One operation of fixtures/attention: `name` is the metadata's "op"; `compute` returns outputs under the fixture's
/// names, or nothing for a variant that this version does not compute.
struct AttentionOp {
  std::string_view name;
  Values (*compute)(Inputs&);
};

// One table a family, one file a table.
std::span<const AttentionOp> pooling_ops();  // attention_pooling.cc: pooling, gates
std::span<const AttentionOp>
self_ops();  // attention_self.cc: dense and neighbourhood self-attention, learned-query pooling
std::span<const AttentionOp> linear_ops();  // attention_linear.cc: linear, decayed and block-sparse attention
std::span<const AttentionOp>
volume_ops();  // attention_volume.cc: coarse gates, dual and modality attention, split states
std::span<const AttentionOp> terms_ops();  // attention_terms.cc: training terms and diagnostics

}  // namespace fovea::pipeline::selftest
