// One tile of a plan: read at the plan's level and brought to the wanted edge.
#pragma once

#include <cstdint>
#include <span>

#include <fovea/io/slide.h>

#include "slide/read_plan.h"

namespace fovea::pipeline::slide {

/// Thread-safe. Slide and plan are borrowed.
class TileReader {
 public:
  /// Tiles leave with `edge` x `edge` pixels.
  TileReader(const io::Slide& slide, const ReadPlan& plan, std::int64_t edge)
      : slide_(slide), plan_(plan), edge_(edge) {}

  /// `rgb` has edge * edge * 3 bytes. Error(kCorrupt) when the region cannot be read.
  void read(std::int64_t x, std::int64_t y, std::span<std::uint8_t> rgb) const;
  /// The same, but a region that cannot be read becomes background: false.
  bool read_or_background(std::int64_t x, std::int64_t y, std::span<std::uint8_t> rgb) const;

  std::int64_t edge() const { return edge_; }

 private:
  std::int64_t aligned(std::int64_t position) const;

  const io::Slide& slide_;
  const ReadPlan& plan_;
  std::int64_t edge_;
};

}  // namespace fovea::pipeline::slide
