#!/bin/sh
# A slide of 39,960 x 38,571 pixels from real ones (data/wsi/README.md): 18 x 13 flipped copies, blank glass between them.
# usage: make_pyramid.sh SLIDE.svs WORK_FOLDER     (needs libvips-tools and libtiff-tools; 5 GB of disk while it works)
set -eu
SLIDE=$(readlink -f "$1") WORK=$2
mkdir -p "$WORK"
cd "$WORK"
[ ! -f big.svs ] || exit 0
vips openslideload "$SLIDE" a0.v --level 0
vips extract_band a0.v a.v 0 --n 3
vips flip a.v b.v horizontal
vips flip a.v c.v vertical
vips rot a.v d.v d180
vips linear a.v e.v "0 0 0" "243 243 243" --uchar
python3 - >list.txt <<'PYTHON'
import random
choice = random.Random(1).choice
print(" ".join("e.v" if i in (0, 17) or j in (0, 12) else choice(["a.v", "b.v", "c.v", "d.v", "e.v"])
               for j in range(13) for i in range(18)))
PYTHON
vips arrayjoin "$(cat list.txt)" mosaic.v --across 18
vips tiffsave mosaic.v big.tif --tile --tile-width 256 --tile-height 256 --pyramid --compression jpeg --Q 80 --bigtiff \
  --xres 2004.008 --yres 2004.008 --resunit cm
rm -f ./*.v
printf 'Aperio Image Library v11.2.1 \r\n39960x38571 (256x256) JPEG/RGB Q=80|AppMag = 20|MPP = 0.4990' >desc.txt
cp big.tif unfinished.svs
tiffset -d 0 -sf 270 desc.txt unfinished.svs
mv unfinished.svs big.svs
rm big.tif list.txt desc.txt
