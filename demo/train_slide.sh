#!/bin/sh
# Makes demo/models/slide-demo-acmil.safetensors and its card from the 60 colorectal tiles of ../shared (about four minutes on two cores).
# usage: train_slide.sh [FOVEA [SHARED]]
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
FOVEA=${1:-$HERE/../build/bin/fovea}
SHARED=${2:-$HERE/../../shared}
TILES="$SHARED/data/pathology-tiles/crc-texture/index.csv"
[ -f "$TILES" ] || { echo "train_slide.sh: $TILES is not there: pass the folder of the shared data" >&2; exit 3; }
mkdir -p "$HERE/models"

# The tiles were scanned at 0.495 um/px and enlarged from 150 to 224 px by their uploader, so a pixel is 0.3315 um. They are brought
# back to 0.5 um/px, the scale of a 20x scan: a model at 0.33 um/px would ask 20x slides for detail they do not have.
"$FOVEA" slide train --tiles "$TILES" --tile-mpp 0.33147 --target-mpp 0.5 --positive 0 --labels "no tumour,tumour epithelium" \
  --architecture acmil_ga --inner 128 --branches 5 --epochs 12 --lr 3e-4 --seed 0 \
  --train-bags 240 --validation-bags 120 --bag-min 60 --bag-max 120 --variants 24 --validation-share 0.3 \
  --data-note "Tiles: Kather et al., Collection of textures in colorectal cancer histology, Zenodo 53169, CC BY 4.0 (60 of them; doi:10.5281/zenodo.53169). A toy: 60 tiles, composed bags, an ImageNet encoder; validation tiles may come from patients of training tiles. It shows the machinery, not a finding." \
  --out "$HERE/models/slide-demo-acmil.safetensors" --card "$HERE/models/slide-demo-acmil.md"
