// Launches of tile_attention.cuh for one pattern: forward, and one pass a gradient.
#pragma once

#include "attention/kernels/tile_attention.cuh"

namespace fovea::attention::kernels {

template <class Pattern>
int launch_forward(const Pattern& pattern, const Attend& in, float* out, float* lse, void* stream) {
  const std::int64_t parts = blocks_for(in.value_width, kTileWidth), tiles = pattern.tiles();
  return FOVEA_LAUNCH(attend_forward<Pattern>, Grid{pattern.heads() * tiles * parts}, kRowTileThreads, 0, stream,
                      pattern, in, tiles, parts, out, lse);
}

template <class Pattern>
int launch_gradient(const Pattern& pattern, const AttendBackward& backward, void* stream) {
  const std::int64_t parts = blocks_for(backward.width, kTileWidth), tiles = pattern.tiles();
  return FOVEA_LAUNCH(attend_backward<Pattern>, Grid{pattern.heads() * tiles * parts}, kRowTileThreads, 0, stream,
                      pattern, backward, tiles, parts);
}

/// `by_query` walks the keys of queries, `by_key` the queries of keys.
template <class ByQuery, class ByKey>
int launch_backward(const ByQuery& by_query, const ByKey& by_key, const Attend& in, const AttendGradients& gradients,
                    std::int64_t queries, void* stream) {
  constexpr int kThreads = 256, kQueriesOfBlock = kThreads / kWarp;
  int status = FOVEA_LAUNCH(attend_delta, Grid{blocks_for(queries, kQueriesOfBlock)}, kThreads, 0, stream, gradients,
                            queries, in.value_width);
  const PairOperands of_query{in.q, in.k, in.width}, up_of_query{gradients.grad_out, in.v, in.value_width};
  const PairOperands of_key{in.k, in.q, in.width}, up_of_key{in.v, gradients.grad_out, in.value_width};
  const float *lse = gradients.lse, *delta = gradients.delta;
  if (status == 0 && gradients.dq)
    status = launch_gradient(
        by_query,
        AttendBackward{of_query, up_of_query, lse, delta, in.k, in.width, in.scale, in.scale, true, gradients.dq},
        stream);
  if (status == 0 && gradients.dk)
    status = launch_gradient(
        by_key, AttendBackward{of_key, up_of_key, lse, delta, in.q, in.width, in.scale, in.scale, true, gradients.dk},
        stream);
  if (status == 0 && gradients.dv)
    status = launch_gradient(by_key,
                             AttendBackward{of_key, up_of_key, lse, delta, gradients.grad_out, in.value_width, in.scale,
                                            1.0f, false, gradients.dv},
                             stream);
  return status;
}

}  // namespace fovea::attention::kernels
