#include <string>

#include <fovea/base/error.h>

#include "attention/ops/self_attention.h"

namespace fovea::attention::ops {

void check_heads(const std::string& subject, const at::Tensor& q, const at::Tensor& k) {
  const auto require = [&](bool holds, const std::string& problem, const std::string& remedy) {
    if (!holds) throw Error(ErrorCode::kShape, subject, problem, remedy);
  };
  require(q.dim() == 4 && k.dim() == 4, "queries and keys are not [batch, head, token, channel]",
          "Give four dimensions.");
  require(q.size(0) == k.size(0) && q.size(3) == k.size(3), "queries and keys disagree in batch or channels",
          "Project both to one head width.");
  require(k.size(1) != 0 && q.size(1) != 0 && q.size(1) % k.size(1) == 0,
          std::to_string(q.size(1)) + " query heads cannot share " + std::to_string(k.size(1)) + " key heads",
          "The number of key heads has to divide that of query heads.");
  require(q.size(2) != 0 && k.size(2) != 0, "there is no token", "Check the mask or the feature file.");
}

}  // namespace fovea::attention::ops
