#include "selftest/case_file.h"

#include <charconv>

#include "tensor_bridge.h"

namespace fovea::pipeline::selftest {

CaseFile::CaseFile(std::filesystem::path path, io::WeightFile file) : path_(std::move(path)), file_(std::move(file)) {}

bool CaseFile::has_prefix(std::string_view prefix) const {
  auto found = file_.tensors.lower_bound(std::string(prefix));
  return found != file_.tensors.end() && starts_with(found->first, prefix);
}

at::Tensor CaseFile::tensor(const std::string& name) const {
  return to_tensor(file_.tensors.at(name)).clone();
}

std::string CaseFile::text(const std::string& key) const {
  auto found = file_.metadata.find(key);
  return found == file_.metadata.end() ? std::string{} : found->second;
}

double CaseFile::number(const std::string& key, double fallback) const {
  const std::string value = text(key);
  double parsed = fallback;
  std::from_chars(value.data(), value.data() + value.size(), parsed);
  return parsed;
}

Expectations::Expectations(const CaseFile& file, CaseReport& report,
                           const std::function<bool(const std::string&)>& is_expected)
    : file_(file), report_(report) {
  for (const auto& [name, array] : file.file().tensors)
    if (is_expected(name)) pending_.insert(name);
}

void Expectations::check(const std::string& name, const std::vector<at::Tensor>& actual, const Tolerance& tolerance) {
  if (pending_.erase(name) > 0) report_.compare(name, file_.tensor(name), actual, tolerance);
}

void Expectations::close(const std::string& note) {
  for (const std::string& name : pending_) report_.unchecked(name, note);
  pending_.clear();
}

void Expectations::fail_rest(const std::string& note) {
  report_.fail("(case)", note);
  close("the case failed before it");
}

}  // namespace fovea::pipeline::selftest
