// What AGUNet and DAUNet share when they are trained: a state by canonical names, the checks of the input, the encoder.
#pragma once

#include <string>
#include <vector>

#include <fovea/models/segmentation.h>

namespace fovea::models::seg {

class NamedNetwork : public SegNetwork {
 public:
  /// A copy of `state` is kept: the tensors given may be views of a mapped, read-only file, and training writes into
  /// its own.
  NamedNetwork(const char* title, std::string_view architecture, const SegConfig& config, std::vector<TensorSpec> specs,
               const StateDict& state);

  const SegConfig& config() const override { return config_; }
  const std::vector<TensorSpec>& specs() const override { return specs_; }
  const StateDict& state() const override { return state_; }
  SegOutput forward(const SegInput& input, bool training, bool keep_mid) const override;

 protected:
  struct Pass {
    bool training, keep_mid;
    SegOutput output;
  };
  /// The decoder: skips by level and the bottom's output in, the decoder's output of a level out.
  virtual at::Tensor before_decoding(const at::Tensor& bottom, Pass&) const { return bottom; }
  /// `attended`: what before_decoding gave. `x`: the output of the level below.
  virtual at::Tensor decode(const at::Tensor& x, const at::Tensor& skip, const at::Tensor& attended, std::int64_t level,
                            Pass& pass) const = 0;
  /// Running statistics have moved.
  virtual void forget_folded() const = 0;

  void check_input(const SegInput& input, bool training) const;
  at::Tensor conv(const at::Tensor& x, const std::string& name) const;
  at::Tensor up(const at::Tensor& x, const std::string& name, std::int64_t stride = 2) const;
  at::Tensor norm(const at::Tensor& x, const std::string& name, const Pass& pass) const;
  at::Tensor block(const at::Tensor& x, const std::string& name, Pass& pass) const;
  std::int64_t levels() const { return static_cast<std::int64_t>(config_.filters.size()); }

  SegConfig config_;
  StateDict state_;

 private:
  std::string title_;
  std::vector<TensorSpec> specs_;
};

/// Whole channels of an image set to 0, the rest scaled up; x itself when not training or the share is 0.
at::Tensor channel_dropout(const at::Tensor& x, double share, bool training);

}  // namespace fovea::models::seg
