"""What `fovea mri segment` writes for other programs: DICOM SEG read by highdicom (segments, voxels, affine, patient; a source with a
bad attribute; NIfTI refused) and .seg.nrrd read by slicerio.

Usage: segmentation_files_test.py FOVEA SERIES MODEL [unittest arguments]; exit code 77 when a reader or the series is not there.
"""
import gzip
import pathlib
import struct
import subprocess
import sys
import tempfile
import unittest

try:
    import highdicom
    import numpy as np
    import pydicom
    import slicerio
    from nifti import write_nifti
except ImportError as error:
    print(f"skipped: a Python package is not there ({error}); ./run test fetches it")
    sys.exit(77)

FOVEA, SERIES, MODEL = sys.argv[1], pathlib.Path(sys.argv[2]), sys.argv[3]


def segment(volume, out, *arguments, expect=0):
    done = subprocess.run([FOVEA, "mri", "segment", volume, "--model", MODEL, "--out", out, "--quiet", *map(str, arguments)],
                          capture_output=True, text=True)
    if done.returncode != expect:
        raise AssertionError(f"{done.returncode}\n{done.stdout}{done.stderr}")
    return done.stdout + done.stderr


def labels_of(path):
    data = gzip.decompress(path.read_bytes())
    shape = struct.unpack_from("<3h", data, 42)
    offset = int(struct.unpack_from("<f", data, 108)[0])
    affine = np.array([struct.unpack_from("<4f", data, 280 + 16 * row) for row in range(3)])
    return np.frombuffer(data, np.uint8, np.prod(shape), offset).reshape(shape, order="F"), affine


