// Diffusion maps told by their values: the one MRI quantity that has a unit.
#pragma once

#include <string>

#include <fovea/io/volume.h>

namespace fovea::pipeline::mri {

/// What the values of a volume say. Apparent diffusion coefficients of a head lie around 700 to 1000 in 1e-6 mm2/s with
/// fluid near 3000; files hold them so, in 1e-3 mm2/s or in mm2/s.
struct DiffusionValues {
  double median = 0, high = 0;  ///< of the voxels above 0 in the middle of the image; high: 99th percentile
  double scale = 0;             ///< that brings them to 1e-6 mm2/s; 0: these are no diffusion coefficients
};
DiffusionValues diffusion_values(const io::Volume& volume);

/// Brings an ADC map to 1e-6 mm2/s. `notice` says what was done or what is odd; empty when all is well.
void scale_adc(io::Volume& adc, std::string& notice);

/// Error(kUsage) when what was given as ADC holds arbitrary units and what was given as DWI holds diffusion
/// coefficients. Told by the values alone: two volumes in similar units pass.
void refuse_swapped(const io::Volume& dwi, const io::Volume& adc);

}  // namespace fovea::pipeline::mri
