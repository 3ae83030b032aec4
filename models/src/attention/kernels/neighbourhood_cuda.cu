// Neighbourhood attention on CUDA. A tile of rows is a box of one dilation group; the columns it needs are a box of the
// same group, walked 32 at a time, each pair tested against the window rule. The gradients of keys and values walk the
// box of queries whose windows may hold the key. Run under host emulation only so far (docs/gpu.md).
#include "attention/kernels/neighbourhood.h"

#include "attention/kernels/attend_launch.cuh"

namespace {

using namespace fovea::attention::kernels;

constexpr int kAxes = 3;

struct WindowShared {
  std::int64_t row[kTileRows], column[kTilePairs];  // tokens of all heads; -1 none, -2 - token a hole
  int row_at[kTileRows][kAxes], column_at[kTilePairs][kAxes];
  int begin[kTileRows][kAxes], end[kTileRows][kAxes];  // windows of the queries: of rows, or of columns
};

/// Tiles of an axis, group after group; groups differ by one position at most.
__host__ __device__ std::int64_t tiles_of_group(const Axis& axis, int tile) {
  return (group_length(axis, 0) + tile - 1) / tile;
}

template <bool kOfKeys>
struct WindowPattern {
  using Shared = WindowShared;
  static constexpr bool kTransposed = kOfKeys;

  WindowGrid grid;
  int tile[kAxes];
  // Set by open(), the same in all threads.
  std::int64_t head, group[kAxes], box_begin[kAxes], box_length[kAxes];

  std::int64_t heads() const { return grid.heads; }
  std::int64_t tiles() const {
    std::int64_t count = 1;
    for (int a = 0; a < kAxes; ++a) count *= grid.axes[a].dilation * tiles_of_group(grid.axes[a], tile[a]);
    return count;
  }

  __device__ std::int64_t open(const Place& place, Shared& shared) {
    head = place.outer;
    std::int64_t rest = place.tile, first[kAxes], steps = 1;
    for (int a = kAxes - 1; a >= 0; --a) {
      const Axis& axis = grid.axes[a];
      const std::int64_t tiles_here = tiles_of_group(axis, tile[a]), at = rest % (axis.dilation * tiles_here);
      rest /= axis.dilation * tiles_here;
      group[a] = at / tiles_here, first[a] = at % tiles_here * tile[a];
      steps *= set_box(a, first[a], smaller(group_length(axis, group[a]), first[a] + tile[a]));
    }
    for (int r = static_cast<int>(threadIdx.x); r < kTileRows; r += kRowTileThreads) place_row(r, first, shared);
    __syncthreads();
    return (steps + kTilePairs - 1) / kTilePairs;
  }

  __device__ bool columns(std::int64_t step, Shared& shared) {
    const int c = static_cast<int>(threadIdx.x);
    if (c < kTilePairs) place_column(step * kTilePairs + c, c, shared);
    __syncthreads();
    return true;
  }

  __device__ std::int64_t row(const Shared& shared, int r) const { return shared.row[r]; }
  __device__ std::int64_t column(const Shared& shared, int c) const { return shared.column[c]; }
  __device__ std::int64_t written(const Shared& shared, int r) const {
    return shared.row[r] < -1 ? -2 - shared.row[r] : shared.row[r];
  }
  __device__ bool allowed(const Shared& shared, int r, int c) const {
    bool seen = shared.row[r] >= 0 && shared.column[c] >= 0;
    for (int a = 0; a < kAxes; ++a) {
      const int key = kOfKeys ? shared.row_at[r][a] : shared.column_at[c][a], query = kOfKeys ? c : r;
      seen = seen && key >= shared.begin[query][a] && key < shared.end[query][a];
    }
    return seen;
  }

 private:
  /// Columns that rows [first, last) of an axis may pair with -> their number.
  __device__ std::int64_t set_box(int a, std::int64_t first, std::int64_t last) {
    const Axis& axis = grid.axes[a];
    Window box{0, 0};
    if (first < last)
      box = kOfKeys ? queries_of(axis, group[a], first, last)
                    : Window{window_of(axis, group[a], first).begin, window_of(axis, group[a], last - 1).end};
    box_begin[a] = box.begin, box_length[a] = box.end - box.begin;
    return box_length[a];
  }

  __device__ std::int64_t token_of(const std::int64_t (&at)[kAxes]) const {
    std::int64_t token = 0;
    for (int a = 0; a < kAxes; ++a) token = token * grid.axes[a].length + at[a] * grid.axes[a].dilation + group[a];
    const std::int64_t tokens = tokens_of(grid), of_all = head * tokens + token;
    return grid.valid && !grid.valid[token] ? -2 - of_all : of_all;
  }

  __device__ void place_windows(int query, const std::int64_t (&at)[kAxes], Shared& shared) const {
    for (int a = 0; a < kAxes; ++a) {
      const Window window = window_of(grid.axes[a], group[a], at[a]);
      shared.begin[query][a] = static_cast<int>(window.begin), shared.end[query][a] = static_cast<int>(window.end);
    }
  }

  __device__ void place_row(int r, const std::int64_t (&first)[kAxes], Shared& shared) const {
    std::int64_t at[kAxes];
    int rest = r;
    bool inside = true;
    for (int a = kAxes - 1; a >= 0; --a) {
      at[a] = first[a] + rest % tile[a], rest /= tile[a];
      inside = inside && at[a] < group_length(grid.axes[a], group[a]);
      shared.row_at[r][a] = static_cast<int>(at[a]);
    }
    shared.row[r] = inside ? token_of(at) : -1;
    if (!kOfKeys && inside) place_windows(r, at, shared);
  }

  __device__ void place_column(std::int64_t index, int c, Shared& shared) const {
    std::int64_t at[kAxes], rest = index;
    for (int a = kAxes - 1; a >= 0; --a) {
      at[a] = box_begin[a] + rest % box_length[a], rest /= box_length[a];
      shared.column_at[c][a] = static_cast<int>(at[a]);
    }
    shared.column[c] = rest == 0 ? token_of(at) : -1;
    if (kOfKeys && rest == 0) place_windows(c, at, shared);
  }
};

/// Tiles about as wide on every axis that has a window: 64 rows in all.
template <bool kOfKeys>
WindowPattern<kOfKeys> pattern_of(const WindowGrid& grid) {
  WindowPattern<kOfKeys> pattern{};
  pattern.grid = grid;
  const bool flat = grid.axes[0].length == 1, line = flat && grid.axes[1].length == 1;
  const int along[3] = {flat ? 1 : 4, line ? 1 : flat ? 8 : 4, line ? kTileRows : flat ? 8 : 4};
  for (int a = 0; a < kAxes; ++a) pattern.tile[a] = along[a];
  return pattern;
}

}  // namespace

extern "C" int fovea_cuda_neighbourhood(const WindowGrid* grid, const Attend* in, float* out, float* lse,
                                        void* stream) {
  return launch_forward(pattern_of<false>(*grid), *in, out, lse, stream);
}

extern "C" int fovea_cuda_neighbourhood_backward(const WindowGrid* grid, const Attend* in,
                                                 const AttendGradients* gradients, void* stream) {
  return launch_backward(pattern_of<false>(*grid), pattern_of<true>(*grid), *in, *gradients,
                         grid->heads * tokens_of(*grid), stream);
}
