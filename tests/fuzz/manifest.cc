#include "batch/case_key.h"
#include "batch/manifest.h"
#include "batch/redaction.h"
#include "target.h"

std::vector<std::string> fovea::fuzz::seeds() {
  return {
      "case,job,slides,mpp,tile,read-tiles,overlap\nc1,slide tiles,a.svs;b.svs,0.5,256,yes,\"0\"\n\nc2,slide "
      "tiles,c.svs,,,,\n",
      "\xEF\xBB\xBFjob,slides\r\nslide tiles,\"a \"\"quoted\"\", name.svs\"\r\n"};
}

/// Every case that passes has a name that can be a file's, keeps its outputs in its folder, and can be keyed.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace fovea;
  fuzz::as_file(data, size, [](const auto& path) {
    for (const pipeline::batch::Case& item : pipeline::batch::read_manifest({path, "slide tiles", {}})) {
      if (!pipeline::batch::is_safe_name(item.id)) __builtin_trap();
      const auto placed = pipeline::batch::request_in(item, "/w");
      if (std::get<std::string>(placed.values.at("out")) != "/w") __builtin_trap();
      pipeline::batch::CaseKeys(false).key_of(item);
      pipeline::batch::Redaction(item.request, "/w")("message");
    }
  });
  return 0;
}
