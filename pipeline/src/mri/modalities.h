// Several modalities of one head: which is which, onto one grid, and what became of each (reference/mri-io.md 5).
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include <fovea/io/volume.h>

#include "mri/registration.h"

namespace fovea::pipeline::mri {

struct NamedVolume {
  std::string name;  ///< as the model spells it
  io::Volume volume;
};

/// What became of a modality that the model knows.
struct Modality {
  std::string name;
  bool present = false;
  /// "reference", "same grid" (taken as it lies), "headers", "registered", "as dwi"; empty where absent.
  std::string alignment;
  std::string problem;  ///< why it is absent
  std::optional<Registration> registration;
};

struct AlignedModalities {
  std::vector<io::Volume> volumes;   ///< in the model's order, on the reference grid; without values where absent
  std::vector<Modality> modalities;  ///< likewise
  std::size_t reference = 0;
  std::vector<std::string> notices;
};

/// The model's name for what the user calls a modality: "SWI" or "T2*" is its swan, "T1c" its t1ce. Error(kUsage) lists
/// the model's names when it knows none like it.
std::string modality_name(const std::string& given, const std::vector<std::string>& known);

enum class Alignment {
  kRegister,  ///< rigidly, where the grid is another; ADC on DWI's grid goes where DWI goes
  kHeaders    ///< by the headers
};

/// The first of the model's modalities that was given is the reference. One that cannot be registered is absent. Brings
/// ADC to 1e-6 mm2/s; Error(kUsage) when DWI and ADC seem to be swapped.
AlignedModalities align_modalities(std::vector<NamedVolume> given, const std::vector<std::string>& known,
                                   Alignment alignment, const std::function<void(double)>& advance = {});

/// What the model's file says of its accuracy with just these modalities: entry fovea.availability, one JSON object
/// from "swan+dwi" (present names in the model's order) to {"detection_rate": 0.9, "dice": 0.6, "cases": 40}. One
/// sentence for the user when a modality is missing; empty when none is.
std::string availability_notice(const std::map<std::string, std::string>& metadata,
                                const std::vector<Modality>& modalities);

nlohmann::json modalities_json(const std::vector<Modality>& modalities);

}  // namespace fovea::pipeline::mri
