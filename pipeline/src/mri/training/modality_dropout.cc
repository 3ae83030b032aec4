#include "mri/training/modality_dropout.h"

#include <algorithm>
#include <cmath>

#include "slide/random_source.h"

namespace fovea::pipeline::mri::training {
namespace {

/// One of `which`, taken out of it.
std::size_t take_one(std::vector<std::size_t>& which, slide::RandomSource& random) {
  const auto at = static_cast<std::ptrdiff_t>(random.whole(0, static_cast<std::int64_t>(which.size()) - 1));
  const std::size_t taken = which[static_cast<std::size_t>(at)];
  which.erase(which.begin() + at);
  return taken;
}

}  // namespace

double dropout_ramp(const ModalityDropout& options, std::int64_t epoch, std::int64_t epochs) {
  const double from = options.ramp_from * static_cast<double>(epochs),
               to = options.ramp_to * static_cast<double>(epochs);
  if (to <= from) return static_cast<double>(epoch) >= to ? 1 : 0;
  return std::clamp((static_cast<double>(epoch) - from) / (to - from), 0.0, 1.0);
}

std::vector<Fate> draw_dropout(const ModalityDropout& options, const std::vector<std::string>& modalities,
                               const std::vector<bool>& available, double ramp, std::uint64_t seed) {
  slide::RandomSource random(seed);
  std::vector<Fate> fates(modalities.size(), Fate::kAbsent);
  std::vector<std::size_t> dropped;
  std::size_t left = 0;
  for (std::size_t m = 0; m < modalities.size(); ++m) {
    if (!available[m]) continue;
    fates[m] = Fate::kKept;
    const double probability = options.most * ramp * (modalities[m] == options.protect ? 0.5 : 1);
    if (random.uniform() >= probability)
      ++left;
    else if (random.uniform() < options.degrade)
      fates[m] = Fate::kDegraded, ++left;
    else
      fates[m] = Fate::kDropped, dropped.push_back(m);
  }
  const auto most = static_cast<std::size_t>(std::lround(ramp * (static_cast<double>(modalities.size()) - 1)));
  while (dropped.size() > most || (left == 0 && !dropped.empty())) {
    fates[take_one(dropped, random)] = Fate::kKept;
    ++left;
  }
  return fates;
}

}  // namespace fovea::pipeline::mri::training
