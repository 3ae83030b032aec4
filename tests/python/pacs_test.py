"""`fovea pacs` against a real Orthanc on the loopback: echo, find, get, move, store, 200 studies, SEG and report back, a listener that is
killed, a PACS that is killed, refusals, TLS between our own two ends. Every text attribute carries a canary that must not be seen.

Usage: pacs_test.py FOVEA SERIES MODEL [unittest arguments]; exit code 77 without Orthanc or the series.
"""
import json
import pathlib
import shutil
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import unittest

from orthanc import CANARY, ORTHANC, Orthanc, free_port, installed, tiny_dicom, wait_for

FOVEA, SERIES, MODEL = sys.argv[1], pathlib.Path(sys.argv[2]), str(pathlib.Path(sys.argv[3]).resolve())
if not installed(ORTHANC):
    print("skipped: Orthanc is not there (apt-get install orthanc; cmake/packages-optional.apt)")
    sys.exit(77)
if not SERIES.is_dir():
    print(f"skipped: {SERIES} is not there")
    sys.exit(77)


class Pacs(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.move_port = free_port()
        cls.pacs = Orthanc(cls.folder, cls.move_port)
        cls.seen = ""  # everything that was printed without --show-identifiers
        cls.series = cls.folder / "series"
        cls.series.mkdir()
        for file in sorted(SERIES.glob("*.dcm"))[20:32]:
            shutil.copy(file, cls.series)

    @classmethod
    def tearDownClass(cls):
        cls.pacs.kill()
        cls.temporary.cleanup()

    def fovea(self, *arguments, expect=0, peer=True, show=False):
        where = ["--host", "127.0.0.1", "--port", self.pacs.port, "--called-ae", "ORTHANC", "--timeout", "10"] if peer else []
        done = subprocess.run([FOVEA, *map(str, arguments), *map(str, where)], capture_output=True, text=True, timeout=300)
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        if not show:
            type(self).seen += done.stdout + done.stderr
        return done.stdout + done.stderr

    def test_1_echo_and_refusals(self):
        self.assertIn("answers as ORTHANC", self.fovea("pacs", "echo"))
        base = ["pacs", "echo", "--host", "127.0.0.1", "--port"]
        said = self.fovea(*base, self.pacs.port, "--called-ae", "OTHER", expect=3, peer=False)
        self.assertIn("does not answer to 'OTHER'", said)
        said = self.fovea(*base, free_port(), "--timeout", 3, expect=3, peer=False)
        self.assertIn("no DICOM connection came about", said)
        said = self.fovea("pacs", "echo", "--ae", "STRANGER", expect=3)
        self.assertRegex(said, "STRANGER")
        self.fovea(*base, self.pacs.port, "--ae", "A_TITLE_OF_MORE_THAN_16", expect=1, peer=False)
        with socket.socket() as silent:  # accepts, and never says a word: without --timeout this would not end
            silent.bind(("127.0.0.1", 0))
            silent.listen()
            self.fovea(*base, silent.getsockname()[1], "--timeout", 2, expect=3, peer=False)

    def test_2_two_hundred_studies(self):
        studies = self.folder / "studies"
        studies.mkdir()
        for number in range(200):
            (studies / f"{number}.dcm").write_bytes(tiny_dicom(number))
        (studies / "note.txt").write_text("no DICOM")
        said = self.fovea("pacs", "store", studies, expect=2)
        self.assertIn("200 of 201 objects stored", said)
        self.assertIn("note.txt: it is no DICOM object", said)
        self.assertIn("200 found", self.fovea("pacs", "find", "--date", "20240105"))
        self.assertIn("200 found", self.fovea("pacs", "find", "--level", "patient", "--patient-name", CANARY + "N*"))
        self.assertIn("there are more", self.fovea("pacs", "find", "--max-matches", 7))
        shown = self.fovea("pacs", "find", "--patient-id", CANARY + "I17", "--show-identifiers", show=True)
        self.assertIn("1.2.826.0.1.3680043.2.1143.17.1", shown)
        self.assertIn("1 found", shown)
        out = self.folder / "tiny"
        self.fovea("pacs", "get", "--patient-name", CANARY + "N^1?", "--modality", "MR", "--description", "T1", "--out", out)
        self.assertEqual(len(list(out.glob("series-*/*.dcm"))), 10)

    def test_3_get_move_segment_store(self):
        self.fovea("pacs", "store", self.series)
        study, series = self.head_uids()
        for way in (["get"], ["move", "--listen-port", self.move_port]):
            out = self.folder / way[0]
            self.fovea("pacs", *way, "--study", study, "--series", series, "--out", out)
            files = list(out.glob("series-*/*.dcm"))
            self.assertEqual(len(files), 12)
            tails = {file.read_bytes()[-4096:] for file in files}
            self.assertEqual(tails, {file.read_bytes()[-4096:] for file in self.series.glob("*.dcm")})
            self.assertEqual(list(out.glob(".*")), [])
        out = self.folder / "limited"
        said = self.fovea("pacs", "get", "--study", study, "--out", out, "--max-object-mb", "0.001", expect=3)
        self.assertIn("limit of size", said)
        said = self.fovea("pacs", "get", "--study", study, "--out", out, "--max-objects", "3", expect=3)
        self.assertIn("limit of objects", said)
        self.assertEqual(list(out.iterdir()), [])
        self.assertIn("no series matches", self.fovea("pacs", "get", "--study", "1.2.3", "--out", out, expect=3))

        got = next((self.folder / "get").glob("series-*"))
        result = self.folder / "result"
        self.fovea("mri", "segment", got, "--model", MODEL, "--out", result, "--dicom-seg", result / "seg.dcm", "--threshold", "0.3",
                   "--quiet", peer=False)
        self.fovea("pacs", "store", result / "seg.dcm", result / "report.pdf", "--source", got)
        self.assertIn("needs the series", self.fovea("pacs", "store", result / "report.pdf", expect=1))
        self.check_results(study, 1)

    def series_of_head(self):
        heads = [one for one in self.pacs.series("MR") if len(one["Instances"]) == 12]
        self.assertEqual(len(heads), 1)
        return heads[0]["ID"]

    def head_uids(self):
        series = self.pacs.get("/series/" + self.series_of_head())
        study = self.pacs.get("/studies/" + series["ParentStudy"])
        return study["MainDicomTags"]["StudyInstanceUID"], series["MainDicomTags"]["SeriesInstanceUID"]

    def check_results(self, study, count):
        """SEG and report are in the study, of its patient, and come back as they went."""
        back = self.folder / f"back{count}"
        self.fovea("pacs", "get", "--study", study, "--modality", "SEG", "--out", back)
        segs = sorted(back.glob("series-*/*.dcm"))
        self.assertEqual(len(segs), count)
        reports = self.pacs.series("DOC")
        self.assertEqual(len(reports), count)
        tags = self.pacs.get(f"/instances/{reports[0]['Instances'][0]}/simplified-tags")
        head = self.pacs.get(f"/instances/{self.pacs.get('/series/' + self.series_of_head())['Instances'][0]}/simplified-tags")
        for name in ("PatientID", "PatientName", "StudyInstanceUID"):
            self.assertEqual(tags.get(name), head.get(name), name)
        self.assertEqual(tags["MIMETypeOfEncapsulatedDocument"], "application/pdf")
        try:
            import highdicom
        except ImportError:
            seg = self.pacs.get(f"/instances/{self.pacs.series('SEG')[0]['Instances'][0]}/simplified-tags")
            self.assertEqual(seg["SegmentationType"], "BINARY")
            self.assertGreater(int(seg["NumberOfFrames"]), 0)
        else:
            for seg in segs:
                self.check_seg(highdicom.seg.segread(seg))

    def check_seg(self, seg):
        """As highdicom reads it: one named segment with the voxels of our label map, on the grid of the source series."""
        import nrrd
        import numpy
        import pydicom
        mask = seg.get_volume(combine_segments=True)
        expected = int((nrrd.read(str(self.folder / "result" / "segmentation.seg.nrrd"))[0] > 0).sum())
        self.assertGreater(expected, 0)
        self.assertEqual(int((mask.array > 0).sum()), expected)
        description = seg.get_segment_description(1)
        self.assertEqual((seg.number_of_segments, description.algorithm_type.value), (1, "AUTOMATIC"))
        self.assertTrue(description.segment_label)
        first = pydicom.dcmread(next(self.series.glob("*.dcm")), stop_before_pixels=True)
        self.assertEqual(seg.FrameOfReferenceUID, first.FrameOfReferenceUID)
        self.assertEqual({(seg.Rows, seg.Columns)}, {(first.Rows, first.Columns)})
        cosines = numpy.array(first.ImageOrientationPatient, float).reshape(2, 3)
        normal = numpy.cross(*cosines)
        planes = [float(normal @ numpy.array(pydicom.dcmread(file, stop_before_pixels=True).ImagePositionPatient, float))
                  for file in self.series.glob("*.dcm")]
        for frame in seg.PerFrameFunctionalGroupsSequence:
            position = numpy.array(frame.PlanePositionSequence[0].ImagePositionPatient, float)
            self.assertLess(min(abs(float(normal @ position) - plane) for plane in planes), 0.01)

    def listener(self, port, *more):
        command = [FOVEA, "pacs", "listen", "--rules", self.folder / "rules.json", "--queue", self.folder / "queue", "--port", str(port),
                   "--allow-ae", "MR1", "--quiet-seconds", "2", "--retry-seconds", "1", *more]
        with open(self.folder / "listener.log", "ab") as log:
            process = subprocess.Popen(command, stdout=log, stderr=log)
        self.addCleanup(lambda: process.poll() is None and process.kill())
        return process

    def entries(self, state):
        return sorted((self.folder / "queue" / state).glob("[!.]*"))

    def send(self, port, ae="MR1", expect=0, files=None):
        return self.fovea("pacs", "store", files or self.series, "--host", "127.0.0.1", "--port", port, "--called-ae", "FOVEA", "--ae", ae,
                          "--timeout", 10, expect=expect, peer=False)

    def test_4_listener_killed_and_pacs_killed(self):
        study, _ = self.head_uids()
        port = free_port()
        rules = {"fovea_rules": 1,
                 "destinations": {"archive": {"host": "127.0.0.1", "port": self.pacs.port, "called_ae": "ORTHANC", "timeout": 5}},
                 "rules": [{"name": "head", "calling_ae": "MR1", "model": MODEL, "options": {"threshold": 0.3}, "send_to": "archive"}]}
        (self.folder / "rules.json").write_text(json.dumps(rules | {"ruels": []}))
        self.assertEqual(self.listener(port).wait(120), 1)  # a typing error is said, not passed over
        (self.folder / "rules.json").write_text(json.dumps(rules))

        process = self.listener(port)
        wait_for(lambda: self.try_echo(port), "listener")
        self.assertIn("does not know us as 'EVIL'", self.send(port, "EVIL", expect=3))
        self.send(port)
        process.send_signal(signal.SIGKILL)  # every object was answered: it must be there
        process.wait()
        self.assertEqual(len(list(self.entries("receiving")[0].glob("source/*.dcm"))), 12)

        self.pacs.kill()
        process = self.listener(port)
        wait_for(lambda: any(self.state(one)["attempts"] > 0 for one in self.entries("waiting")), "first segmentation")
        process.send_signal(signal.SIGKILL)  # while it is being segmented, or just after
        process.wait()
        self.assertEqual(len(self.entries("waiting")), 1)

        process = self.listener(port)
        wait_for(lambda: any(self.state(one)["stage"] == "send" and self.state(one)["attempts"] > 1 for one in self.entries("waiting")),
                 "second attempt at sending to the dead PACS")
        self.pacs.start()
        wait_for(lambda: self.entries("done"), "results at the PACS")
        process.send_signal(signal.SIGTERM)
        self.assertEqual(process.wait(120), 0)
        self.assertEqual((self.entries("waiting"), self.entries("failed"), self.entries("receiving")), ([], [], []))
        self.check_results(study, 2)

    def test_5_bomb(self):
        """A series whose header wants hundreds of GB fails with a sentence; the listener lives."""
        bombs = self.folder / "bombs"
        bombs.mkdir()
        for file in self.series.glob("*.dcm"):
            data = file.read_bytes()
            for tag in 0x10, 0x11:  # rows, columns
                for head in struct.pack("<HH2sH", 0x28, tag, b"US", 2), struct.pack("<HHI", 0x28, tag, 2):
                    at = data.find(head) + len(head)
                    if at >= len(head):
                        data = data[:at] + struct.pack("<H", 65000) + data[at + 2:]
            (bombs / file.name).write_bytes(data)
        shutil.rmtree(self.folder / "queue", ignore_errors=True)
        port = free_port()
        process = self.listener(port)
        wait_for(lambda: self.try_echo(port), "listener")
        self.send(port, files=bombs)
        wait_for(lambda: self.entries("failed"), "failed series")
        problem = self.state(self.entries("failed")[0])["problem"]
        self.assertIn("MB of memory, more than allowed", problem)
        self.assertNotIn(str(self.folder), problem)
        self.assertTrue(self.try_echo(port))
        process.terminate()
        self.assertEqual(process.wait(120), 0)

    def state(self, entry):
        try:
            return json.loads((entry / "state.json").read_text())
        except OSError:  # moved on
            return {"attempts": 0, "stage": ""}

    def try_echo(self, port, *more):
        done = subprocess.run([FOVEA, "pacs", "echo", "--host", "127.0.0.1", "--port", str(port), "--called-ae", "FOVEA", "--ae", "MR1",
                               "--timeout", "5", *map(str, more)], capture_output=True)
        return done.returncode == 0

    def test_5_tls(self):
        key, cert, other = (self.folder / name for name in ("key.pem", "cert.pem", "other.pem"))
        for target_key, target in ((key, cert), (self.folder / "other-key.pem", other)):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", target_key, "-out", target, "-days", "2",
                            "-subj", "/CN=localhost"], check=True, capture_output=True)
        port = free_port()
        shutil.rmtree(self.folder / "queue", ignore_errors=True)
        process = self.listener(port, "--tls", "--cert", str(cert), "--key", str(key), "--ca", str(cert))
        ours = ["--tls", "--cert", cert, "--key", key]
        wait_for(lambda: self.try_echo(port, *ours, "--ca", cert), "TLS listener")
        self.assertFalse(self.try_echo(port))
        self.assertFalse(self.try_echo(port, *ours, "--ca", other))  # a server that the authority did not sign
        self.assertFalse(self.try_echo(port, "--tls", "--ca", cert))  # a client without a certificate
        process.terminate()
        self.assertEqual(process.wait(120), 0)

    def test_6_no_identifiers(self):
        patient = self.pacs.get("/patients")
        self.assertGreater(len(patient), 200)
        study, series = self.head_uids()
        seen = self.seen + (self.folder / "listener.log").read_text()
        names = "\n".join(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if "db" not in path.parts)
        for secret in (CANARY, study, series):
            self.assertNotIn(secret, seen)
            self.assertNotIn(secret, names)


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v", "-f", *sys.argv[4:]])
