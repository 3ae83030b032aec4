"""Brain masks against the package deepbet itself: Dice of at least 0.99. Usage: brain_mask_test.py FOVEA SCAN.nii.gz [DEEPBET]

DEEPBET: the folder with the package's networks for Fovea, when it is not where ./run deps puts it.
Skipped (77) without the packages of cmake/wheels-peer-deepbet.txt, cmake/wheels-python.txt and cmake/wheels-raidionicsval.txt, or
without the scan.
"""
import os
import pathlib
import subprocess
import sys
import tempfile

try:
    import nibabel
    import numpy
    from deepbet.bet import BrainExtraction
except ImportError as missing:
    print(f"skipped: {missing}")
    sys.exit(77)


def dice(a, b):
    return 2 * numpy.logical_and(a, b).sum() / (a.sum() + b.sum())


def variants(scan, folder):
    """The scan as it is; and turned: other axes, thick slices, an oblique header."""
    image = nibabel.load(scan)
    yield "as it is", str(scan)
    data = image.get_fdata(dtype=numpy.float32).transpose(2, 0, 1)[::2, ::-1, :]
    angle = numpy.deg2rad(8)
    turn = numpy.array([[numpy.cos(angle), -numpy.sin(angle), 0], [numpy.sin(angle), numpy.cos(angle), 0], [0, 0, 1]])
    axes = image.affine[:3, :3][:, [2, 0, 1]] * [2, -1, 1]
    affine = numpy.eye(4)
    affine[:3, :3] = turn @ axes
    affine[:3, 3] = [3, -40, 20]
    path = str(folder / "turned.nii.gz")
    turned = nibabel.Nifti1Image(numpy.ascontiguousarray(data), affine)
    turned.header.set_xyzt_units("mm")
    nibabel.save(turned, path)
    yield "turned", path


def main():
    fovea, scan = sys.argv[1], pathlib.Path(sys.argv[2])
    if not scan.exists():
        print(f"skipped: no {scan}")
        return 77
    environment = dict(os.environ)
    if len(sys.argv) > 3:
        environment["FOVEA_DEEPBET"] = sys.argv[3]
    peer = BrainExtraction(no_gpu=True)
    bad = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for title, path in variants(scan, folder):
            theirs = folder / "theirs.nii.gz"
            peer.run(path, mask_path=str(theirs))
            ours = folder / "ours.nii.gz"
            run = subprocess.run([fovea, "mri", "brain", path, "--method", "deepbet", "--out", str(ours), "--json-progress"],
                                 env=environment, capture_output=True, text=True)
            if run.returncode != 0:
                print(run.stdout + run.stderr)
                return 1
            a, b = (numpy.asarray(nibabel.load(file).dataobj) > 0 for file in (ours, theirs))
            same_place = numpy.allclose(nibabel.load(ours).affine, nibabel.load(path).affine, atol=1e-3)
            value = dice(a, b)
            print(f"{title}: Dice {value:.5f}, {int(a.sum())} and {int(b.sum())} voxels, {int((a != b).sum())} differ")
            bad += value < 0.99 or not same_place
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
