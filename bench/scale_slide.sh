#!/bin/sh
# How much more memory `slide predict` needs for a slide ten times as large: real pixels, repeated; peak RSS of both runs.
# usage: scale_slide.sh FOVEA SLIDE.svs MODEL WORK_FOLDER [COLUMNS ROWS]     (needs libvips-tools and GNU time)
set -eu
FOVEA=$1 SLIDE=$2 MODEL=$3 WORK=$4 COLUMNS=${5:-4} ROWS=${6:-3}
LIMIT_MB=64
mkdir -p "$WORK"

make_slide() { # COLUMNS ROWS FILE
  names=""
  i=0
  while [ $i -lt $(($1 * $2)) ]; do
    case $((i * 7 % 4)) in 0) names="$names a.v" ;; 1) names="$names b.v" ;; 2) names="$names c.v" ;; *) names="$names d.v" ;; esac
    i=$((i + 1))
  done
  # vips 8.14 crashes on joining a single picture.
  if [ $(($1 * $2)) = 1 ]; then cp a.v mosaic.v; else vips arrayjoin "${names# }" mosaic.v --across "$1"; fi
  # Pixels per millimetre: 1000 / 0.499 um. Halving levels down to one tile.
  vips tiffsave mosaic.v "$3" --tile --tile-width 256 --tile-height 256 --pyramid --compression jpeg --Q 80 --bigtiff \
    --xres 2004.008 --yres 2004.008 --resunit cm
  rm mosaic.v
}

(
  cd "$WORK"
  vips openslideload "$SLIDE" a0.v --level 0
  vips extract_band a0.v a.v 0 --n 3
  vips flip a.v b.v horizontal
  vips flip a.v c.v vertical
  vips rot a.v d.v d180
  make_slide 1 1 one.tif
  make_slide "$COLUMNS" "$ROWS" many.tif
  rm -f ./*.v
)

measure() { # FILE -> peak RSS in MB on stdout
  /usr/bin/time -f '%M %e' -o "$WORK/time.txt" "$FOVEA" slide predict "$1" --mpp 0.499 --model "$MODEL" --out "$WORK/out" --quiet >/dev/null
  read -r kilobytes seconds <"$WORK/time.txt"
  tiles=$(sed -n 's/.*"used": \([0-9]*\).*/\1/p' "$WORK/out/prediction.json" | head -n 1)
  echo "$(basename "$1"): $tiles tiles, $seconds s, peak $((kilobytes / 1024)) MB" >&2
  echo $((kilobytes / 1024))
}
small=$(measure "$WORK/one.tif")
large=$(measure "$WORK/many.tif")
echo "$((COLUMNS * ROWS)) times the slide: $((large - small)) MB more (limit $LIMIT_MB MB)"
[ $((large - small)) -le $LIMIT_MB ]
