#!/bin/sh
# Makes an installed tree relocatable: copies the libraries that its programs find elsewhere into lib/fovea, all but glibc's and the
# graphics driver's, which belong to the machine. Programs and our libraries carry an RPATH, which those copies inherit.
# usage: bundle.sh TREE
set -eu
tree=$(cd "$1" && pwd)
lib=$tree/lib/fovea

elf_files() {
  find "$tree" -type f ! -name '*.xml' ! -name '*.safetensors' ! -path '*/share/*' -exec sh -c \
    'for f; do [ "$(head -c 4 "$f" | od -An -c | tr -d " ")" = "177ELF" ] && printf "%s\n" "$f"; done; true' sh {} +
}

# Of the machine: glibc (as old as Debian 12's or newer), and what must match its display and its driver.
of_the_machine='^(ld-linux.*|libc|libm|libdl|libpthread|librt|libresolv|libutil|libanl|libGL|libGLX|libGLdispatch|libEGL|libOpenGL|libdrm|libgbm)\.so'

if [ -x "$tree/bin/fovea-desktop" ]; then
  plugins=$(qmake6 -query QT_INSTALL_PLUGINS 2>/dev/null || echo "/usr/lib/$(uname -m)-linux-gnu/qt6/plugins")
  for kind in platforms imageformats xcbglintegrations; do
    [ -d "$plugins/$kind" ] || continue
    mkdir -p "$lib/qt/plugins/$kind"
    cp -L "$plugins/$kind"/*.so "$lib/qt/plugins/$kind/"
  done
  printf '[Paths]\nPrefix=../lib/fovea/qt\nPlugins=plugins\n' >"$tree/bin/qt.conf"
fi

# ldd names every library of every file, so that one pass finds what the copies need as well.
elf_files | while read -r file; do env -u LD_LIBRARY_PATH ldd "$file" 2>/dev/null || true; done |
  awk '$2 == "=>" && $3 ~ /^\// { print $1, $3 }' | sort -u | while read -r name path; do
    case $path in "$tree"/*) continue ;; esac
    if printf '%s\n' "$name" | grep -Eq "$of_the_machine"; then continue; fi
    cp -Ln "$path" "$lib/$name"
  done
chmod -R u+w "$lib"
