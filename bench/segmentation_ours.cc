// Ours in bench/segmentation.py: a network and one volume in, probabilities out; says seconds and memory as JSON.
// usage: segmentation_ours MODEL.safetensors INPUT OUTPUT THREADS X Y Z   (float32 [1, 1, X, Y, Z] without a header)
#include <sys/resource.h>

#include <chrono>
#include <cstdlib>
#include <fstream>
#include <iostream>
#include <optional>
#include <string>

#include <ATen/Parallel.h>
#include <ATen/ops/empty.h>
#include <ATen/ops/from_blob.h>

#include <fovea/io/weights.h>
#include <fovea/models/segmentation.h>

namespace {

double cpu_seconds() {
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  const auto seconds = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) + 1e-6 * static_cast<double>(t.tv_usec);
  };
  return seconds(use.ru_utime) + seconds(use.ru_stime);
}

std::unique_ptr<fovea::models::SegNetwork> load(const char* path) {
  const fovea::io::WeightFile file = fovea::io::read_weights(path);
  fovea::models::StateDict state;
  for (const auto& [name, array] : file.tensors)
    state[name] = at::from_blob(const_cast<std::byte*>(array.bytes.data()), array.shape, at::kFloat);
  const auto& row = fovea::models::seg_model("agunet");
  return row.make(row.recognise(state).value(), state);
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 8) return 1;
  at::set_num_threads(std::atoi(arguments[4]));
  const double begin = cpu_seconds();
  const auto network = load(arguments[1]);
  at::Tensor x = at::empty({1, 1, std::atoll(arguments[5]), std::atoll(arguments[6]), std::atoll(arguments[7])});
  const auto bytes = static_cast<std::streamsize>(x.nbytes());
  std::ifstream(arguments[2], std::ios::binary).read(static_cast<char*>(x.data_ptr()), bytes);
  const double before = cpu_seconds();
  const auto start = std::chrono::steady_clock::now();
  const at::Tensor y = network->infer(x);
  const double wall = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  const double after = cpu_seconds();
  std::ofstream(arguments[3], std::ios::binary)
      .write(static_cast<const char*>(y.data_ptr()), static_cast<std::streamsize>(y.nbytes()));
  rusage use{};
  getrusage(RUSAGE_SELF, &use);
  std::cout << "{\"cpu\": " << after - before << ", \"wall\": " << wall << ", \"with_loading\": " << after - begin
            << ", \"peak\": " << use.ru_maxrss / 1024.0 << "}\n";
}
