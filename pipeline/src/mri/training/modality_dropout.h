// Gradual modality dropout: the older the epoch, the more modalities a training view lacks (thrombus.md 3). A pure
// function of the seed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace fovea::pipeline::mri::training {

struct ModalityDropout {
  double most = 0;                        ///< probability of dropping a modality at the end of the ramp; 0: off
  double ramp_from = 0.1, ramp_to = 0.7;  ///< shares of all epochs between which it grows from 0
  double degrade = 0.25;                  ///< share of the drops that only spoil the modality's values
  std::string protect;                    ///< the most informative modality: dropped half as often
};

/// 0 before the ramp, 1 after it.
double dropout_ramp(const ModalityDropout& options, std::int64_t epoch, std::int64_t epochs);

enum class Fate : std::uint8_t { kAbsent, kKept, kDegraded, kDropped };

/// What becomes of each modality of a view; kAbsent where it was not `available` to begin with. At most round(ramp *
/// (modalities - 1)) are dropped, and one that was available always stays. `seed`: of the view.
std::vector<Fate> draw_dropout(const ModalityDropout& options, const std::vector<std::string>& modalities,
                               const std::vector<bool>& available, double ramp, std::uint64_t seed);

}  // namespace fovea::pipeline::mri::training
