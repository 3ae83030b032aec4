"""The modules run as 3D Slicer runs them (slicer.md 7.4): arguments, environment with foreign libraries and locale, progress, results,
kill, bad input. A host of our own, not Slicer; slicer_core_test.py has Slicer's libraries.

Usage: slicer_host_test.py MODULE_FOLDER MODEL SLIDE SLIDE_MODEL ENCODERS SHARED [unittest arguments]
"""
import csv
import os
import pathlib
import re
import shutil
import struct
import subprocess
import sys
import tempfile
import unittest

from slicer_host import Host, arguments_for, head_volume, numbers_in, parameters_of, read_nrrd, write_nrrd

FOLDER, MODEL, SLIDE, SLIDE_MODEL, ENCODERS, SHARED = (pathlib.Path(p) for p in sys.argv[1:7])
GEOMETRY = ("sizes", "space directions", "space origin", "space")


def german_locale(folder):
    """LOCPATH with a locale of decimal commas, where its sources are installed."""
    if not shutil.which("localedef") or not pathlib.Path("/usr/share/i18n/locales/de_DE").exists():
        return None
    made = subprocess.run(["localedef", "-i", "de_DE", "-f", "UTF-8", str(folder / "de_DE.UTF-8")], capture_output=True)
    return str(folder) if made.returncode == 0 else None


