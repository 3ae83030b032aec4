// usage: consumer VOLUME MODEL OUT
#include <iostream>

#include <fovea/pipeline/job.h>

int main(int, char** argv) {
  const fovea::pipeline::JobRequest request{
      "mri segment", {{"volumes", std::vector<std::string>{argv[1]}}, {"model", argv[2]}, {"out", argv[3]}}};
  std::cout << fovea::pipeline::run_job(request).json << "\n";
}
