// Named tensors in files: safetensors (ours), PyTorch checkpoints, Keras HDF5 and ONNX initialisers (imported).
// None of these readers executes anything that a file contains.
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <fovea/io/array.h>

namespace fovea::io {

struct WeightFile {
  std::string format;                    ///< "safetensors", "pytorch-zip", "pytorch-legacy", "keras-hdf5", "onnx"
  std::map<std::string, Array> tensors;  ///< by the name in the file
  std::vector<std::string> order;        ///< tensor names in the order of the file (creation order matters for Keras)
  std::map<std::string, std::string>
      metadata;                      ///< safetensors __metadata__; for checkpoints: what was found beside the weights
  std::vector<std::string> notices;  ///< e.g. "ignored object of class config.Config", "storages were on cuda:0"
};

/// Recognises the format by content, not by name. Error(kUnsupported) lists what is understood.
WeightFile read_weights(const std::filesystem::path& path);

/// Memory-mapped; every offset, size, overlap and the header length are checked. Error(kCorrupt) says which tensor is
/// wrong.
WeightFile read_safetensors(const std::filesystem::path& path);

/// Atomic. Tensors are written in name order, 8-byte aligned header; same input gives the same bytes.
void write_safetensors(const std::filesystem::path& path, const std::map<std::string, Array>& tensors,
                       const std::map<std::string, std::string>& metadata);

/// Restricted reader of torch.save files (zip, and the legacy format before 1.6). Dictionaries, OrderedDicts (with
/// attached
/// `_metadata`), tuples, lists, numbers and tensors are understood; any other global becomes an opaque node and is
/// never imported or executed. CUDA storages are read to memory; strides are honoured. A top-level `model` or
/// `state_dict` dictionary is taken if present; a leading `module.` is stripped. A bare tensor appears under the name
/// "" (empty).
WeightFile read_torch_checkpoint(const std::filesystem::path& path);

/// Legacy Keras weight files (`model_weights/<layer>/<layer>/kernel:0`) and `.weights.h5`. Names are
/// `<layer>/<weight>`, e.g. `conv3d_3/kernel`, `batch_normalization/moving_mean`; layouts are left as in the file.
WeightFile read_keras_hdf5(const std::filesystem::path& path);

/// Initialisers of an ONNX graph (no graph interpreter), float32/float64/int64, raw or typed data. Metadata: `inputs`,
/// `outputs` (JSON arrays of {name, shape}), `node_types` (JSON object name -> count).
WeightFile read_onnx_initialisers(const std::filesystem::path& path);

}  // namespace fovea::io
