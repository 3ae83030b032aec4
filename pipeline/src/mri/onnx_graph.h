// AGUNet as an ONNX graph, so that other programs can run what was trained here.
#pragma once

#include <cstdint>
#include <vector>

#include <fovea/io/onnx.h>
#include <fovea/models/segmentation.h>

namespace fovea::pipeline::mri {

/// Opset 13. Input "input" [1, C, X, Y, Z] (or [1, C, X, Y]), output "output" [1, classes, ...]: the softmax of the
/// full-resolution head; the heads of deep supervision are left out. Weights keep their canonical names, norms are
/// nodes of their own. `spatial`: the sizes that the input must have; empty: any that divide by config.divisor().
/// Error(kUnsupported) for other architectures.
io::OnnxModel onnx_graph(const models::SegNetwork& network, const std::vector<std::int64_t>& spatial);

}  // namespace fovea::pipeline::mri
