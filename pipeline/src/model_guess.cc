#include "model_guess.h"

#include <algorithm>
#include <array>
#include <map>

#include <fovea/base/error.h>

namespace fovea::pipeline {
namespace {

using models::StateDict;
using models::TensorSpec;

// Widths that no real file has and that no sum or half of others equals: a spec made with them says by its numbers
// which width stands where, without this file knowing any architecture.
constexpr std::int64_t kFeatures = 100'003, kInner = 50'021, kAttention = 30'011, kClasses = 20'011, kChannels = 40'009;
constexpr std::array<std::int64_t, 7> kFilters{2'000'006, 2'000'062, 2'000'158, 2'000'318,
                                               2'000'642, 2'001'286, 2'002'570};
constexpr std::int64_t kMostBranches = 64;
constexpr std::int64_t kNoVote = 2;  // the least width that every architecture accepts

std::size_t shared_names(const std::vector<TensorSpec>& specs, const StateDict& given) {
  return std::count_if(specs.begin(), specs.end(), [&](const TensorSpec& spec) { return given.count(spec.name) > 0; });
}

/// Names that agree minus names that do not: higher is nearer.
std::int64_t closeness(const std::vector<TensorSpec>& specs, const StateDict& given) {
  const auto shared = static_cast<std::int64_t>(shared_names(specs, given));
  return 3 * shared - static_cast<std::int64_t>(specs.size()) - static_cast<std::int64_t>(given.size());
}

/// For every placeholder width the value that most tensors of the file have in its place.
class WidthVote {
 public:
  WidthVote(const std::vector<TensorSpec>& specs, const StateDict& given) {
    for (const TensorSpec& spec : specs) {
      auto found = given.find(spec.name);
      if (found == given.end() || static_cast<std::size_t>(found->second.dim()) != spec.shape.size()) continue;
      for (std::size_t i = 0; i < spec.shape.size(); ++i)
        ++votes_[spec.shape[i]][found->second.size(static_cast<std::int64_t>(i))];
    }
  }
  std::int64_t value(std::int64_t placeholder) const {
    auto found = votes_.find(placeholder);
    if (found == votes_.end()) return kNoVote;
    return std::max_element(found->second.begin(), found->second.end(),
                            [](auto& a, auto& b) { return a.second < b.second; })
        ->first;
  }

 private:
  std::map<std::int64_t, std::map<std::int64_t, int>> votes_;
};

/// `count`: branches, or classes where these decide how many tensors there are.
models::MilConfig placeholder(const models::MilRow& row, std::int64_t count) {
  return {std::string(row.name), kFeatures, kInner, kAttention, count, row.names_follow_classes ? count : kClasses};
}

std::vector<TensorSpec> nearest_specs(const models::MilRow& row, const StateDict& given) {
  std::int64_t best = 1, best_closeness = closeness(row.specs(placeholder(row, 1)), given);
  for (std::int64_t branches = 2; branches <= kMostBranches; ++branches) {
    const std::int64_t close = closeness(row.specs(placeholder(row, branches)), given);
    if (close > best_closeness) best = branches, best_closeness = close;
  }
  const WidthVote vote(row.specs(placeholder(row, best)), given);
  return row.specs({std::string(row.name), vote.value(kFeatures), vote.value(kInner), vote.value(kAttention), best,
                    row.names_follow_classes ? best : vote.value(kClasses)});
}

std::vector<models::SegConfig> placeholders(const models::SegRow& row) {
  std::vector<models::SegConfig> all;
  for (std::size_t levels = 2; levels <= kFilters.size(); ++levels)
    for (int switches = 0; switches < 16; ++switches) {
      models::SegConfig config;
      config.architecture = row.name;
      config.dims = switches & 8 ? 2 : 3;
      config.channels = kChannels, config.classes = kClasses;
      config.filters.assign(kFilters.begin(), kFilters.begin() + static_cast<std::ptrdiff_t>(levels));
      config.multi_scale = switches & 1, config.deep_supervision = switches & 2,
      config.attention = config.guided = switches & 4;
      all.push_back(config);
    }
  return all;
}

/// 2-D and 3-D networks have the same names: the rank of the tensors decides between them.
std::int64_t closeness_with_rank(const std::vector<TensorSpec>& specs, const StateDict& given) {
  std::int64_t close = closeness(specs, given);
  for (const TensorSpec& spec : specs)
    if (auto found = given.find(spec.name);
        found != given.end() && static_cast<std::size_t>(found->second.dim()) == spec.shape.size())
      ++close;
  return close;
}

/// Nothing for a network whose number of tensors follows its widths (one encoder a modality): it refuses placeholders.
std::vector<TensorSpec> placeholder_specs(const models::SegRow& row, const models::SegConfig& config) {
  try {
    return row.specs(config);
  } catch (const Error&) {
    return {};
  }
}

std::vector<TensorSpec> nearest_specs(const models::SegRow& row, const StateDict& given) {
  std::optional<models::SegConfig> best;
  std::int64_t best_closeness = 0;
  for (const models::SegConfig& config : placeholders(row)) {
    const auto specs = placeholder_specs(row, config);
    if (specs.empty()) continue;
    const std::int64_t close = closeness_with_rank(specs, given);
    if (!best || close > best_closeness) best = config, best_closeness = close;
  }
  if (!best) return {};
  const WidthVote vote(row.specs(*best), given);
  best->channels = vote.value(kChannels), best->classes = vote.value(kClasses);
  for (std::int64_t& filters : best->filters) filters = vote.value(filters);
  return placeholder_specs(row, *best);  // of weights of another kind the widths may be impossible
}

}  // namespace

std::size_t mismatches(const std::vector<TensorSpec>& specs, const StateDict& given) {
  std::size_t wrong = 0;
  for (const TensorSpec& spec : specs) {
    auto found = given.find(spec.name);
    wrong += found == given.end() || found->second.sizes().vec() != spec.shape;
  }
  return wrong + given.size() - shared_names(specs, given);
}

std::optional<NearestModel> nearest_model(const StateDict& given) {
  std::optional<NearestModel> nearest;
  std::int64_t best_closeness = 0;
  auto consider = [&](std::string_view name, std::vector<TensorSpec> specs, const StateDict& tensors) {
    const std::size_t shared = shared_names(specs, tensors);
    if (specs.empty() || 2 * shared < specs.size()) return;
    const std::int64_t close = closeness(specs, tensors);
    if (nearest && close <= best_closeness) return;
    nearest = NearestModel{std::string(name), std::move(specs), shared};
    best_closeness = close;
  };
  for (const models::MilRow& row : models::mil_models()) consider(row.name, nearest_specs(row, given), given);
  for (const models::SegRow& row : models::seg_models()) consider(row.name, nearest_specs(row, given), given);
  for (const models::EncoderRow& row : models::encoders())
    if (row.specs) consider(row.name, row.specs(), models::without_dropped(row, given));
  return nearest;
}

}  // namespace fovea::pipeline