class Files(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.series = cls.folder / "series"
        cls.series.mkdir()
        for file in sorted(SERIES.glob("*.dcm"))[20:32]:
            dataset = pydicom.dcmread(file)
            dataset.add_new(0x00101010, "LO", "42")  # an age is to be 042Y
            raw = dataset[0x00101010]
            raw.VR = "AS"
            dataset.save_as(cls.series / file.name)
        # Low enough that something is found in a head without a tumour.
        segment(cls.series, cls.folder / "out", "--dicom-seg", cls.folder / "seg.dcm", "--threshold", "0.3")
        cls.labels, cls.affine = labels_of(cls.folder / "out/segmentation.nii.gz")

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def test_segments_voxels_and_place(self):
        seg = highdicom.seg.segread(self.folder / "seg.dcm")
        self.assertEqual(seg.segmentation_type.value, "BINARY")
        self.assertEqual(seg.number_of_segments, 1)
        self.assertGreater(np.count_nonzero(self.labels), 0)
        description = seg.get_segment_description(1)
        self.assertEqual(description.segment_label, "meningioma")
        self.assertEqual(description.segmented_property_type.value, "4147007")
        volume = seg.get_volume(combine_segments=True)
        theirs = np.zeros(self.labels.shape, np.uint8)
        # Their index (slice, row, column) to LPS mm to ours.
        lps = np.argwhere(volume.array) @ volume.affine[:3, :3].T + volume.affine[:3, 3]
        ras = lps * [-1, -1, 1]
        index = np.linalg.solve(self.affine[:, :3], (ras - self.affine[:, 3]).T).T
        self.assertLess(np.abs(index - np.round(index)).max(), 0.01)
        theirs[tuple(np.round(index).astype(int).T)] = 1
        np.testing.assert_array_equal(theirs, (self.labels > 0).astype(np.uint8))

    def test_it_belongs_to_the_source(self):
        seg = pydicom.dcmread(self.folder / "seg.dcm")
        sources = {str(d.SOPInstanceUID): d for d in map(pydicom.dcmread, self.series.glob("*.dcm"))}
        source = next(iter(sources.values()))
        for name in ("StudyInstanceUID", "FrameOfReferenceUID", "PatientID"):
            self.assertEqual(getattr(seg, name), getattr(source, name))
        self.assertNotEqual(seg.SeriesInstanceUID, source.SeriesInstanceUID)
        self.assertEqual(source.PatientAge, "42")
        self.assertNotIn("PatientAge", seg)
        self.assertEqual(len(seg.DimensionIndexSequence), 2)
        slices = {k for k in range(self.labels.shape[2]) if self.labels[:, :, k].any()}
        self.assertEqual(seg.NumberOfFrames, len(slices))
        for frame in seg.PerFrameFunctionalGroupsSequence:
            reference = frame.DerivationImageSequence[0].SourceImageSequence[0]
            there = sources[str(reference.ReferencedSOPInstanceUID)].ImagePositionPatient
            np.testing.assert_allclose(frame.PlanePositionSequence[0].ImagePositionPatient, there, atol=1e-3)

    def test_nothing_found_is_one_empty_frame(self):
        segment(self.series, self.folder / "none", "--dicom-seg", self.folder / "none.dcm", "--threshold", "1")
        seg = highdicom.seg.segread(self.folder / "none.dcm")
        self.assertEqual(seg.NumberOfFrames, 1)
        self.assertEqual(np.count_nonzero(seg.pixel_array), 0)

    def test_reports_name_nobody_but_the_pseudonym(self):
        segment(self.series, self.folder / "named", "--threshold", "0.3", "--pseudonym", "P-007 <b>")
        source = pydicom.dcmread(next(self.series.glob("*.dcm")))
        page = (self.folder / "named/report.html").read_text()
        self.assertIn("P-007 &lt;b&gt;", page)
        self.assertIn("data:image/png;base64", page)
        pdf = (self.folder / "named/report.pdf").read_bytes()
        self.assertTrue(pdf.startswith(b"%PDF-"))
        texts = [page.encode(), pdf, (self.folder / "named/report.json").read_bytes(), (self.folder / "named/lesions.csv").read_bytes()]
        for name in ("PatientID", "PatientName", "StudyInstanceUID", "SeriesInstanceUID", "StudyDate"):
            value = str(getattr(source, name, ""))
            if len(value) < 4:
                continue
            for text in texts:
                self.assertNotIn(value.encode(), text, name)

    def test_seg_nrrd_as_slicer_reads_it(self):
        for folder, empty in (("out", False), ("empty", True)):
            if empty:
                segment(self.series, self.folder / folder, "--threshold", "1", "--color", "#ff8000", "--label-name", "A, b")
            read = slicerio.read_segmentation(str(self.folder / folder / "segmentation.seg.nrrd"))
            self.assertEqual(read["masterRepresentation"], "Binary labelmap")
            self.assertEqual(read["containedRepresentationNames"], ["Binary labelmap"])
            self.assertEqual(read["referenceImageExtentOffset"], [0, 0, 0])
            self.assertEqual(read["voxels"].shape, self.labels.shape)
            self.assertEqual(len(read["segments"]), 1)
            one = read["segments"][0]
            self.assertEqual((one["id"], one["labelValue"], one["layer"]), ("Segment_1", 1, 0))
            self.assertEqual((one["nameAutoGenerated"], one["colorAutoGenerated"]), (False, False))
            if empty:
                self.assertFalse(read["voxels"].any())
                self.assertEqual(one["name"], "A, b")
                np.testing.assert_allclose(one["color"], [1, 0.502, 0], atol=1e-3)
                continue
            np.testing.assert_array_equal(read["voxels"], self.labels)
            inside = np.argwhere(self.labels)
            self.assertEqual(one["extent"], [v for pair in zip(inside.min(0).tolist(), inside.max(0).tolist()) for v in pair])
            self.assertEqual(one["terminology"]["category"], ["SCT", "49755003", "Morphologically Altered Structure"])
            self.assertEqual(one["terminology"]["type"], ["SCT", "4147007", "Mass"])
            lps = np.array(read["ijkToLPS"])
            np.testing.assert_allclose(np.diag([-1, -1, 1]) @ lps[:3], self.affine, atol=1e-3)

    def test_nifti_has_no_study(self):
        write_nifti(self.folder / "scan.nii.gz", np.random.default_rng(1).random((16, 16, 8)).astype(np.float32))
        said = segment(self.folder / "scan.nii.gz", self.folder / "refused", "--dicom-seg", self.folder / "refused.dcm", expect=3)
        self.assertIn("DICOM series", said)
        self.assertFalse((self.folder / "refused").exists())
        self.assertFalse((self.folder / "refused.dcm").exists())


if __name__ == "__main__":
    if not SERIES.is_dir():
        print(f"skipped: no series in {SERIES}")
        sys.exit(77)
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]], warnings="ignore")
