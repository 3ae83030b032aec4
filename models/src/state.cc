#include <fovea/models/state.h>

#include <cmath>
#include <functional>

#include <ATen/CPUGeneratorImpl.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/ones.h>
#include <ATen/ops/zeros.h>

#include <fovea/base/error.h>

namespace fovea::models {
namespace {

constexpr std::size_t kNamesShown = 20;

std::string shape_text(at::IntArrayRef shape) {
  std::string text = "[";
  for (std::size_t i = 0; i < shape.size(); ++i) text += (i ? ", " : "") + std::to_string(shape[i]);
  return text + "]";
}

/// "3 missing: a, b, c" with the list cut where nobody reads on.
std::string listed(const std::vector<std::string>& names, std::string_view what) {
  if (names.empty()) return {};
  std::string text = std::to_string(names.size()) + " " + std::string(what) + ": ";
  for (std::size_t i = 0; i < std::min(names.size(), kNamesShown); ++i) text += (i ? ", " : "") + names[i];
  if (names.size() > kNamesShown) text += ", and " + std::to_string(names.size() - kNamesShown) + " more";
  return text;
}

std::int64_t fan_in_of(const TensorSpec& spec) {
  if (spec.fan_in > 0) return spec.fan_in;
  std::int64_t product = 1;
  for (std::size_t i = 1; i < spec.shape.size(); ++i) product *= spec.shape[i];
  return product;
}

/// A seed of its own for every name, so that the order of specs does not matter.
std::uint64_t seed_of(const std::string& name, std::uint64_t seed) {
  std::uint64_t hash = 1469598103934665603ull ^ seed;
  for (unsigned char c : name) hash = (hash ^ c) * 1099511628211ull;
  return hash;
}

/// Of the normal distributions; 0 for all others.
double deviation_of(const TensorSpec& spec) {
  switch (spec.init) {
    case Init::kNormal: return 1;
    case Init::kFaintNormal: return 1e-6;
    case Init::kXavierNormal: return std::sqrt(2.0 / static_cast<double>(fan_in_of(spec) + spec.shape.front()));
    default: return 0;
  }
}

at::Tensor initial(const TensorSpec& spec, std::uint64_t seed) {
  switch (spec.init) {
    case Init::kZeros:
    case Init::kRunningMean: return at::zeros(spec.shape);
    case Init::kOnes:
    case Init::kRunningVar: return at::ones(spec.shape);
    default: break;
  }
  const at::Generator generator = at::detail::createCPUGenerator(seed_of(spec.name, seed));
  if (const double deviation = deviation_of(spec); deviation > 0)
    return at::empty(spec.shape).normal_(0, deviation, generator);
  const double bound = 1.0 / std::sqrt(static_cast<double>(std::max<std::int64_t>(1, fan_in_of(spec))));
  return at::empty(spec.shape).uniform_(-bound, bound, generator);
}

}  // namespace

StateDict checked_state(const std::vector<TensorSpec>& specs, const StateDict& given, std::string_view subject) {
  StateDict state;
  std::vector<std::string> missing, unexpected, mis_shaped;
  for (const TensorSpec& spec : specs) {
    auto found = given.find(spec.name);
    if (found == given.end()) {
      missing.push_back(spec.name);
    } else if (found->second.sizes() != at::IntArrayRef(spec.shape)) {
      mis_shaped.push_back(spec.name + " is " + shape_text(found->second.sizes()) + " but should be " +
                           shape_text(spec.shape));
    } else {
      state[spec.name] = found->second.to(at::kFloat).contiguous();
    }
  }
  for (const auto& [name, tensor] : given) {
    bool known = state.count(name) > 0;
    for (std::size_t i = 0; !known && i < specs.size(); ++i) known = specs[i].name == name;
    if (!known) unexpected.push_back(name);
  }
  std::string problem;
  for (const std::string& part :
       {listed(missing, "missing"), listed(unexpected, "unexpected"), listed(mis_shaped, "mis-shaped")})
    if (!part.empty()) problem += (problem.empty() ? "" : "; ") + part;
  if (!problem.empty())
    throw Error(ErrorCode::kShape, std::string(subject), "the weights do not fit the network (" + problem + ")",
                "Check that the file belongs to this architecture: fovea model info FILE.");
  return state;
}

StateDict random_state(const std::vector<TensorSpec>& specs, std::uint64_t seed) {
  StateDict state;
  for (const TensorSpec& spec : specs) state[spec.name] = initial(spec, seed);
  return state;
}

std::int64_t parameter_count(const std::vector<TensorSpec>& specs, bool trainable_only) {
  std::int64_t count = 0;
  for (const TensorSpec& spec : specs) {
    if (trainable_only && spec.is_buffer()) continue;
    std::int64_t size = 1;
    for (std::int64_t extent : spec.shape) size *= extent;
    count += size;
  }
  return count;
}

}  // namespace fovea::models
