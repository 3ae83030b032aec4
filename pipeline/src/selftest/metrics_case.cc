// Figures of classifiers on given probabilities and labels, by torchmetrics' rules where ours differ.
#include <ATen/ops/empty.h>
#include <ATen/ops/full.h>

#include "selftest/case_file.h"
#include "evaluation/metrics.h"

namespace fovea::pipeline::selftest {
namespace {

at::Tensor table_of(const evaluation::Confusion& confusion) {
  const at::Tensor table = at::empty({confusion.classes, confusion.classes}, at::kLong);
  std::copy(confusion.counts.begin(), confusion.counts.end(), table.mutable_data_ptr<std::int64_t>());
  return table;
}

/// A class without an area counts 0, as in torchmetrics.
at::Tensor areas_of(const std::vector<std::optional<double>>& areas) {
  const at::Tensor table = at::empty({static_cast<std::int64_t>(areas.size())}, at::kDouble);
  for (std::size_t i = 0; i < areas.size(); ++i) table.mutable_data_ptr<double>()[i] = areas[i].value_or(0);
  return table;
}

void check_group(const CaseFile& file, Expectations& expected, const std::string& group) {
  const at::Tensor given = file.tensor(group + ".prob").to(at::kFloat).contiguous(),
                   classes = file.tensor(group + ".label").to(at::kLong).contiguous();
  const std::span<const float> probabilities{given.const_data_ptr<float>(), static_cast<std::size_t>(given.numel())};
  const std::span<const std::int64_t> labels{classes.const_data_ptr<std::int64_t>(),
                                             static_cast<std::size_t>(classes.numel())};
  const evaluation::Confusion confusion = evaluation::confusion_of(probabilities, given.size(1), labels);
  const at::Tensor areas = areas_of(evaluation::auroc_per_class(probabilities, given.size(1), labels));
  const auto check = [&](const char* name, double value) {
    expected.check(group + "." + name, {at::full({}, value, at::kDouble)}, Quantity::kFloat32);
  };
  expected.check(group + ".confusion_true_by_pred", {table_of(confusion)}, Quantity::kExact);
  expected.check(group + ".auroc_per_class", {areas}, Quantity::kFloat32);
  check("auroc_macro", areas.mean().item<double>());
  check("accuracy", evaluation::accuracy(probabilities, given.size(1), labels));
  check("f1_macro", evaluation::macro_f1(confusion));
  check("f1_micro", evaluation::micro_f1(confusion));
  check("balanced_accuracy", evaluation::balanced_accuracy(confusion));
  check("cohen_kappa_quadratic", evaluation::quadratic_kappa(confusion));
}

}  // namespace

void run_metrics(const CaseFile& file, Expectations& expected, const RunOptions&) {
  for (const std::string& name : file.names())
    if (ends_with(name, ".prob")) check_group(file, expected, name.substr(0, name.size() - 5));
  expected.close("not computed by this version");
}

}  // namespace fovea::pipeline::selftest
