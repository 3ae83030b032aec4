"""`fovea model export --onnx` as onnxruntime runs it: 3-D and 2-D networks with every switch, against what Fovea computes itself.

Usage: onnx_export_test.py FOVEA [unittest arguments]; exit code 77 when onnxruntime or numpy is not there.
"""
import configparser
import gzip
import json
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

try:
    import numpy as np
    import onnxruntime
    from nifti import write_nifti
except ImportError as error:
    print(f"skipped: a Python package is not there ({error}); ./run test fetches it")
    sys.exit(77)

FOVEA = sys.argv[1]
TOLERANCE = 1e-5
DTYPES = {"F32": np.float32, "F64": np.float64, "U8": np.uint8, "I32": np.int32, "I64": np.int64}


def fovea(*arguments):
    done = subprocess.run([FOVEA, *map(str, arguments), "--quiet"], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(f"{done.returncode}\n{done.stdout}{done.stderr}")


def write_safetensors(path, tensors, metadata):
    header, at = {"__metadata__": metadata}, 0
    for name, value in tensors.items():
        header[name] = {"dtype": "F32", "shape": list(value.shape), "data_offsets": [at, at + value.nbytes]}
        at += value.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + b"".join(value.tobytes() for value in tensors.values()))


def read_safetensors(path):
    data = path.read_bytes()
    length = struct.unpack_from("<Q", data)[0]
    header = json.loads(data[8:8 + length])
    return {name: np.frombuffer(data[8 + length:][slice(*entry["data_offsets"])], DTYPES[entry["dtype"]]).reshape(entry["shape"])
            for name, entry in header.items() if name != "__metadata__"}


def network(dims, filters, channels, classes, multi_scale, attention, norm):
    """An untrained AGUNet by its canonical names, with norms that are not trivial."""
    rng = np.random.default_rng(5)
    state = {}

    def conv(name, wide_in, wide_out, kernel, transposed=False):
        shape = ((wide_in, wide_out) if transposed else (wide_out, wide_in)) + (kernel,) * dims
        state[name + ".weight"] = (rng.standard_normal(shape) * (2 / (wide_in * kernel**dims)) ** 0.5).astype(np.float32)
        state[name + ".bias"] = rng.uniform(-0.3, 0.3, wide_out).astype(np.float32)

    def normed(name, width):
        state[name + ".weight"], state[name + ".bias"] = rng.uniform(0.5, 1.5, width).astype(np.float32), rng.uniform(-0.3, 0.3, width).astype(np.float32)
        if norm == "batch":
            state[name + ".running_mean"], state[name + ".running_var"] = (rng.uniform(-0.3, 0.3, width).astype(np.float32),
                                                                           rng.uniform(0.5, 1.5, width).astype(np.float32))

    def block(name, wide_in, width):
        for i, wide in enumerate((wide_in, width)):
            conv(f"{name}.conv{i}", wide, width, 3)
            normed(f"{name}.bn{i}", width)

    below = channels
    for level, width in enumerate(filters[:-1]):
        pyramid = multi_scale and level > 0
        if pyramid:
            conv(f"enc{level}.pyr", channels, width, 3)
        block(f"enc{level}", below + (width if pyramid else 0), width)
        below = width
    block("bottom", below, filters[-1])
    below = filters[-1]
    for level in reversed(range(len(filters) - 1)):
        width, inner = filters[level], filters[level] // 2
        conv(f"dec{level}.up", below, width, 3, transposed=True)
        normed(f"dec{level}.up_bn", width)
        if attention:
            for side in "gx":
                conv(f"dec{level}.gate.{side}", width, inner, 1)
                normed(f"dec{level}.gate.{side}_bn", inner)
            conv(f"dec{level}.gate.psi", 2 * inner, 1, 1)
            normed(f"dec{level}.gate.psi_bn", 1)
        block(f"dec{level}", 2 * width, width)
        below = width
    conv("head0", below, classes, 1)
    return state


def read_nifti(path):
    data = gzip.decompress(path.read_bytes())
    shape = struct.unpack_from("<3h", data, 42)
    return np.frombuffer(data, np.float32, np.prod(shape), int(struct.unpack_from("<f", data, 108)[0])).reshape(shape, order="F")


