"""`fovea batch` over volumes that want to take the machine along: a header of 32 TB, a gzip stream without end, a file over which the
decoder dies. Each is one failed case with one sentence; the cases around them are done.

Usage: volume_bombs_test.py FOVEA MODEL; exit code 77 without numpy.
"""
import csv
import gzip
import os
import pathlib
import stat
import subprocess
import sys
import tempfile
import unittest

try:
    import numpy as np
except ImportError:
    print("skipped: numpy is not there (./run test installs it)")
    sys.exit(77)
from nifti import write_nifti

FOVEA, MODEL = (str(pathlib.Path(path).resolve()) for path in sys.argv[1:3])

# Stands for the decoder: dies over files called so, and is the decoder for the rest.
DECODER = """#!/usr/bin/python3
import os, signal, socket, sys
with socket.socket(fileno=os.dup(3)) as channel:
    channel.recv(8, socket.MSG_PEEK | socket.MSG_WAITALL)
    asked = channel.recv(4096, socket.MSG_PEEK)
if b"crash" in asked:
    os.kill(os.getpid(), signal.SIGSEGV)
if b"leave" in asked:
    sys.exit(5)
os.execv(%r, [%r, *sys.argv[1:]])
"""


def head_of(size):
    """A head that is not all one value: noise in a ball."""
    grid = np.stack(np.meshgrid(*3 * [np.linspace(-1, 1, size)], indexing="ij"))
    noise = np.random.default_rng(1).normal(200, 40, (size,) * 3)
    return np.where((grid ** 2).sum(0) < 0.8, noise, 0).astype(np.float32)


class VolumeBombs(unittest.TestCase):
    def test_bombs_are_failed_cases(self):
        with tempfile.TemporaryDirectory() as name:
            folder = pathlib.Path(name)
            names = ("good1.nii.gz", "crash.nii.gz", "bomb.nii.gz", "leave.nii.gz", "huge.nrrd", "good2.nii.gz")
            for name in names:
                if name.endswith(".gz"):
                    write_nifti(folder / name, head_of(24))
            with open(folder / "bomb.nii.gz", "ab") as bomb:
                member = gzip.compress(bytes(64 << 20), 9)
                for _ in range(160):  # 10 GB, in 10 MB
                    bomb.write(member)
            (folder / "huge.nrrd").write_bytes(b"NRRD0004\ntype: double\ndimension: 3\nsizes: 16000 16000 16000\n"
                                               b"encoding: gzip\nendian: little\n\n" + gzip.compress(bytes(1000)))
            decoder, real = folder / "decoder", str(pathlib.Path(FOVEA).parent / "fovea-slide-reader")
            decoder.write_text(DECODER % (real, real))
            decoder.chmod(stat.S_IRWXU)
            (folder / "cases.csv").write_text("case,volumes\n" + "".join(f"{name.split('.')[0]},{name}\n" for name in names))
            done = subprocess.run([FOVEA, "batch", folder / "cases.csv", "--job", "mri segment", "--set", f"model={MODEL}", "--out",
                                   folder / "out"], capture_output=True, text=True, timeout=300,
                                  env=os.environ | {"FOVEA_SLIDE_READER": str(decoder)})
            self.assertEqual(done.returncode, 2, done.stdout + done.stderr)
            with open(folder / "out/summary.csv", newline="") as table:
                rows = {row["case"]: row for row in csv.DictReader(table)}
            for case, problem in (("good1", None), ("good2", None), ("crash", "the decoder crashed with signal 11"),
                                  ("leave", "the decoder ended with code 5"), ("huge", "MB of memory, more than allowed"),
                                  ("bomb", "goes on far beyond what its header promises")):
                with self.subTest(case):
                    row = " ".join(rows[case].values())
                    if problem:
                        self.assertEqual(rows[case]["state"], "failed", row)
                        self.assertIn(problem, row)
                    else:
                        self.assertEqual(rows[case]["state"], "done", row)
                        self.assertTrue((folder / "out/cases" / case / "segmentation.seg.nrrd").exists())


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v"])
