// Bags for the tests of pooling kernels, and their float64 reference.
#pragma once

#include <cmath>
#include <ostream>

#include "attention/ops/cuda_pool.h"
#include "emulated.h"

namespace fovea::attention::testing_tools {

struct BagSizes {
  std::int64_t rows, width, hidden, branches;
  bool gated, masked;
};
inline std::ostream& operator<<(std::ostream& out, const BagSizes& s) {
  return out << s.rows << "x" << s.width << " hidden " << s.hidden << " branches " << s.branches
             << (s.gated ? " gated" : "") << (s.masked ? " masked" : "");
}

inline GateWeights doubled(const GateWeights& w) {
  const auto wide = [](const at::Tensor& t) { return t.defined() ? t.to(at::kDouble) : t; };
  return {wide(w.wv), wide(w.bv), wide(w.wu), wide(w.bu), wide(w.w), wide(w.b)};
}

struct Bag {
  explicit Bag(const BagSizes& s) : sizes(s) {
    at::manual_seed(s.rows * 31 + s.branches);
    const double scale = 1 / std::sqrt(static_cast<double>(s.width));
    x = at::randn({s.rows, s.width});
    weights = {at::randn({s.hidden, s.width}) * scale, at::randn({s.hidden}),  {}, {},
               at::randn({s.branches, s.hidden}) / 4,  at::randn({s.branches})};
    if (s.gated) weights.wu = at::randn({s.hidden, s.width}) * scale, weights.bu = at::randn({s.hidden});
    // One mask of all branches where rows are many, else one a branch; the first branch keeps nothing.
    if (s.masked && s.rows > 1000) mask_ = at::rand({s.rows}) > 0.3;
    if (s.masked && s.rows <= 1000) mask_ = at::rand({s.branches, s.rows}) > 0.3, mask_[0].fill_(false);
  }
  const at::Tensor& keep() const { return mask_; }
  Pooled exact(const at::Tensor& keep) const {
    return ops::reference_gated_pool(x.to(at::kDouble), doubled(weights),
                                     keep.defined() ? c10::make_optional(keep) : c10::nullopt, fill);
  }

  BagSizes sizes;
  at::Tensor x;
  GateWeights weights;
  double fill = -kInfinity;

 private:
  at::Tensor mask_;
};

}  // namespace fovea::attention::testing_tools
