// Runs a target without libFuzzer: every seed and every file of the folders named, whole, cut at 50 places and with 200
// of its bytes changed one at a time, the same every time. --seeds FOLDER writes the seeds instead.
#include <cstdio>
#include <fstream>
#include <iterator>
#include <random>

#include "target.h"

namespace {

namespace fs = std::filesystem;

void run(const std::string& bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

int mangled(const std::string& whole) {
  constexpr std::size_t kCuts = 50, kFlips = 200;
  run(whole);
  int count = 1;
  for (std::size_t i = 0; i < kCuts && !whole.empty(); ++i, ++count) run(whole.substr(0, whole.size() * i / kCuts));
  std::mt19937 random(1);
  for (std::size_t i = 0; i < kFlips && !whole.empty(); ++i, ++count) {
    std::string changed = whole;
    // Headers decide more than what follows them.
    const std::size_t end = i % 2 == 0 ? std::min<std::size_t>(whole.size(), 256) : whole.size();
    changed[random() % end] = static_cast<char>(random());
    run(changed);
  }
  return count;
}

}  // namespace

int main(int argc, char** argv) {
  const std::vector<std::string> seeds = fovea::fuzz::seeds();
  if (argc == 3 && std::string(argv[1]) == "--seeds") {
    fs::create_directories(argv[2]);
    for (std::size_t i = 0; i < seeds.size(); ++i)
      std::ofstream(fs::path(argv[2]) / ("seed" + std::to_string(i)), std::ios::binary) << seeds[i];
    return 0;
  }
  int inputs = 0, files = 0;
  for (const std::string& seed : seeds) inputs += mangled(seed), ++files;
  for (int i = 1; i < argc; ++i) {
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator(argv[i], ignored)) {
      std::ifstream stream(entry.path(), std::ios::binary);
      inputs += mangled({std::istreambuf_iterator<char>(stream), {}}), ++files;
    }
  }
  std::printf("%d inputs made of %d files\n", inputs, files);
  return files > 0 ? 0 : 1;
}
