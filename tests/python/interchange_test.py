"""Feature files in both directions: ours as CLAM's and TRIDENT's Python code opens them, theirs as we do.

Usage: interchange_test.py FOVEA ENCODER_FOLDER MODEL [unittest arguments]; exit code 77 when h5py, torch or the encoder is not there.
"""
import json
import os
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest
import zlib

try:
    import h5py
    import numpy as np
    import torch
except ImportError as error:
    print(f"skipped: a Python package is not there ({error}); ./run test fetches it")
    sys.exit(77)

FOVEA, ENCODERS, MODEL = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]
WIDTH = 1280


def write_png(path, pixels):
    """RGB, 8 bit."""
    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))
    height, width, _ = pixels.shape
    rows = b"".join(b"\0" + row.tobytes() for row in pixels)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)) +
                     chunk(b"IDAT", zlib.compress(rows, 1)) + chunk(b"IEND", b""))


def slide(path, edge=1100, stained=True):
    """Glass with a patch of tissue."""
    y, x = np.mgrid[0:edge, 0:edge]
    pixels = np.full((edge, edge, 3), 245, np.uint8)
    if stained:
        inside = (x > edge // 5) & (x < 4 * edge // 5) & (y > edge // 5) & (y < 4 * edge // 5)
        tissue = np.stack([150 + (x * 7) % 40, 60 + (x + 3 * y) % 40, np.full_like(x, 140)], -1).astype(np.uint8)
        pixels[inside] = tissue[inside]
    write_png(path, pixels)


def fovea(*arguments, expect=0):
    environment = dict(os.environ, FOVEA_ENCODERS=str(ENCODERS))
    done = subprocess.run([FOVEA, *map(str, arguments), "--quiet"], env=environment, capture_output=True, text=True)
    if done.returncode != expect:
        raise AssertionError(f"fovea {' '.join(map(str, arguments))}: {done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


class Folder(unittest.TestCase):
    def setUp(self):
        self.temporary = tempfile.TemporaryDirectory()
        self.folder = pathlib.Path(self.temporary.name)

    def tearDown(self):
        self.temporary.cleanup()


class OursReadByTheirs(Folder):
    """The fields, types and calls are those of CLAM (dataset_h5.py, dataset_generic.py) and TRIDENT (IO.py, WSI.py)."""

    def features(self, *arguments, blank=False):
        slide(self.folder / "00042.png", stained=not blank)
        return fovea("slide", "features", self.folder / "00042.png", "--slide-mpp", 0.5, "--mpp", 0.5, "--tile", 256,
                     "--out", self.folder / "out", *arguments, expect=2 if blank else 0)

    def growing(self, dataset):
        self.assertEqual(dataset.maxshape[0], None)
        self.assertEqual(dataset.compression, None)

    def test_clam(self):
        self.features("--format", "clam", "--pt")
        with h5py.File(self.folder / "out/patches/00042.h5", "r") as file:
            coords = file["coords"]
            self.assertEqual(coords.dtype, np.int64)
            self.growing(coords)
            self.assertEqual(int(coords.attrs["patch_level"]), 0)
            self.assertEqual(int(coords.attrs["patch_size"]), 256)
            self.assertEqual(coords.attrs["downsample"].dtype, np.float64)
            self.assertEqual(list(coords.attrs["downsample"]), [1.0, 1.0])
            self.assertEqual(list(coords.attrs["level_dim"]), [1100, 1100])
            self.assertIsInstance(coords.attrs["name"], str)
            self.assertEqual(coords.attrs["name"], "00042")
            patches = coords[:]
        with h5py.File(self.folder / "out/h5_files/00042.h5", "r") as file:
            self.assertEqual(sorted(file), ["coords", "features"])
            self.assertEqual((file["features"].dtype, file["coords"].dtype), (np.float32, np.int32))
            self.assertEqual((file["features"].chunks, file["coords"].chunks), ((32, WIDTH), (32, 2)))
            self.assertEqual((len(file["features"].attrs), len(file["coords"].attrs)), (0, 0))
            self.growing(file["features"])
            features = torch.from_numpy(file["features"][:])
            np.testing.assert_array_equal(file["coords"][:], patches)
        self.assertEqual(features.shape, (len(patches), WIDTH))
        tensor = torch.load(self.folder / "out/pt_files/00042.pt", weights_only=True)
        self.assertEqual((tensor.dtype, tensor.is_contiguous()), (torch.float32, True))
        self.assertTrue(torch.equal(tensor, features))

    def trident(self, precision, dtype):
        self.features("--format", "trident", "--precision", precision, "--overwrite")
        job = self.folder / "out/20x_256px_0px_overlap"
        with h5py.File(job / "patches/00042_patches.h5", "r") as file:
            attributes, coords = dict(file["coords"].attrs), file["coords"][:]
            self.assertEqual(file["coords"].dtype, np.int64)
        for name in ("patch_size", "patch_size_level0", "level0_magnification", "target_magnification", "overlap"):
            self.assertEqual(float(attributes[name]), int(attributes[name]), name)
        self.assertEqual(round(attributes["patch_size"] * attributes["level0_magnification"] /
                               attributes["target_magnification"]), attributes["patch_size_level0"])
        self.assertEqual((attributes["level0_width"], attributes["level0_height"]), (1100, 1100))
        self.assertEqual((attributes["name"], attributes["savetodir"]), ("00042", ""))
        with h5py.File(job / "features_efficientnet_lite0/00042.h5", "r") as file:
            self.assertEqual(file["features"].dtype, dtype)
            self.assertEqual(file["features"].attrs["encoder"], "efficientnet_lite0")
            self.assertEqual(file["features"].attrs["name"], "00042")
            np.testing.assert_array_equal(file["coords"][:], coords)
            self.assertEqual(int(file["coords"].attrs["patch_size_level0"]), 256)
            self.growing(file["features"])
            return file["features"][:]

    def test_trident_in_both_precisions(self):
        single, half = self.trident("fp32", np.float32), self.trident("fp16", np.float16)
        np.testing.assert_array_equal(single.astype(np.float16), half)

    def test_a_slide_without_tissue(self):
        self.features(blank=True)
        with h5py.File(self.folder / "out/20x_256px_0px_overlap/features_efficientnet_lite0/00042.h5", "r") as file:
            self.assertEqual((file["features"].shape, file["coords"].shape), ((0, WIDTH), (0, 2)))


class TheirsReadByOurs(Folder):
    """Files made by h5py as CLAM, TRIDENT and ACMIL make them."""

    def setUp(self):
        super().setUp()
        random = np.random.default_rng(5)
        self.features = np.abs(random.normal(size=(40, WIDTH))).astype(np.float32)
        self.coords = np.stack(np.meshgrid(np.arange(8), np.arange(5)), -1).reshape(-1, 2).astype(np.int64) * 512

    def predict(self, file, *arguments, expect=0):
        out = self.folder / f"out-{file.stem}"
        said = fovea("slide", "predict", "--features", file, "--model", MODEL, "--out", out, *arguments, expect=expect)
        return said if expect else json.loads((out / "prediction.json").read_text())

    def write(self, name, data, attributes=({}, {}), coords_type=np.int64):
        path = self.folder / name
        with h5py.File(path, "w") as file:
            for key, values, given in (("features", data, attributes[0]),
                                       ("coords", self.coords[:len(data)].astype(coords_type), attributes[1])):
                dataset = file.create_dataset(key, data=values, maxshape=(None,) + values.shape[1:],
                                              chunks=(1,) + values.shape[1:])
                dataset.attrs.update(given)
        return path

    def probabilities(self, prediction):
        text = json.dumps(prediction)
        self.assertNotIn("NaN", text)
        return json.dumps(prediction["classes"] if "classes" in prediction else prediction.get("probabilities"))

    def test_all_layouts_of_the_same_features_predict_the_same(self):
        trident = ({"name": "s", "savetodir": "None", "encoder": "efficientnet_lite0"},
                   {"patch_size": 256, "patch_size_level0": np.float64(512), "level0_magnification": 40,
                    "target_magnification": np.float64(20), "overlap": 0, "name": "s", "savetodir": "None",
                    "level0_width": 5000, "level0_height": 4000})
        files = [self.write("clam.h5", self.features, coords_type=np.int32),
                 self.write("trident.h5", self.features, trident)]
        torch.save(torch.from_numpy(self.features), self.folder / "bare.pt")
        files.append(self.folder / "bare.pt")
        (self.folder / "features").mkdir(), (self.folder / "coords").mkdir()
        np.save(self.folder / "features/mil.npy", self.features)
        np.save(self.folder / "coords/mil.npy", self.coords.astype(np.float64))
        files.append(self.folder / "features/mil.npy")
        seen = {self.probabilities(self.predict(file)) for file in files}
        self.assertEqual(len(seen), 1)
        self.assertNotEqual(seen, {"null"})
        self.assertTrue((self.folder / "out-trident/heatmap.png").exists())
        self.assertTrue((self.folder / "out-mil/heatmap.png").exists())
        half = self.predict(self.write("half.h5", self.features.astype(np.float16), trident))
        self.assertNotEqual(self.probabilities(half), "null")

    def test_acmil_keeps_many_slides_in_one_file(self):
        path = self.folder / "patch_feats_pretrain_x.h5"
        with h5py.File(path, "w") as file:
            for name in ("tumor_001", "normal_002"):
                group = file.create_group(name)
                group.create_dataset("feat", data=self.features.astype(np.float16))
                group.create_dataset("coords", data=self.coords.astype(np.int32))
                group.attrs["label"] = 1
        self.assertIn("--features-key", self.predict(path, expect=3))
        self.predict(path, "--features-key", "normal_002")

    def test_what_is_no_bag_is_said(self):
        with h5py.File(self.folder / "slide_features.h5", "w") as file:
            file["features"] = self.features[0]
        self.assertIn("slide embedding", self.predict(self.folder / "slide_features.h5", expect=3))
        self.assertIn("no tile", self.predict(self.write("empty.h5", self.features[:0]), expect=3))
        with h5py.File(self.folder / "zero.h5", "w") as file:
            file["features"], file["coords"] = np.zeros(0, np.float32), np.zeros((0, 2), np.int64)
        self.assertIn("no tile", self.predict(self.folder / "zero.h5", expect=3))
        with h5py.File(self.folder / "old.h5", "w") as file:
            file["imgs"], file["coords"] = np.zeros((2, 8, 8, 3), np.uint8), np.zeros((2, 2), np.int64)
        self.assertIn("image patches", self.predict(self.folder / "old.h5", expect=3))
        bad = self.features.copy()
        bad[3, 5] = np.nan
        self.assertIn("NaN", self.predict(self.write("nan.h5", bad), expect=3))

    def test_coordinates_of_both_tools_are_encoded(self):
        slide(self.folder / "s.png")
        corners = np.array([[256, 256], [512, 256], [256, 512], [512, 512]], np.int64)
        wanted = None
        for tool, name, attributes in (
                ("clam", "s.h5", {"patch_size": 256, "patch_level": 0, "downsample": np.array([1.0, 1.0]),
                                  "level_dim": np.array([1100, 1100]), "downsampled_level_dim": np.array([1100, 1100]),
                                  "name": "s", "save_path": "x"}),
                ("trident", "s_patches.h5", {"patch_size": 256, "patch_size_level0": np.float64(256),
                                             "level0_magnification": 20, "target_magnification": np.float64(20),
                                             "overlap": 0, "name": "s", "savetodir": "None", "level0_width": 1100,
                                             "level0_height": 1100})):
            patches = self.folder / tool / "patches"
            patches.mkdir(parents=True)
            with h5py.File(patches / name, "w") as file:
                file.create_dataset("coords", data=corners, maxshape=(None, 2), chunks=(1, 2)).attrs.update(attributes)
            fovea("slide", "features", self.folder / "s.png", "--slide-mpp", 0.5, "--coords", patches, "--format",
                  "clam", "--out", self.folder / f"features-{tool}")
            with h5py.File(self.folder / f"features-{tool}/h5_files/s.h5", "r") as file:
                np.testing.assert_array_equal(file["coords"][:], corners)
                if wanted is not None:
                    np.testing.assert_array_equal(file["features"][:], wanted)
                wanted = file["features"][:]


if __name__ == "__main__":
    if not (ENCODERS / "efficientnet_lite0.safetensors").exists():
        print(f"skipped: no encoder in {ENCODERS}; ./run test prepares it")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
