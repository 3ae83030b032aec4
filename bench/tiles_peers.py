"""The peers of `./run bench tiles` in Python: tissue from a low level, then every tile as an RGB array.
usage: tiles_peers.py openslide|tiatoolbox SLIDE EDGE <COORDS
"""
import sys

import numpy

kind, path, edge = sys.argv[1], sys.argv[2], int(sys.argv[3])
coords = [tuple(map(int, line.split())) for line in sys.stdin]


def tissue_share(rgb):
    """Saturation above 8, as the tissue rule of every tool here; smoothing is left out in the peers' favour."""
    high, low = rgb.max(2).astype(int), rgb.min(2).astype(int)
    return float((255 * (high - low) > 8 * numpy.maximum(high, 1)).mean())


if kind == "openslide":
    import openslide
    slide = openslide.OpenSlide(path)
    level = slide.get_best_level_for_downsample(16.1)
    overview = numpy.asarray(slide.read_region((0, 0), level, slide.level_dimensions[level]).convert("RGB"))

    def read(x, y):
        return numpy.asarray(slide.read_region((x, y), 0, (edge, edge)).convert("RGB"))
else:
    from tiatoolbox.wsicore.wsireader import WSIReader
    slide = WSIReader.open(path)
    overview = slide.slide_thumbnail(8, "mpp")

    def read(x, y):
        return slide.read_rect((x, y), (edge, edge), resolution=0, units="level")

share = tissue_share(overview)
total = 0
for x, y in coords:
    total += int(read(x, y)[edge // 2, edge // 2, 0])
print(len(coords), total, round(share, 4))
