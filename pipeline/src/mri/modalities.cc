#include "mri/modalities.h"

#include <algorithm>

#include <ATen/Parallel.h>
#include <nlohmann/json.hpp>

#include <fovea/base/error.h>

#include "mri/diffusion.h"
#include "mri/same_grid.h"
#include "problems.h"
#include "lower_case.h"
#include "slide/words.h"

namespace fovea::pipeline::mri {
namespace {

using Json = nlohmann::json;
using slide::fixed_text;

/// Names of one thing; the model's file may use any of a row.
const std::vector<std::vector<std::string>> kSynonyms{{"swan", "swi", "t2*", "t2star", "t2s", "swan|t2*"},
                                                      {"dwi", "b1000", "dwi(b1000)"},
                                                      {"t1ce", "t1c", "t1gd", "t1post", "t1+c"},
                                                      {"flair", "t2flair"},
                                                      {"tof", "mra"}};

bool contains(const std::vector<std::string>& names, const std::string& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

class Aligner {
 public:
  Aligner(std::vector<NamedVolume> given, const std::vector<std::string>& known, Alignment alignment,
          const std::function<void(double)>& advance)
      : given_(std::move(given)), alignment_(alignment), advance_(advance) {
    for (const std::string& name : known) {
      result_.modalities.push_back({.name = name});
      result_.volumes.emplace_back();
    }
  }

  AlignedModalities run() {
    check_diffusion();
    place_reference();
    const std::size_t reference = result_.reference;
    const io::Volume* dwi = find("dwi");
    const io::Geometry dwi_grid = dwi ? dwi->geometry : io::Geometry{};
    for (std::size_t i = 0; i < result_.modalities.size(); ++i) {
      if (i == reference) continue;
      result_.volumes[i].geometry = result_.volumes[reference].geometry;
      Modality& modality = result_.modalities[i];
      io::Volume* volume = find(modality.name);
      if (!volume) {
        modality.problem = "not given";
        continue;
      }
      const bool follows = modality.name == "adc" && dwi && same_grid(volume->geometry, dwi_grid);
      place(i, *volume, follows ? index_of("dwi") : i);
      ++placed_;
    }
    return std::move(result_);
  }

 private:
  io::Volume* find(const std::string& name) {
    for (NamedVolume& one : given_)
      if (one.name == name) return &one.volume;
    return nullptr;
  }
  std::size_t index_of(const std::string& name) const {
    for (std::size_t i = 0; i < result_.modalities.size(); ++i)
      if (result_.modalities[i].name == name) return i;
    return result_.modalities.size();
  }

  void check_diffusion() {
    io::Volume *dwi = find("dwi"), *adc = find("adc");
    if (dwi && adc) refuse_swapped(*dwi, *adc);
    if (!adc) return;
    std::string notice;
    scale_adc(*adc, notice);
    if (!notice.empty()) result_.notices.push_back("adc: " + notice);
  }

  void place_reference() {
    for (std::size_t i = 0; i < result_.modalities.size(); ++i) {
      io::Volume* volume = find(result_.modalities[i].name);
      if (!volume) continue;
      result_.reference = i;
      result_.volumes[i] = std::move(*volume);
      result_.modalities[i].present = true, result_.modalities[i].alignment = "reference";
      return;
    }
    throw Error(ErrorCode::kUsage, "--modality", "none of the model's modalities was given",
                "Give at least one as NAME=FILE.");
  }

  void place(std::size_t i, io::Volume& volume, std::size_t leader) {
    const io::Volume& reference = result_.volumes[result_.reference];
    Modality& modality = result_.modalities[i];
    modality.present = true;
    if (same_grid(reference.geometry, volume.geometry)) {
      modality.alignment = "same grid";
      result_.volumes[i].values = std::move(volume.values);
      return;
    }
    if (alignment_ == Alignment::kHeaders) {
      modality.alignment = "headers";
    } else if (leader < i || leader == result_.reference) {
      const Modality& other = result_.modalities[leader];
      modality.alignment = leader == result_.reference ? "headers" : "as " + other.name;
      modality.registration = other.registration;
      if (leader != result_.reference && !other.present) return refuse(modality, other.problem);
    } else {
      modality.registration = register_rigid(reference, volume, at::get_num_threads(), progress());
      modality.alignment = modality.registration->by_headers ? "headers" : "registered";
      if (!modality.registration->accepted)
        return refuse(modality, "registration to " + result_.modalities[result_.reference].name +
                                    " failed: " + modality.registration->problem);
    }
    const Affine map = modality.registration ? modality.registration->moving_from_fixed_lps : Affine{};
    result_.volumes[i].values = on_fixed_grid(volume, map, reference.geometry).values;
    volume.values = {};
  }

  void refuse(Modality& modality, const std::string& problem) {
    modality.present = false, modality.alignment.clear(), modality.problem = problem;
    result_.notices.push_back(modality.name + " is treated as missing (" + problem + ")");
  }

  std::function<void(double)> progress() const {
    return [this](double done) {
      if (advance_) advance_((static_cast<double>(placed_) + done) / static_cast<double>(given_.size()));
    };
  }

  std::vector<NamedVolume> given_;
  Alignment alignment_;
  const std::function<void(double)>& advance_;
  std::size_t placed_ = 0;
  AlignedModalities result_;
};

std::string figures_text(const Json& figures) {
  std::vector<std::string> parts;
  for (const auto& [name, value] : figures.items())
    if (value.is_number_integer()) {
      parts.push_back(name + " " + std::to_string(value.get<std::int64_t>()));
    } else if (value.is_number()) {
      parts.push_back(name + " " + fixed_text(value.get<double>(), 2));
    }
  std::string text = joined(parts, ", ");
  std::replace(text.begin(), text.end(), '_', ' ');
  return text;
}

}  // namespace

std::string modality_name(const std::string& given, const std::vector<std::string>& known) {
  const std::string name = lower_case(given);
  if (contains(known, name)) return name;
  for (const auto& row : kSynonyms)
    if (contains(row, name))
      for (const std::string& other : row)
        if (contains(known, other)) return other;
  throw Error(ErrorCode::kUsage, "--modality", "the model knows no modality '" + given + "'",
              "It knows: " + joined(known, ", ") + ".");
}

AlignedModalities align_modalities(std::vector<NamedVolume> given, const std::vector<std::string>& known,
                                   Alignment alignment, const std::function<void(double)>& advance) {
  return Aligner(std::move(given), known, alignment, advance).run();
}

std::string availability_notice(const std::map<std::string, std::string>& metadata,
                                const std::vector<Modality>& modalities) {
  std::vector<std::string> present, absent;
  for (const Modality& modality : modalities) (modality.present ? present : absent).push_back(modality.name);
  if (absent.empty()) return {};
  const std::string said = joined(absent, " and ") + (absent.size() > 1 ? " are missing: " : " is missing: ");
  const auto entry = metadata.find("fovea.availability");
  const Json table = entry == metadata.end() ? Json() : Json::parse(entry->second, nullptr, false);
  const std::string pattern = joined(present, "+");
  const std::string figures =
      table.is_object() && table.contains(pattern) && table[pattern].is_object() ? figures_text(table[pattern]) : "";
  if (figures.empty())
    return said + "the model's file holds no validated figure for " + pattern + " alone, so its accuracy is unknown";
  return said + "with " + pattern + " alone the model's validation gave " + figures;
}

Json modalities_json(const std::vector<Modality>& modalities) {
  Json list = Json::array();
  for (const Modality& modality : modalities) {
    Json one{{"name", modality.name}, {"present", modality.present}};
    if (modality.present) {
      one["alignment"] = modality.alignment;
    } else {
      one["problem"] = modality.problem;
    }
    if (const auto& r = modality.registration)
      one["registration"] = {{"metric_before", r->metric_before},
                             {"metric_after", r->metric_after},
                             {"moved_mm", r->moved_mm},
                             {"rotation_degrees", r->rotation_degrees},
                             {"restart_difference_mm", r->restart_mm}};
    list.push_back(std::move(one));
  }
  return list;
}

}  // namespace fovea::pipeline::mri
