#include "slide/embedding_umap.h"

#ifdef FOVEA_WITH_UMAP
#include <knncolle/knncolle.hpp>
#include <umappp/umappp.hpp>
#endif

#include <fovea/base/error.h>

#include "slide/embedding.h"

namespace fovea::pipeline::slide {

#ifdef FOVEA_WITH_UMAP

bool has_umap() {
  return true;
}

std::vector<std::pair<double, double>> umap_of(std::span<const double> values, std::size_t width, std::uint64_t seed) {
  const auto count = static_cast<int>(values.size() / width);
  const auto distance = std::make_shared<knncolle::EuclideanDistance<double, double>>();
  const knncolle::VptreeBuilder<int, double, double> builder(distance);
  umappp::Options options;
  options.num_threads = 1;
  options.initialize_seed = options.optimize_seed = static_cast<umappp::RngEngine::result_type>(seed);
  std::vector<double> plane(2 * static_cast<std::size_t>(count));
  auto status = umappp::initialize<int, double>(width, count, values.data(), builder, 2, plane.data(), options);
  status.run(plane.data());
  std::vector<std::pair<double, double>> points;
  for (std::size_t i = 0; i < plane.size(); i += 2) points.emplace_back(plane[i], plane[i + 1]);
  return points;
}

#else

bool has_umap() {
  return false;
}

std::vector<std::pair<double, double>> umap_of(std::span<const double>, std::size_t, std::uint64_t) {
  throw Error(ErrorCode::kUnsupported, "UMAP", "this program was built without it",
              "Run ./run deps and build again, or pass --embedding pca.");
}

#endif

}  // namespace fovea::pipeline::slide
