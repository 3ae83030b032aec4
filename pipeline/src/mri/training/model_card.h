// What a trained segmentation network says of itself: its file's metadata, and a page for people.
#pragma once

#include <map>
#include <string>

#include "mri/training/fold_run.h"

namespace fovea::pipeline::mri::training {

struct Training {
  std::int64_t seed = 0, kept_epoch = 0, train_cases = 0, val_cases = 0;
  std::string fold;
};

/// Mean Dice of a class over the cases of a part that hold it, all modalities shown; and the median.
struct DiceFigure {
  std::string class_name, part;
  std::size_t cases = 0;
  double mean = 0, median = 0, detected = 0;  ///< detected: share of the cases where a component touches the lesion
};
std::vector<DiceFigure> dice_figures(const FoldResult& result);

std::map<std::string, std::string> model_metadata(const RunData& run, const Training& training,
                                                  const FoldResult& result);
/// Markdown. `sha256`: of the weight file.
std::string model_card(const RunData& run, const Training& training, const FoldResult& result,
                       const std::string& sha256);

}  // namespace fovea::pipeline::mri::training
