#!/bin/sh
# Fuzzes the readers of untrusted files: fuzz.sh SECONDS [TARGET...]. Needs clang-14, libclang-rt-14-dev and the libraries of ./run deps.
# Everything is compiled with AddressSanitizer and UndefinedBehaviorSanitizer; corpora and findings are kept in FOVEA_FUZZ_DIR (build/fuzz).
set -eu
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
WORK=${FOVEA_FUZZ_DIR:-$ROOT/build/fuzz}
[ $# -ge 1 ] || { echo "usage: fuzz.sh SECONDS [TARGET...]" >&2; exit 1; }
seconds=$1
shift
[ $# -gt 0 ] || set -- safetensors checkpoint onnx keras request manifest geojson slicer dicomweb
mkdir -p "$WORK/include/fovea/base"
sed 's/@PROJECT_VERSION@/fuzz/' "$ROOT/base/version.h.in" >"$WORK/include/fovea/base/version.h"

flags="-std=c++20 -g -O1 -fsanitize=address,undefined -fno-sanitize-recover=undefined -I$WORK/include -I$ROOT/base/include -I$ROOT/io/include \
  -I$ROOT/io/src -I$ROOT/pipeline/include -I$ROOT/pipeline/src -I/usr/include/hdf5/serial"
io="core/array core/atomic_file core/hash core/mapped_file core/hdf5_handle"
weights="weights/safetensors weights/onnx weights/pickle weights/torch_checkpoint weights/torch_tensor weights/zip_directory weights/zip_writer weights/keras_hdf5"
pipeline="jobs/job jobs/value_text slide/csv_table batch/manifest batch/case_key batch/redaction"

# One object a source, made again when the source is newer.
object() {
  made="$WORK/$(echo "$1" | tr / _).o"
  if [ ! -f "$made" ] || [ "$2" -nt "$made" ]; then
    # shellcheck disable=SC2086
    clang++-14 $flags $3 -c "$2" -o "$made"
  fi
  objects="$objects $made"
}

status=0
for target in "$@"; do
  objects=""
  for source in $io; do object "io/$source" "$ROOT/io/src/$source.cc" -fsanitize=fuzzer-no-link; done
  case $target in
    request | manifest | slicer)
      for source in $pipeline; do object "pipeline/$source" "$ROOT/pipeline/src/$source.cc" -fsanitize=fuzzer-no-link; done
      object fuzz/stand_in "$ROOT/tests/fuzz/stand_in.cc" -fsanitize=fuzzer-no-link
      if [ "$target" = slicer ]; then
        for source in arguments module modules; do object "slicer/$source" "$ROOT/app/slicer/$source.cc" -fsanitize=fuzzer-no-link; done
      fi ;;
    dicomweb)
      for source in dicomweb/multipart dicomweb/dicom_json; do object "io/$source" "$ROOT/io/src/$source.cc" -fsanitize=fuzzer-no-link; done ;;
    geojson)
      for source in export/attention_file export/image export/jpeg_file; do object "io/$source" "$ROOT/io/src/$source.cc" -fsanitize=fuzzer-no-link; done
      for source in slide/mask_file slide/mask_ops; do object "pipeline/$source" "$ROOT/pipeline/src/$source.cc" -fsanitize=fuzzer-no-link; done ;;
    *) for source in $weights; do object "io/$source" "$ROOT/io/src/$source.cc" -fsanitize=fuzzer-no-link; done ;;
  esac
  object "fuzz/$target" "$ROOT/tests/fuzz/$target.cc" -fsanitize=fuzzer-no-link
  libraries="-lcrypto -lz -lpng -ljpeg -ltiff -ltbb -L/usr/lib/x86_64-linux-gnu/hdf5/serial -lhdf5"
  # shellcheck disable=SC2086
  clang++-14 $flags -fsanitize=fuzzer $objects $libraries -o "$WORK/fuzz-$target"
  object fuzz/replay "$ROOT/tests/fuzz/replay.cc" ""
  # shellcheck disable=SC2086
  clang++-14 $flags $objects $libraries -o "$WORK/replay-$target"
  mkdir -p "$WORK/corpus/$target" "$WORK/findings"
  "$WORK/replay-$target" --seeds "$WORK/corpus/$target"
  echo "== $target, $seconds s"
  "$WORK/fuzz-$target" -max_total_time="$seconds" -timeout=10 -rss_limit_mb=2048 -max_len=65536 -print_final_stats=1 \
    -artifact_prefix="$WORK/findings/$target-" "$WORK/corpus/$target" 2>&1 | grep -E "DONE|stat::number_of_executed|stat::average_exec|stat::peak_rss|ERROR|SUMMARY|Test unit" ||
    true
  if ls "$WORK/findings/$target-"* >/dev/null 2>&1; then status=1; fi
done
ls "$WORK/findings"
exit $status
