#include "../../app/slicer/arguments.h"
#include "target.h"

std::vector<std::string> fovea::fuzz::seeds() {
  return {
      "FoveaMeningioma\n--inputVolume\nt1.nrrd\n--model=m.safetensors\n--labelMap\nout.nrrd\n--threshold\n0.5\n"
      "--returnparameterfile\nr.params\n--processinformationaddress\n0x7f\n--threads\n2\n--lesions\nt.csv\n--report\nr."
      "pdf",
      "FoveaThrombus\n--swan\nswan.nii.gz\n--dwi\n\n--model\nm.onnx\n--probability\np.nrrd\n--minComponentMl\n1e-3",
      "FoveaSlideAttention\n--slide\na.svs\n--model\nm.h5\n--heatmap\nh.nrrd\n--mpp\n0\n--batch\n16\n--tiles\nt.csv",
      "FoveaThrombus\n--xml"};
}

/// First line: the module; each further line a word, as Slicer passes them. A request is of the module's job, writes
/// where it was told and nowhere else, and its numbers are numbers.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea;
  std::vector<std::string> words(1);
  for (const char letter : fuzz::as_text(data, size)) {
    if (letter == '\0') break;  // argv has none
    if (letter == '\n')
      words.emplace_back();
    else
      words.back() += letter;
  }
  try {
    const slicer::Module& module = slicer::module(words.front());
    words.erase(words.begin());
    const slicer::Arguments arguments = slicer::parse_arguments(module, words);
    if (arguments.ask != slicer::Arguments::Ask::kRun) return 0;
    const pipeline::JobRequest request = slicer::request_of(module, arguments, "/w");
    if (request.kind != module.job || std::get<std::string>(request.values.at("out")) != "/w") __builtin_trap();
    for (const auto& group : module.groups)
      for (const auto& parameter : group.parameters)
        if (parameter.role == slicer::Role::kReturned && arguments.values.count(parameter.name) > 0) __builtin_trap();
    for (const auto& [name, value] : request.values)
      if (const double* number = std::get_if<double>(&value); number && *number != *number) __builtin_trap();
  } catch (const Error&) {
  }
  return 0;
}
