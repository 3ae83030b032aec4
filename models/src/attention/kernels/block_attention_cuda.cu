// Block-sparse and position attention on CUDA: a tile of rows lies in one block and walks the kept blocks of columns;
// what a dropped block holds is never read. Run under host emulation only so far (docs/gpu.md).
#include "attention/kernels/block_attention.h"

#include "attention/kernels/attend_launch.cuh"

namespace {

using namespace fovea::attention::kernels;

struct BlockShared {
  std::int64_t row[kTileRows], column[kTilePairs];
};

/// Tokens of one side in blocks, blocks in pieces of a tile.
struct Side {
  std::int64_t length, block;
  int piece;
  __host__ __device__ std::int64_t blocks() const { return (length + block - 1) / block; }
  __host__ __device__ std::int64_t pieces_of_block() const {
    return ((block < length ? block : length) + piece - 1) / piece;
  }
  /// Token `at` of piece `index`, counted through all blocks; -1 past the end of the block.
  __device__ std::int64_t token(std::int64_t index, int at) const {
    const std::int64_t each = pieces_of_block(), inside = index % each * piece + at,
                       token = index / each * block + inside;
    return inside < block && token < length ? token : -1;
  }
};

template <bool kOfKeys>
struct BlockPattern {
  using Shared = BlockShared;
  static constexpr bool kTransposed = kOfKeys;

  BlockPairs pairs;
  Side rows, across;
  // Set by open(), the same in all threads.
  std::int64_t batch, head, row_block;

  std::int64_t heads() const { return pairs.batches * (kOfKeys ? pairs.key_heads : pairs.heads); }
  std::int64_t tiles() const { return rows.blocks() * rows.pieces_of_block(); }

  __device__ std::int64_t open(const Place& place, Shared& shared) {
    const std::int64_t heads_here = kOfKeys ? pairs.key_heads : pairs.heads;
    batch = place.outer / heads_here, head = place.outer % heads_here;
    row_block = place.tile / rows.pieces_of_block();
    for (int r = static_cast<int>(threadIdx.x); r < kTileRows; r += kRowTileThreads) {
      const std::int64_t token = rows.token(place.tile, r);
      shared.row[r] = token < 0 ? -1 : place.outer * rows.length + token;
    }
    __syncthreads();
    return across.blocks() * across.pieces_of_block() * (kOfKeys ? pairs.heads / pairs.key_heads : 1);
  }

  __device__ bool columns(std::int64_t step, Shared& shared) {
    const std::int64_t steps_of_head = across.blocks() * across.pieces_of_block(),
                       group = pairs.heads / pairs.key_heads;
    const std::int64_t at = step % steps_of_head, other = kOfKeys ? head * group + step / steps_of_head : head / group;
    if (!kept(kOfKeys ? other : head, at / across.pieces_of_block())) return false;
    const std::int64_t first = (batch * (kOfKeys ? pairs.heads : pairs.key_heads) + other) * across.length;
    const int c = static_cast<int>(threadIdx.x);
    if (c < kTilePairs) {
      const std::int64_t token = across.token(at, c);
      shared.column[c] = token < 0 ? -1 : first + token;
    }
    __syncthreads();
    return true;
  }

  __device__ std::int64_t row(const Shared& shared, int r) const { return shared.row[r]; }
  __device__ std::int64_t column(const Shared& shared, int c) const { return shared.column[c]; }
  __device__ std::int64_t written(const Shared& shared, int r) const { return shared.row[r]; }
  __device__ bool allowed(const Shared& shared, int r, int c) const {
    return shared.row[r] >= 0 && shared.column[c] >= 0;
  }

 private:
  __device__ bool kept(std::int64_t query_head, std::int64_t column_block) const {
    if (!pairs.kept) return true;
    const std::int64_t query_block = kOfKeys ? column_block : row_block, key_block = kOfKeys ? row_block : column_block;
    const std::int64_t key_blocks = kOfKeys ? rows.blocks() : across.blocks();
    return pairs.kept[batch * pairs.kept_batch_stride + query_head * pairs.kept_head_stride + query_block * key_blocks +
                      key_block];
  }
};

/// Without a mask, all tokens are one block.
Side side_of(const BlockPairs& pairs, std::int64_t length, int piece) {
  return {length, pairs.kept ? pairs.block : length, piece};
}

template <bool kOfKeys>
BlockPattern<kOfKeys> pattern_of(const BlockPairs& pairs) {
  BlockPattern<kOfKeys> pattern{};
  pattern.pairs = pairs;
  const Side queries = side_of(pairs, pairs.queries, kOfKeys ? kTilePairs : kTileRows);
  const Side keys = side_of(pairs, pairs.keys, kOfKeys ? kTileRows : kTilePairs);
  pattern.rows = kOfKeys ? keys : queries;
  pattern.across = kOfKeys ? queries : keys;
  return pattern;
}

}  // namespace

extern "C" int fovea_cuda_block_attention(const BlockPairs* pairs, const Attend* in, float* out, float* lse,
                                          void* stream) {
  return launch_forward(pattern_of<false>(*pairs), *in, out, lse, stream);
}

extern "C" int fovea_cuda_block_attention_backward(const BlockPairs* pairs, const Attend* in,
                                                   const AttendGradients* gradients, void* stream) {
  return launch_backward(pattern_of<false>(*pairs), pattern_of<true>(*pairs), *in, *gradients,
                         pairs->batches * pairs->heads * pairs->queries, stream);
}
