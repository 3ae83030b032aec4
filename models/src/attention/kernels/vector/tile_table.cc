#include "attention/kernels/vector/tile_table.h"

#include <cstring>

#include "attention/kernels/vector/table.h"

namespace fovea::attention::kernels {

extern const TileKernels<float> kScalarTileKernels;
#if defined(__x86_64__)
extern const TileKernels<float> kAvx2TileKernels, kAvx512TileKernels;
#endif

namespace {

const TileKernels<float>& of_set(const char* name) {
#if defined(__x86_64__)
  for (const auto* table : {&kAvx512TileKernels, &kAvx2TileKernels})
    if (std::strcmp(table->name, name) == 0) return *table;
#endif
  return kScalarTileKernels;
}

}  // namespace

std::vector<const TileKernels<float>*> runnable_tile_kernels() {
  std::vector<const TileKernels<float>*> tables;
  for (const auto* pool : runnable_pool_kernels()) tables.push_back(&of_set(pool->name));
  return tables;
}

template <>
const TileKernels<float>& tile_kernels() {
  static const TileKernels<float>& chosen = of_set(pool_kernels<float>().name);
  return chosen;
}

}  // namespace fovea::attention::kernels
