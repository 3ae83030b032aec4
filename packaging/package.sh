#!/bin/sh
# Packs a built tree. Called by `./run package` and by the tests.
# usage: package.sh BUILD OUT all|deb|tarball|slicer|sbom
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=$1 out=$2 what=$3
mkdir -p "$out"
out=$(cd "$out" && pwd)
version=$(sed -n 's/^CMAKE_PROJECT_VERSION:STATIC=//p' "$build/CMakeCache.txt")
system=linux-$(uname -m)
work=$(mktemp -d "$out/.packing-XXXXXX")
trap 'rm -rf "$work"' EXIT INT TERM

say() { printf '==> %s\n' "$*"; }

# Reproducible as far as the inputs are: names, owners and times say nothing about the machine.
pack() { # NAME: folder $work/NAME -> $out/NAME.tar.gz
  tar -C "$work" --sort=name --owner=0 --group=0 --numeric-owner --mtime="@${SOURCE_DATE_EPOCH:-1767225600}" -cf - "$1" |
    gzip -n -"${FOVEA_PACKAGE_LEVEL:-6}" >"$work/$1.tar.gz"
  mv "$work/$1.tar.gz" "$out/$1.tar.gz"
  say "$out/$1.tar.gz ($(du -h "$out/$1.tar.gz" | cut -f1))"
}

install_to() { # FOLDER COMPONENT...
  folder=$1
  shift
  for component in "$@"; do cmake --install "$build" --prefix "$folder" --component "$component" >/dev/null; done
}

tarball() {
  name=fovea-$version-$system
  install_to "$work/$name" runtime dev
  if [ -x "$build/bin/fovea-desktop" ]; then install_to "$work/$name" desktop; fi
  sh "$here/bundle.sh" "$work/$name"
  python3 "$here/sbom.py" --build "$build" --tree "$work/$name" --out "$work/$name/share/doc/fovea/sbom.cdx.json"
  pack "$name"
}

# As slicer.md 1 lays it out: Fovea and cli-modules on top, what they need beside them.
slicer() {
  name=fovea-slicer-$version-$system
  install_to "$work/whole" runtime
  mkdir -p "$work/$name/bin" "$work/$name/lib"
  mv "$work/whole/lib/fovea/slicer/Fovea" "$work/whole/lib/fovea/slicer/cli-modules" "$work/$name/"
  rmdir "$work/whole/lib/fovea/slicer"
  mv "$work/whole/bin/fovea-slicer-job" "$work/whole/bin/fovea-slide-reader" "$work/$name/bin/"
  mv "$work/whole/lib/fovea" "$work/$name/lib/"
  mkdir -p "$work/$name/share/fovea"
  if [ -d "$work/whole/share/fovea/encoders" ]; then mv "$work/whole/share/fovea/encoders" "$work/$name/share/fovea/"; fi
  mv "$work/whole/share/fovea/models" "$work/$name/models"
  mv "$work/whole/share/doc/fovea/copyright" "$work/$name/LICENSE"
  cp "$here/../docs/slicer.md" "$work/$name/README.md"
  rm -rf "$work/whole"
  sh "$here/bundle.sh" "$work/$name"
  mkdir -p "$work/$name/share/doc"
  python3 "$here/sbom.py" --build "$build" --tree "$work/$name" --out "$work/$name/share/doc/sbom.cdx.json"
  pack "$name"
}

deb() {
  say "Debian packages (dpkg-shlibdeps reads every library)"
  (cd "$work" && cpack --config "$build/CPackConfig.cmake" -G DEB -B "$work/cpack" >"$work/cpack.log" 2>&1) ||
    { cat "$work/cpack.log" >&2; exit 1; }
  for file in "$work"/cpack/*.deb; do
    mv "$file" "$out/"
    say "$out/$(basename "$file") ($(du -h "$out/$(basename "$file")" | cut -f1))"
  done
}

sbom() {
  python3 "$here/sbom.py" --build "$build" --out "$out/fovea-$version.cdx.json"
  say "$out/fovea-$version.cdx.json"
}

case $what in
  all) deb; tarball; slicer; sbom ;;
  deb|tarball|slicer|sbom) "$what" ;;
  *) echo "package.sh: all, deb, tarball, slicer or sbom, not '$what'" >&2; exit 1 ;;
esac
