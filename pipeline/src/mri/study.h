// One folder with a whole DICOM study: which series is which modality.
#pragma once

#include <filesystem>
#include <string>

namespace fovea::pipeline::mri {

/// The number, in the listing of io::list_series, of the one series of the folder whose description names the modality
/// ("SWI", "ep2d_diff ... ADC"); empty when it is no folder, when it holds one series, when none or several fit: the
/// reader then says what there is.
std::string series_of_modality(const std::filesystem::path& folder, const std::string& modality);

/// Whether a series description names the modality. A diffusion series is dwi unless it says that it is the ADC map.
bool names_modality(const std::string& description, const std::string& modality);

}  // namespace fovea::pipeline::mri