class AsSlicerRunsThem(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        (cls.folder / "locales").mkdir()
        if locales := german_locale(cls.folder / "locales"):
            os.environ["LOCPATH"] = locales
        cls.host = Host(cls.folder)
        cls.scan = cls.folder / "BCDE_vtkMRMLScalarVolumeNodeB.nrrd"
        cls.size = head_volume(cls.scan)

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def out(self, name, create=True):
        folder = self.folder / name
        if create:
            folder.mkdir()
        return folder

    def segment(self, folder, kill_at=None, **values):
        asked = {"inputVolume": self.scan, "model": MODEL, "labelMap": folder / "A_labels.nrrd", **values}
        return self.host.run(FOLDER / "FoveaMeningioma", asked, kill_at)

    def check_progress(self, ended):
        self.assertEqual(ended.progress[0], 0)
        self.assertEqual(ended.progress[-1], 1)
        self.assertEqual(ended.progress, sorted(ended.progress))
        self.assertLess(len(ended.progress) / max(ended.seconds, 1), 15)
        self.assertTrue(ended.comments)
        opened = [t for t in re.findall(r"</?filter-(?:start|end)>", ended.out)]
        self.assertEqual(opened.count("<filter-start>"), opened.count("</filter-start>"))

    def check_grid(self, path, kind):
        mine, data = read_nrrd(path)
        theirs, _ = read_nrrd(self.scan)
        self.assertEqual(mine["type"], kind)
        for key in GEOMETRY:
            if key == "space":
                self.assertEqual(mine[key], theirs[key])
            else:
                self.assertEqual(numbers_in(mine[key]), numbers_in(theirs[key]), key)
        return data

    def test_everything_that_is_asked_for_comes_back(self):
        folder = self.out("all")
        ended = self.segment(folder, threshold="0.30", probability=folder / "B_probability.nrrd", lesions=folder / "C_lesions.csv",
                             report=folder / "D_report.pdf", resultsFolder=folder / "everything")
        self.assertEqual((ended.code, ended.err), (0, ""), ended.out[-500:])
        self.check_progress(ended)
        labels = self.check_grid(folder / "A_labels.nrrd", "unsigned char")
        self.assertLessEqual(set(labels), {0, 1})
        self.assertGreater(labels.count(1), 0)
        probability = self.check_grid(folder / "B_probability.nrrd", "float")
        values = struct.unpack("<%df" % (len(probability) // 4), probability)
        self.assertTrue(all(0 <= v <= 1 for v in values))
        # The same voxels in both: what is labelled reached the threshold.
        self.assertGreaterEqual(min(v for v, label in zip(values, labels) if label), 0.2999)
        with open(folder / "C_lesions.csv", newline="") as stream:
            lesions = list(csv.DictReader(stream))
        self.assertEqual(set(ended.returned), {"totalVolumeMl", "lesionCount", "notices"})
        self.assertEqual(ended.returned["lesionCount"], str(len(lesions)))
        self.assertAlmostEqual(float(ended.returned["totalVolumeMl"]), labels.count(1) * 24 / 1000, places=2)
        self.assertTrue((folder / "D_report.pdf").read_bytes().startswith(b"%PDF"))
        self.assertTrue((folder / "everything/segmentation.seg.nrrd").exists())
        self.assertEqual([p.name for p in folder.iterdir() if p.name.startswith(".")], [])

    def test_nothing_found_is_a_full_grid_of_zeros(self):
        folder = self.out("none")
        ended = self.segment(folder, minComponentMl="1000", lesions=folder / "C_lesions.csv", report=folder / "D_report.html")
        self.assertEqual((ended.code, ended.err), (0, ""))
        self.assertEqual(set(self.check_grid(folder / "A_labels.nrrd", "unsigned char")), {0})
        self.assertEqual(ended.returned["lesionCount"], "0")
        self.assertTrue((folder / "C_lesions.csv").exists() and (folder / "D_report.html").exists())

    def test_empty_numbers_are_defaults(self):
        folder = self.out("empty")
        xml = (FOLDER / "FoveaMeningioma.xml").read_text()
        values = {"inputVolume": self.scan, "model": MODEL, "labelMap": folder / "A.nrrd"}
        words = arguments_for(parameters_of(xml), values, folder / "returned")
        empty = [w if not re.fullmatch(r"[\d.]+|fovea|auto|average", w) else "" for w in words]
        self.assertNotEqual(words, empty)
        ended = self.host.run(FOLDER / "FoveaMeningioma", {}, words=empty)
        self.assertEqual((ended.code, ended.err), (0, ""))

    def test_other_hosts_flags_are_taken(self):
        folder = self.out("hosts")
        words = ["--processinformationaddress", "0", f"--inputVolume={self.scan}", "--model", str(MODEL), "--labelMap", str(folder / "A.nrrd")]
        self.assertEqual(self.host.run(FOLDER / "FoveaMeningioma", {}, words=words).code, 0)

    def test_killed_half_way_leaves_nothing_and_the_next_run_is_whole(self):
        folder = self.out("killed")
        ended = self.segment(folder, kill_at=0.3, plane="all")
        self.assertEqual(ended.code, -9)
        self.assertEqual([p.name for p in folder.iterdir() if not p.name.startswith(".")], [])
        again = self.segment(folder)
        self.assertEqual((again.code, again.err), (0, ""))
        # Left-overs of the killed process are gone too.
        self.assertEqual([p.name for p in folder.iterdir()], ["A_labels.nrrd"])

    def refused(self, name, because, **values):
        folder = self.out(name)
        asked = {"inputVolume": self.scan, "model": MODEL, "labelMap": folder / "A.nrrd", **values}
        ended = self.host.run(FOLDER / "FoveaMeningioma", asked)
        self.assertNotEqual(ended.code, 0, name)
        self.assertGreater(ended.code, 0, ended.err)
        self.assertEqual(ended.err.count("\n"), 1, ended.err)
        self.assertRegex(ended.err, because)
        self.assertEqual(list(folder.iterdir()), [])
        return ended

    def test_bad_input_is_one_clear_line(self):
        self.refused("no-model", "there is no such model", model=self.folder / "absent.safetensors")
        self.refused("model-not-chosen", "no Model was chosen", model="")
        self.refused("not-a-volume", "volume|format|read", inputVolume=MODEL)
        empty = self.folder / "EMPTY.nrrd"
        empty.write_bytes(b"")
        self.refused("empty-file", "empty|volume|format|read", inputVolume=empty)
        flat = self.folder / "FLAT.nrrd"
        flat.write_bytes(b"NRRD0004\ntype: uchar\ndimension: 2\nsizes: 4 4\nencoding: raw\n\n" + bytes(16))
        self.refused("flat", "2-D|3-D|slice", inputVolume=flat)
        self.refused("threshold", "out of range", threshold="1.5")
        self.refused("comma", "not a number", threshold="0,5")
        self.refused("table-ending", "csv", lesions=self.folder / "x.tsv")
        self.refused("slide-model", "segment", model=SLIDE_MODEL)
        self.assertEqual(self.refused("nothing-asked", "no output", labelMap="").code, 2)

    def test_nan_voxels_are_said(self):
        scan = self.folder / "NAN.nrrd"
        head_volume(scan, (48, 48, 8), (4, 4, 9), nan=5)
        folder = self.out("nan")
        ended = self.segment(folder, inputVolume=scan)
        self.assertEqual((ended.code, ended.err), (0, ""))
        self.assertIn("NaN", ended.returned["notices"])

    def test_thrombus_needs_an_image_and_names_what_it_takes(self):
        folder = self.out("thrombus")
        ended = self.host.run(FOLDER / "FoveaThrombus", {"model": MODEL, "labelMap": folder / "A.nrrd"})
        self.assertEqual(ended.code, 2)
        self.assertIn("--swan, --dwi, --adc, --tof, --flair", ended.err)

    def test_real_scan_with_a_turned_grid(self):
        source = SHARED / "data/mri/ms-patient07/t1post.nii.gz"
        if not source.exists():
            self.skipTest("needs ../shared/data/mri")
        folder = self.out("real")
        ended = self.segment(folder, inputVolume=source, plane="axial", lesions=folder / "C.csv")
        self.assertEqual((ended.code, ended.err), (0, ""), ended.out[-400:])
        self.check_progress(ended)


class Slides(unittest.TestCase):
    def test_heatmap_and_table(self):
        if not SLIDE.exists() or not any(ENCODERS.glob("*.safetensors")):
            self.skipTest("needs the demo slide and the imported encoder (./run build)")
        with tempfile.TemporaryDirectory() as temporary:
            folder = pathlib.Path(temporary)
            host = Host(folder)
            host.environment["FOVEA_ENCODERS"] = str(ENCODERS)
            ended = host.run(FOLDER / "FoveaSlideAttention",
                             {"slide": SLIDE, "model": SLIDE_MODEL, "mpp": "0.499", "heatmap": folder / "H.nrrd", "tiles": folder / "T.csv"})
            self.assertEqual((ended.code, ended.err), (0, ""), ended.out[-400:])
            self.assertEqual((ended.progress[0], ended.progress[-1]), (0, 1))
            fields, data = read_nrrd(folder / "H.nrrd")
            sizes = [int(n) for n in fields["sizes"].split()]
            self.assertEqual((len(sizes), sizes[2]), (3, 1))
            values = struct.unpack("<%df" % (len(data) // 4), data)
            with open(folder / "T.csv", newline="") as stream:
                rows = list(csv.DictReader(stream))
            self.assertEqual(str(len(rows)), ended.returned["tileCount"])
            self.assertEqual(sum(v >= 0 for v in values), len(rows))
            self.assertAlmostEqual(sum(float(r["attention"]) for r in rows), 1, places=3)
            attention = [float(r["attention"]) for r in rows]
            self.assertEqual(attention, sorted(attention, reverse=True))
            # The strongest tile of the table is the brightest voxel, at the place that both name.
            brightest = values.index(max(values))
            vectors, origin = numbers_in(fields["space directions"]), numbers_in(fields["space origin"])
            self.assertAlmostEqual(origin[0] + (brightest % sizes[0]) * vectors[0], float(rows[0]["centre_x_mm"]), places=4)
            self.assertAlmostEqual(origin[1] + (brightest // sizes[0]) * vectors[4], float(rows[0]["centre_y_mm"]), places=4)
            self.assertIn(ended.returned["predictedClass"], ("no tumour", "tumour epithelium"))
            self.assertTrue(0.5 <= float(ended.returned["probabilityOfClass"]) <= 1)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[7:]])
