"""The least of NIfTI-1 that a test needs: arrays on a grid with an affine."""
import gzip
import struct

import numpy as np

CODES = {"uint8": (2, 8), "int16": (4, 16), "float32": (16, 32)}


def write_nifti(path, array, spacing=(1, 1, 1), affine=None):
    """`array[x, y, z]`; `affine` is RAS from index, by default the spacing alone."""
    code, bits = CODES[array.dtype.name]
    if affine is None:
        affine = np.diag([*spacing, 1.0])
    spacing = np.linalg.norm(np.asarray(affine)[:3, :3], axis=0)
    header = bytearray(348)
    struct.pack_into("<i", header, 0, 348)
    struct.pack_into("<8h", header, 40, 3, *array.shape, 1, 1, 1, 1)
    struct.pack_into("<hh", header, 70, code, bits)
    struct.pack_into("<8f", header, 76, 1, *spacing, 0, 0, 0, 0)
    struct.pack_into("<f", header, 108, 352)
    struct.pack_into("<ff", header, 112, 1, 0)
    struct.pack_into("<B", header, 123, 2)
    struct.pack_into("<hh", header, 252, 0, 1)
    for row in range(3):
        struct.pack_into("<4f", header, 280 + 16 * row, *np.asarray(affine)[row])
    header[344:348] = b"n+1\0"
    data = bytes(header) + b"\0" * 4 + array.tobytes(order="F")
    path.write_bytes(gzip.compress(data, 1) if path.name.endswith(".gz") else data)
