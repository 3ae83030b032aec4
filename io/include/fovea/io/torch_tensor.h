// One float32 tensor as torch.save writes it, for programs that read `.pt` bags: torch.load(weights_only=True) opens
// it.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>

namespace fovea::io {

/// Gives rows [first, first + count) as count * width floats, valid until the next call.
using RowSource = std::function<std::span<const float>(std::int64_t first, std::int64_t count)>;

/// [rows, width], contiguous, on the CPU. The rows are asked for in order and in pieces of about 4 MB, so any size
/// passes. Atomic. Error(kWriteFailed).
void write_torch_tensor(const std::filesystem::path& target, std::int64_t rows, std::int64_t width,
                        const RowSource& source);

}  // namespace fovea::io
