#!/bin/sh
# Makes demo/models/mri-meningioma-2d.safetensors and its card from the outlined meningiomas of ../shared (about forty minutes on two cores; RUN names a run folder to go on in).
# usage: train_mri.sh [FOVEA [SHARED]]
set -eu
HERE=$(cd "$(dirname "$0")" && pwd)
FOVEA=${1:-$HERE/../build/bin/fovea}
SHARED=${2:-$HERE/../../shared}
SLICES="$SHARED/data/mri-lesion/tumour-t1ce"
[ -f "$SLICES/index.csv" ] || { echo "train_mri.sh: $SLICES is not there: pass the folder of the shared data" >&2; exit 3; }
mkdir -p "$HERE/models"

# Folds 1-3 train, fold 4 validates (patients kept apart by the data's author); the test fold is not in the folder and was not used.
RUN=${RUN:-$(mktemp -d)}
"$FOVEA" mri train --recipe agunet_slices --slices "$SLICES" --val-fold 4 --out "$RUN" \
  --data-note "Contrast-enhanced T1 slices with hand-drawn outlines: Jun Cheng, brain tumor dataset, figshare 1512427, CC BY 4.0 (folds 1-3 train, fold 4 validation; Cheng et al., PLoS ONE 2015 and 2016). 8-bit slices of one country's scanners, every one with a tumour."
cp "$RUN/seed_0/fold_4/model.safetensors" "$HERE/models/mri-meningioma-2d.safetensors"
cp "$RUN/seed_0/fold_4/model.md" "$HERE/models/mri-meningioma-2d.md"
