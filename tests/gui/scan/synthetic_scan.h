// A large scan in memory, for what is timed: no disk involved.
#pragma once

#include <QApplication>
#include <QElapsedTimer>
#include <QWheelEvent>

#include <array>
#include <cstdint>
#include <memory>
#include <utility>

#include <fovea/pipeline/volume_view.h>

#include "scan/four_panes.h"
#include "scan/slice_pane.h"

namespace fovea::gui::test {

/// 16-bit values like noise, 0.5 mm.
inline std::shared_ptr<pipeline::ViewVolume> noise_volume(const std::array<std::int64_t, 3>& size) {
  auto volume = std::make_shared<pipeline::ViewVolume>();
  volume->grid.geometry.size = size, volume->grid.geometry.spacing_mm = {0.5, 0.5, 0.5};
  volume->shorts.resize(static_cast<std::size_t>(volume->grid.geometry.voxels()));
  std::uint32_t seed = 1;
  for (std::int16_t& v : volume->shorts) v = static_cast<std::int16_t>((seed = seed * 1664525 + 1013904223) >> 22);
  volume->greatest = 1023;
  for (int q = 0; q <= 1000; ++q) volume->quantiles.push_back(1.023 * q);
  return volume;
}

/// One lesion that fills half of every axis of the grid.
inline std::shared_ptr<pipeline::ViewSegmentation> ellipsoid_on(const pipeline::ViewGrid& grid) {
  const auto& size = grid.geometry.size;
  auto segmentation = std::make_shared<pipeline::ViewSegmentation>();
  segmentation->grid = grid;
  segmentation->names = {"background", "tumour"};
  segmentation->labels.assign(static_cast<std::size_t>(grid.geometry.voxels()), 0);
  pipeline::ViewLesion lesion;
  lesion.label = 1;
  for (std::size_t a = 0; a < 3; ++a) lesion.begin[a] = size[a] / 4, lesion.end[a] = size[a] * 3 / 4 + 1;
  segmentation->begin = lesion.begin, segmentation->end = lesion.end;
  std::size_t i = 0;
  for (std::int64_t z = 0; z < size[2]; ++z)
    for (std::int64_t y = 0; y < size[1]; ++y)
      for (std::int64_t x = 0; x < size[0]; ++x, ++i) {
        double sum = 0;
        for (const auto& [at, edge] : {std::pair(x, size[0]), std::pair(y, size[1]), std::pair(z, size[2])}) {
          const double p = 4.0 * static_cast<double>(at) / static_cast<double>(edge) - 2;
          sum += p * p;
        }
        if (sum < 1) segmentation->labels[i] = 1, lesion.voxels.push_back(static_cast<std::int64_t>(i));
      }
  segmentation->lesions.push_back(std::move(lesion));
  return segmentation;
}

/// From the wheel's turn to the painted pixels, all panes that it concerns.
inline void change_slice(FourPanes& panes, SlicePane& pane, int notches) {
  const QPointF at = QRectF(pane.rect()).center();
  QWheelEvent wheel(at, pane.mapToGlobal(at), {}, {0, 120 * notches}, Qt::NoButton, {}, Qt::NoScrollPhase, false);
  QCoreApplication::sendEvent(&pane, &wheel);
  for (const Plane plane : kPlanes) panes.pane(plane)->repaint();
  panes.surface()->repaint();
}

}  // namespace fovea::gui::test
