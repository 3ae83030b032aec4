#!/usr/bin/env python3
"""Fails on an include that crosses the layers of the README's picture. Usage: layering.py ROOT"""
import pathlib
import re
import sys

TORCH = r"ATen/|c10/|torch/"
ITK = r"itk[A-Z]|gdcm|dcmtk/"
QT = r"Q[A-Z]\w*$|Qt"
# folder -> forbidden include (regular expressions at the start of the included name)
FORBIDDEN = {
    "base": [r"fovea/(io|models|pipeline|gui)/", TORCH, ITK, QT, "openslide"],
    "io": [r"fovea/(models|attention|pipeline|gui)/", TORCH, QT, "CLI/"],
    "models": [r"fovea/(io|pipeline|gui)/", ITK, QT, "openslide", "hdf5", "nlohmann", "CLI/", r"(fstream|filesystem)$"],
    "pipeline": [r"fovea/gui/", QT, "CLI/", "openslide", "hdf5"],
    "gui": [r"fovea/(models|io)/(?!image|volume|slide)", TORCH, ITK, "openslide", "CLI/"],
    "app": [r"fovea/models/", TORCH, ITK, "openslide", "hdf5"],
}
# Public headers stay light: no third-party header at all, LibTorch only in models.
PUBLIC_FORBIDDEN = {"io": [TORCH, ITK, "openslide", "hdf5", "nlohmann/json.hpp", "spdlog"],
                    "pipeline": [TORCH, ITK, "nlohmann/json.hpp", "spdlog", r"fovea/models/", "tbb/", "oneapi/"],
                    "gui": [TORCH, ITK, "nlohmann"],
                    "models": [r"torch/torch\.h"]}
INCLUDE = re.compile(r'^\s*#\s*include\s*[<"]([^>"]+)[>"]')


def violations(root):
    for folder, patterns in FORBIDDEN.items():
        for path in sorted((root / folder).rglob("*")):
            if path.suffix not in {".h", ".cc", ".cu", ".cuh"}:
                continue
            rules = list(patterns)
            if "include" in path.relative_to(root).parts:
                rules += PUBLIC_FORBIDDEN.get(folder, [])
            if path.suffix in {".cu", ".cuh"}:
                rules.append(TORCH)
            for number, line in enumerate(path.read_text().splitlines(), 1):
                match = INCLUDE.match(line)
                if not match:
                    continue
                for rule in rules:
                    if re.match(rule, match.group(1)):
                        yield f"{path.relative_to(root)}:{number}: {folder} must not include <{match.group(1)}>"


def main():
    root = pathlib.Path(sys.argv[1])
    found = list(violations(root))
    print("\n".join(found) if found else "layering: no forbidden include")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
