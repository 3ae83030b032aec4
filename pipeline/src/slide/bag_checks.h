// Do a bag and a model fit each other, and where do the bag's tiles lie?
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include <fovea/io/bag.h>

#include "model_store.h"
#include "slide/prediction.h"

namespace fovea::pipeline::slide {

/// What is wrong where features and model come from different encoders; empty: nothing, or one of them is not named.
std::string other_encoder(const std::string& features, const std::string& trained);

struct EncoderCheck {
  const LoadedMil& mil;
  std::string model_name;    ///< of its file, for messages
  bool any_encoder = false;  ///< another name is only noted
};
/// Survival, regression and multi-label models need their head (mil predict has it): read as class probabilities, their
/// outputs would be wrong without looking so. Error(kUnsupported).
void require_classes(const LoadedMil& mil, const std::string& model_name);

/// A model means nothing on the features of another encoder, even when the widths happen to agree. `name`: of the
/// features' encoder, empty = unknown. Error(kShape).
void check_encoder(const EncoderCheck& check, const std::string& subject, const std::string& name, std::int64_t width,
                   std::vector<std::string>& notices);

/// Edge of a tile on level 0: as the file says, else the smallest distance of two columns or rows, and the user is
/// told; 0 when there is none.
double tile_edge(const io::BagGeometry& geometry, const std::vector<std::int64_t>& coords,
                 std::vector<std::string>& notices);

/// A NaN anywhere in the features reaches the logits; it must not leave as a probability. Error(kCorrupt) names `file`.
void require_finite(const Prediction& prediction, const std::filesystem::path& file);

}  // namespace fovea::pipeline::slide
