// A TorchScript network as it is: the file's own program runs. Only files whose content is pinned belong here.
#pragma once

#include <memory>
#include <string>

#include <ATen/core/Tensor.h>

namespace fovea::models {

class ScriptedNetwork {
 public:
  virtual ~ScriptedNetwork() = default;
  /// One tensor in, one out; no graph. Error(kCorrupt) when the program fails on it.
  virtual at::Tensor run(const at::Tensor& input) const = 0;
};
/// Error(kCorrupt) when the file is no TorchScript archive.
std::unique_ptr<ScriptedNetwork> load_scripted_network(const std::string& path);

}  // namespace fovea::models
