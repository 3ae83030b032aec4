#include "evaluation/embedded_image.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include <fovea/io/atomic_file.h>

#include "evaluation/page.h"

namespace fovea::pipeline::evaluation {

std::string embedded_png(const io::Image& image, int width, const std::filesystem::path& folder,
                         const std::string& description) {
  const io::AtomicFile scratch(folder / "page.png");
  const bool large = image.width > width;
  io::write_png(scratch.temporary(),
                large ? io::resize(image, width,
                                   std::max(1, static_cast<int>(std::lround(1.0 * image.height * width / image.width))))
                      : image);
  std::ifstream stream(scratch.temporary(), std::ios::binary);
  std::ostringstream bytes;
  bytes << stream.rdbuf();
  return image_markup(bytes.str(), "image/png", description);
}

}  // namespace fovea::pipeline::evaluation
