// The open door for encoders without a graph of our own. The only file that knows TorchScript: its headers are heavy.
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include <ATen/core/grad_mode.h>
#include <ATen/ops/zeros.h>
#include <torch/csrc/jit/api/module.h>
#include <torch/csrc/jit/runtime/graph_executor.h>
#include <torch/csrc/jit/serialization/import.h>

#include <fovea/base/error.h>
#include <fovea/models/encoder.h>

#include "encoder/tile_input.h"

namespace fovea::models {
namespace {

// What a foreign program does with a batch is unknown: one by one, a tile cannot depend on the tiles beside it.
constexpr std::int64_t kTilesAtOnce = 1;

class TorchScriptEncoder final : public TileEncoder {
 public:
  TorchScriptEncoder(torch::jit::Module module, std::string path, EncoderInfo info)
      : module_(std::move(module)), path_(std::move(path)), info_(std::move(info)), input_(info_) {
    module_.eval();
    // A trial run measures the width, and refuses a file of another kind before a slide is read.
    const at::Tensor blank = at::zeros({1, info_.tile_px, info_.tile_px, 3}, at::kByte);
    const at::NoGradGuard no_grad;
    info_.dim = run(input_(blank, like_)).size(1);
  }

  const EncoderInfo& info() const override { return info_; }

  at::Tensor encode(const at::Tensor& tiles) const override {
    return encoder_detail::encode_in_pieces(tiles, info_, input_, like_, kTilesAtOnce,
                                            [this](const at::Tensor& pictures) { return run(pictures); });
  }

 private:
  at::Tensor run(const at::Tensor& pictures) const {
    // Without this the profiling executor recompiles after the first calls, and the same tile may give other bits.
    const torch::jit::GraphOptimizerEnabledGuard plain(false);
    const at::Tensor x = pictures.contiguous();
    std::lock_guard lock(mutex_);
    try {
      const c10::IValue result = module_.forward({x});
      if (result.isTensor() && result.toTensor().dim() == 2 && result.toTensor().size(0) == x.size(0)) {
        return result.toTensor().to(at::kCPU, at::kFloat).contiguous();
      }
    } catch (const std::exception&) {
      // LibTorch's text is a stack trace of the file's own code; one sentence serves the user better.
      refuse("its program fails on a tile of " + std::to_string(info_.network_px()) + " pixels");
    }
    refuse("its program does not return one row of features for each tile");
  }

  [[noreturn]] void refuse(const std::string& problem) const {
    throw Error(ErrorCode::kUnsupported, path_, problem,
                "Give a TorchScript file that maps [n, 3, h, w] to [n, D], and its tile size.");
  }

  mutable torch::jit::Module module_;
  mutable std::mutex mutex_;
  std::string path_;
  EncoderInfo info_;
  encoder_detail::TileInput input_;
  at::Tensor like_ = at::zeros({}, at::kFloat);
};

}  // namespace

std::unique_ptr<TileEncoder> load_torchscript_encoder(const std::string& path, EncoderInfo info) {
  std::optional<torch::jit::Module> module;
  try {
    module = torch::jit::load(path, at::kCPU);
  } catch (const std::exception&) {
    throw Error(ErrorCode::kCorrupt, path, "LibTorch cannot load it as a TorchScript file",
                "Check that the file is complete and was saved with torch.jit.save.");
  }
  return std::make_unique<TorchScriptEncoder>(std::move(*module), path, std::move(info));
}

}  // namespace fovea::models