class Exported(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.temporary.name)

    def tearDown(self):
        self.temporary.cleanup()

    def export(self, state, preprocessing, norm):
        config = {"norm": norm} if norm != "batch" else {}
        write_safetensors(self.folder / "model.safetensors", state,
                          {"fovea.preprocessing": json.dumps(preprocessing), **({"fovea.config": json.dumps(config)} if config else {})})
        fovea("model", "export", self.folder / "model.safetensors", "--onnx", self.folder / "model.onnx")
        return onnxruntime.InferenceSession(str(self.folder / "model.onnx"), providers=["CPUExecutionProvider"])

    def check_volume(self, channels, classes, multi_scale, attention, norm="batch"):
        rng = np.random.default_rng(2)
        state = network(3, [4, 6, 8], channels, classes, multi_scale, attention, norm)
        session = self.export(state, {"output_spacing": "1,1,1", "new_axial_size": "16,20,24", "normalization_method": "default"}, norm)
        volumes = []
        for channel in range(channels):
            volumes.append(self.folder / f"v{channel}.nii.gz")
            write_nifti(volumes[-1], rng.random((18, 22, 26)).astype(np.float32))
        fovea("mri", "segment", *volumes, "--model", self.folder / "model.safetensors", "--out", self.folder / "out", "--dump", self.folder / "dump.safetensors")
        dump = read_safetensors(self.folder / "dump.safetensors")
        given, ours = dump["pre.network_input"], dump["net.softmax"]
        if given.ndim == 3:
            given = given[..., None]
        self.assertEqual(session.get_inputs()[0].shape, [1, channels, 16, 20, 24])
        theirs = session.run(None, {"input": given.transpose(3, 0, 1, 2)[None].astype(np.float32)})[0][0].transpose(1, 2, 3, 0)
        self.assertGreater(ours.std(), 1e-2)
        self.assertLessEqual(np.abs(theirs - ours).max(), TOLERANCE)

    def test_volumes(self):
        self.check_volume(1, 2, True, True)

    def test_volumes_of_several_channels_and_classes_without_pyramid_and_gates(self):
        self.check_volume(2, 3, False, False)

    def test_volumes_with_group_norm(self):
        self.check_volume(1, 2, True, True, "group")

    def test_the_ini_beside_it_is_what_raidionics_looks_for(self):
        self.check_volume(1, 2, True, True)
        ini = configparser.ConfigParser()
        ini.read(self.folder / "pre_processing.ini")
        self.assertEqual(ini["Default"]["imaging_modality"], "MRI")
        self.assertEqual(ini["Default"]["training_backend"], "Torch")
        self.assertEqual(ini["PreProcessing"]["channels_order"], "channels_first")
        self.assertEqual(ini["PreProcessing"]["new_axial_size"], "16,20,24")
        self.assertEqual(ini["Training"]["nb_classes"], "2")
        self.assertEqual(ini["Training"]["activation_layer_included"], "True")

    def test_slices(self):
        rng = np.random.default_rng(3)
        state = network(2, [4, 6, 8], 1, 2, True, True, "batch")
        session = self.export(state, {"new_axial_size": "32,24", "normalization_method": "zeromean"}, "batch")
        volume = rng.random((32, 24, 5)).astype(np.float32) + 0.5
        write_nifti(self.folder / "v.nii.gz", volume)
        fovea("mri", "segment", self.folder / "v.nii.gz", "--model", self.folder / "model.safetensors", "--out", self.folder / "out", "--plane", "axial")
        ours = read_nifti(self.folder / "out/probability.nii.gz")
        self.assertGreater(ours.std(), 1e-2)
        for z in range(volume.shape[2]):
            one = volume[:, :, z].astype(np.float64)
            one = ((one - one.mean()) / one.std()).astype(np.float32)
            theirs = session.run(None, {"input": one[None, None]})[0][0, 1]
            self.assertLessEqual(np.abs(theirs - ours[:, :, z]).max(), TOLERANCE)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]])
