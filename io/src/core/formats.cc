#include <fovea/io/formats.h>

namespace fovea::io {
namespace {

constexpr FormatRow kFormats[] = {
    {"slide", "Aperio, Hamamatsu, Leica, MIRAX, Philips, Sakura, Trestle, Ventana, generic tiled TIFF (OpenSlide)",
     ".svs .ndpi .vms .scn .mrxs .tiff .svslide .bif .tif", "read", "missing scale: pass --mpp"},
    {"slide", "DICOM whole slide (OpenSlide 4)", "folder or any .dcm of it", "read", "a folder is one slide"},
    {"slide", "Plain image", ".png .jpg .tif", "read", "one level, at most 500 Mpx, held in memory"},
    {"volume", "NIfTI", ".nii .nii.gz .hdr/.img", "read/write", "4-D files: name the volume"},
    {"volume", "NRRD", ".nrrd .nhdr", "read/write", "a detached header may only name a file beside it"},
    {"volume", "MetaImage", ".mha .mhd", "read", ""},
    {"volume", "DICOM series", "folder or one file", "read", "MR and CT; gaps, doubled slices and mosaics are refused"},
    {"volume", "Slicer segmentation", ".seg.nrrd", "write", "names, colours, terminology"},
    {"bag", "TRIDENT features and patches", ".h5", "read/write", ""},
    {"bag", "CLAM features and patches", ".h5", "read/write", ""},
    {"bag", "ACMIL/AEM features", ".h5", "read", "several bags in a file: --features-key"},
    {"bag", "PyTorch tensor", ".pt", "read", "nothing in it is executed"},
    {"bag", "safetensors, NumPy", ".safetensors .npy", "read", ""},
    {"weights", "safetensors", ".safetensors", "read/write", "ours; memory-mapped, fully checked"},
    {"weights", "PyTorch checkpoint (zip, legacy)", ".pt .pth .bin", "read", "restricted reader: nothing is executed"},
    {"weights", "Keras HDF5", ".h5 .hdf5", "read", "AGUNet"},
    {"weights", "ONNX initialisers, Raidionics model folder", ".onnx", "read", "AGUNet"},
    {"export", "GeoJSON for QuPath", ".geojson", "write", "tiles with attention, tissue regions"},
    {"export", "Attention arrays", ".h5", "write", "coords, raw and softmax attention per branch"},
    {"export", "Pictures", ".png", "write", "heatmap with legend, scan overlay"},
    {"export", "Reports", ".json", "write", "prediction.json, report.json"},
};

}  // namespace

std::span<const FormatRow> formats() {
  return kFormats;
}

}  // namespace fovea::io
