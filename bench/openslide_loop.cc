// The peer of `./run bench tiles` in C++: nothing but OpenSlide, one thread, tile after tile, ARGB packed to RGB.
// usage: openslide_loop SLIDE EDGE <COORDS     (pairs of numbers)
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <vector>

#include <openslide.h>

int main(int argc, char** argv) {
  if (argc != 3) return 1;
  const std::int64_t edge = std::atoll(argv[2]);
  openslide_t* slide = openslide_open(argv[1]);
  if (!slide || openslide_get_error(slide)) return 2;
  std::vector<std::uint32_t> argb(static_cast<std::size_t>(edge * edge));
  std::vector<std::uint8_t> rgb(3 * argb.size());
  long long x = 0, y = 0;
  long tiles = 0;
  unsigned long long sum = 0;
  while (std::scanf("%lld %lld", &x, &y) == 2) {
    openslide_read_region(slide, argb.data(), x, y, 0, edge, edge);
    if (openslide_get_error(slide)) return 3;
    for (std::size_t i = 0; i < argb.size(); ++i)
      for (int c = 0; c < 3; ++c)
        rgb[3 * i + static_cast<std::size_t>(c)] = static_cast<std::uint8_t>(argb[i] >> (16 - 8 * c));
    sum += rgb[rgb.size() / 2];
    ++tiles;
  }
  std::printf("%ld %llu\n", tiles, sum);
  openslide_close(slide);
}
