// Keras weight files: the legacy layout (`model_weights/<layer>/<...>/kernel:0`, or the same at the root) and
// `.weights.h5`.
#include <algorithm>
#include <stdexcept>

#include <fovea/base/error.h>
#include <fovea/io/weights.h>

#include "core/hdf5_handle.h"

namespace fovea::io {
namespace {

constexpr int kMaxDepth = 12;

/// `conv3d_3/kernel:0` -> `kernel`.
std::string weight_name(std::string name) {
  name = name.substr(0, name.find(':'));
  return name.substr(name.rfind('/') == std::string::npos ? 0 : name.rfind('/') + 1);
}

/// Every data set below a layer's group, whatever scopes lie between.
void collect(hid_t group, const std::string& layer, WeightFile& weights, int depth) {
  if (depth > kMaxDepth) throw std::runtime_error("its groups are nested too deeply");
  for (const std::string& link : h5::links(group)) {
    if (!h5::exists(group, link)) continue;
    if (h5::is_group(group, link)) {
      collect(h5::open_group(group, link), layer, weights, depth + 1);
      continue;
    }
    const std::string name = layer + "/" + weight_name(link);
    if (weights.tensors.count(name))
      throw std::runtime_error("layer '" + layer + "' holds '" + weight_name(link) + "' twice");
    weights.tensors[name] = h5::read_dataset(group, link);
    weights.order.push_back(name);
  }
}

/// Keras 3 names the variables of a layer by number: kernel and bias, or gamma, beta, mean, variance.
void name_numbered(WeightFile& weights) {
  std::map<std::string, Array> renamed;
  for (auto& [name, array] : weights.tensors) {
    const auto slash = name.rfind('/');
    const std::string layer = name.substr(0, slash), last = name.substr(slash + 1);
    static const std::vector<std::string> convolution{"kernel", "bias"},
        norm{"gamma", "beta", "moving_mean", "moving_variance"};
    const auto& names = weights.tensors.count(layer + "/3") ? norm : convolution;
    const bool numbered = last.size() == 1 && last[0] >= '0' && static_cast<std::size_t>(last[0] - '0') < names.size();
    renamed[numbered ? layer + "/" + names[static_cast<std::size_t>(last[0] - '0')] : name] = array;
  }
  weights.tensors = std::move(renamed);
  weights.order.clear();
  for (const auto& [name, array] : weights.tensors) weights.order.push_back(name);
}

}  // namespace

WeightFile read_keras_hdf5(const std::filesystem::path& path) {
  const h5::Handle file = h5::open_file(path);
  WeightFile weights;
  weights.format = "keras-hdf5";
  try {
    std::string root = "/";
    for (const char* candidate : {"model_weights", "layers", "_layer_checkpoint_dependencies"})
      if (h5::is_group(file, candidate)) root = candidate;
    const h5::Handle group = h5::open_group(file, root);
    for (const std::string& layer : h5::links(group))
      if (h5::is_group(group, layer) && layer != "top_level_model_weights" && layer != "optimizer_weights")
        collect(h5::open_group(group, layer), layer, weights, 0);
    if (root == "layers" || root == "_layer_checkpoint_dependencies") name_numbered(weights);
    if (weights.tensors.empty()) throw std::runtime_error("it holds no layer with weights");
  } catch (const std::exception& error) {
    throw Error(ErrorCode::kCorrupt, path.string(), std::string("the Keras weights cannot be read: ") + error.what(),
                "Save the weights again with Keras.");
  }
  return weights;
}

}  // namespace fovea::io
