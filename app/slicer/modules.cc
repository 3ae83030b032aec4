#include "module.h"

namespace fovea::slicer {
namespace {

constexpr const char* kNotADevice = " Research software: not a medical device, not for clinical decisions.";
constexpr const char* kVolumes = ".nrrd,.nii.gz,.nii";
constexpr const char* kWeights = ".safetensors,.onnx,.h5,.hdf5,.pt,.pth";

ModuleParameter image(const std::string& name, const std::string& label, const std::string& prefix,
                      const std::string& description) {
  return {.name = name,
          .label = label,
          .role = Role::kListItem,
          .option = "modality",
          .description = description,
          .item_prefix = prefix,
          .tag = Tag::kImage,
          .image_type = "scalar",
          .extensions = kVolumes};
}

ModuleParameter model_file(const std::string& description) {
  return {.name = "model",
          .label = "Model",
          .option = "model",
          .description = description,
          .tag = Tag::kFile,
          .extensions = kWeights,
          .required = true};
}

ModuleParameter returned(const std::string& name, const std::string& label, Tag tag, const std::string& description) {
  return {.name = name, .label = label, .role = Role::kReturned, .description = description, .tag = tag};
}

ParameterGroup lesion_outputs(const std::string& reference) {
  return {"Results",
          "What is written; leave out what is not needed",
          false,
          {{.name = "labelMap",
            .label = "Label map",
            .role = Role::kLabelMap,
            .description = "Labels on the exact grid of the image: 0 background, 1 the first class of the model",
            .tag = Tag::kImage,
            .image_type = "label",
            .extensions = kVolumes,
            .reference = reference},
           {.name = "probability",
            .label = "Probability",
            .role = Role::kProbability,
            .description = "Probability of the lesion, 0 to 1, on the same grid",
            .tag = Tag::kImage,
            .image_type = "scalar",
            .extensions = kVolumes,
            .reference = reference},
           {.name = "lesions",
            .label = "Lesion table",
            .role = Role::kLesionTable,
            .description = "A row a lesion, largest first: volume, position, diameters, side",
            .tag = Tag::kTable,
            .extensions = ".csv"},
           {.name = "report",
            .label = "Report",
            .role = Role::kReport,
            .description = "A page to print with pictures and table; the ending chooses PDF or HTML",
            .tag = Tag::kFile,
            .extensions = ".pdf,.html"},
           {.name = "resultsFolder",
            .label = "Results folder",
            .role = Role::kResultsFolder,
            .description = "Keep everything that fovea mri segment writes: .seg.nrrd, report, overlay and the rest",
            .tag = Tag::kDirectory}}};
}

ParameterGroup lesion_returns() {
  return {"Found",
          "Known when the run has ended",
          false,
          {returned("totalVolumeMl", "Total volume (ml)", Tag::kDouble, "Volume of all lesions in millilitres"),
           returned("lesionCount", "Lesions", Tag::kInteger, "Number of connected parts"),
           returned("notices", "Notices", Tag::kString, "What a reader of the result should know")}};
}

ParameterGroup lesion_settings() {
  return {"Settings",
          "Defaults suit the model",
          true,
          {{.name = "threshold",
            .label = "Threshold",
            .option = "threshold",
            .description = "Probability from which a voxel belongs to the lesion; 0: the model's own",
            .fallback = "0",
            .minimum = 0,
            .maximum = 1,
            .step = 0.01},
           {.name = "minComponentMl",
            .label = "Smallest part (ml)",
            .option = "min-component-ml",
            .minimum = 0,
            .maximum = 1000,
            .step = 0.1},
           {.name = "labelName", .label = "Name of the segment", .option = "label-name"},
           {.name = "pseudonym", .label = "Heading of the report", .option = "pseudonym"},
           {.name = "maxMemoryGb",
            .label = "Memory limit (GB)",
            .option = "max-memory-gb",
            .minimum = 0.1,
            .maximum = 1024,
            .step = 0.5},
           {.name = "threads",
            .label = "Processor threads",
            .option = "threads",
            .minimum = 0,
            .maximum = 1024,
            .step = 1}}};
}

Module meningioma() {
  Module m;
  m.name = "FoveaMeningioma", m.category = "Segmentation.Fovea", m.title = "Fovea Meningioma";
  m.description = std::string(
                      "Outlines meningiomas in one contrast-enhanced T1 volume with an attention-gated "
                      "network, and measures them.") +
                  kNotADevice;
  m.job = "mri segment";
  ParameterGroup settings = lesion_settings();
  settings.parameters.insert(settings.parameters.begin(),
                             {{.name = "compat", .label = "Pipeline", .option = "compat"},
                              {.name = "plane", .label = "Slices looked at", .option = "plane"},
                              {.name = "folds", .label = "Folds", .option = "folds"},
                              {.name = "brainMask",
                               .label = "Brain mask",
                               .option = "brain-mask",
                               .description = "Brain mask on the volume's grid, for models trained on the brain alone",
                               .tag = Tag::kImage,
                               .image_type = "label",
                               .extensions = kVolumes}});
  m.groups = {{"Input",
               "What to look at, and with what",
               false,
               {{.name = "inputVolume",
                 .label = "Volume",
                 .role = Role::kListItem,
                 .option = "volumes",
                 .description = "Contrast-enhanced T1 volume",
                 .tag = Tag::kImage,
                 .image_type = "scalar",
                 .extensions = kVolumes,
                 .required = true},
                model_file("Weight file of a segmentation network for one volume")}},
              lesion_outputs("inputVolume"),
              lesion_returns(),
              std::move(settings)};
  return m;
}

Module thrombus() {
  Module m;
  m.name = "FoveaThrombus", m.category = "Segmentation.Fovea", m.title = "Fovea Thrombus";
  m.description = std::string(
                      "Outlines thrombi in a stroke examination with a recurrent attention network. Any of "
                      "the modalities may be missing; SWAN or T2* tells most.") +
                  kNotADevice;
  m.job = "mri segment";
  m.groups = {{"Input",
               "Images of one examination; at least one. They need not share a grid",
               false,
               {image("swan", "SWAN or T2*", "swan=", "Susceptibility-weighted image; results lie on its grid"),
                image("dwi", "DWI", "dwi=", "Diffusion-weighted image"),
                image("adc", "ADC", "adc=", "Apparent diffusion coefficient, on the grid of the DWI"),
                image("tof", "TOF", "tof=", "Time-of-flight angiography"),
                image("flair", "FLAIR", "flair=", "Fluid-attenuated inversion recovery"),
                model_file("Weight file of a recurrent segmentation network over several modalities")}},
              lesion_outputs("swan"),
              lesion_returns(),
              lesion_settings()};
  m.any_of = {"swan", "dwi", "adc", "tof", "flair"};
  return m;
}

std::vector<ModuleParameter> slide_settings() {
  return {
      {.name = "encoder", .label = "Tile encoder", .option = "encoder"},
      {.name = "mpp",
       .label = "Micrometres per pixel",
       .option = "mpp",
       .description = "Micrometres per pixel of the whole slide's finest level; 0: as the file says",
       .fallback = "0",
       .minimum = 0,
       .maximum = 100,
       .step = 0.01},
      {.name = "heatmapScale", .label = "Value of the heatmap", .option = "heatmap-scale"},
      {.name = "branch", .label = "Attention branch", .option = "branch"},
      {.name = "batch", .label = "Tiles at a time", .option = "batch", .minimum = 1, .maximum = 4096, .step = 1},
      {.name = "threads", .label = "Processor threads", .option = "threads", .minimum = 0, .maximum = 1024, .step = 1}};
}

Module slide_attention() {
  Module m;
  m.name = "FoveaSlideAttention", m.category = "Pathology.Fovea", m.title = "Fovea Slide Attention";
  m.description = std::string(
                      "Class probabilities of a whole slide, and where a multiple-instance network looked: a "
                      "heatmap volume with a voxel a tile, and a table. Attention shows where the network "
                      "looked, not where disease is.") +
                  kNotADevice;
  m.job = "slide predict";
  m.groups = {{"Input",
               "The slide is read from its file; it is not loaded into the scene",
               false,
               {{.name = "slide",
                 .label = "Slide",
                 .option = "slide",
                 .tag = Tag::kFile,
                 .extensions = ".svs,.tif,.tiff,.ndpi,.mrxs,.scn,.bif,.vms,.svslide,.dcm,.png,.jpg",
                 .required = true},
                model_file("Weight file of a multiple-instance network, imported or trained by Fovea")}},
              {"Results",
               "What is written; leave out what is not needed",
               false,
               {{.name = "heatmap",
                 .label = "Heatmap",
                 .role = Role::kHeatmap,
                 .description = "Attention, a voxel a tile, in millimetres from the slide's upper left corner; -1 "
                                "where no tile was looked at",
                 .tag = Tag::kImage,
                 .image_type = "scalar",
                 .extensions = kVolumes},
                {.name = "tiles",
                 .label = "Tile table",
                 .role = Role::kTileTable,
                 .description = "A row a tile, strongest first: place in pixels and mm, attention, drawn value",
                 .tag = Tag::kTable,
                 .extensions = ".csv"},
                {.name = "resultsFolder",
                 .label = "Results folder",
                 .role = Role::kResultsFolder,
                 .description = "Keep everything that fovea slide predict writes: picture, GeoJSON, prediction.json",
                 .tag = Tag::kDirectory}}},
              {"Found",
               "Known when the run has ended",
               false,
               {returned("predictedClass", "Predicted class", Tag::kString, "Class of the highest probability"),
                returned("probabilityOfClass", "Probability", Tag::kDouble, "Its probability"),
                returned("tileCount", "Tiles", Tag::kInteger, "Number of tiles looked at"),
                returned("notices", "Notices", Tag::kString, "What a reader of the result should know")}},
              {"Settings", "Defaults suit the model", true, slide_settings()}};
  return m;
}

}  // namespace

std::span<const Module> modules() {
  static const std::vector<Module> all{meningioma(), thrombus(), slide_attention()};
  return all;
}

}  // namespace fovea::slicer
