"""`fovea pacs ... --url` (DICOMweb) against a real Orthanc and a server that answers wrongly: find, get, store, resuming, limits, secrets,
TLS, one sentence for everything that goes wrong, and no UID in anything that is printed.

Usage: dicomweb_test.py FOVEA SERIES [unittest arguments]; exit code 77 without Orthanc's DICOMweb or the series.
"""
import os
import pathlib
import re
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest

from hostile_web import STUDY, HostileWeb
from orthanc import CANARY, DICOMWEB, ORTHANC, Orthanc, element, installed, tiny_dicom

FOVEA, SOURCE = sys.argv[1], pathlib.Path(sys.argv[2])
if not installed(ORTHANC, DICOMWEB):
    print("skipped: Orthanc's DICOMweb is not there (apt-get install orthanc orthanc-dicomweb; cmake/packages-optional.apt)")
    sys.exit(77)
if not SOURCE.is_dir():
    print(f"skipped: {SOURCE} is not there")
    sys.exit(77)
LOGIN = ("fovea", "a secret:word")
PREFIX = "1.2.826.0.1.3680043.2.1143"


def several(count, pixel_bytes=8):
    """Instances of one series, as HostileWeb has them."""
    objects = {}
    for number in range(count):
        data = tiny_dicom(7).replace((PREFIX + ".7.3").encode(), f"{PREFIX}.7.{3 + number}".encode())
        if pixel_bytes != 8:
            data = data[:data.rindex(element(0x7fe00010, "OW", bytes(8)))] + \
                struct.pack("<HH2sHI", 0x7fe0, 0x10, b"OW", 0, pixel_bytes) + bytes(pixel_bytes)
        objects[f"{PREFIX}.7.{3 + number}"] = data
    return objects


class DicomWeb(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.pacs = Orthanc(cls.folder, login=LOGIN, web=True)
        cls.seen = ""
        cls.login = cls.folder / "login"
        cls.login.write_text(":".join(LOGIN) + "\n")
        cls.series = cls.folder / "series"
        cls.series.mkdir()
        for file in sorted(SOURCE.glob("*.dcm"))[20:32]:
            shutil.copy(file, cls.series)
        cls.hostile = HostileWeb(several(3))

    @classmethod
    def tearDownClass(cls):
        cls.hostile.close()
        cls.pacs.kill()
        cls.temporary.cleanup()

    def fovea(self, *arguments, expect=0, show=False, env=None):
        done = subprocess.run([FOVEA, "pacs", *map(str, arguments)], capture_output=True, text=True, timeout=300,
                              env=os.environ | (env or {}))
        self.assertEqual(done.returncode, expect, done.stdout + done.stderr)
        if not show:
            type(self).seen += done.stdout + done.stderr
        return done.stdout + done.stderr

    def orthanc(self, *arguments, **more):
        url = f"http://127.0.0.1:{self.pacs.http}/dicom-web"
        return self.fovea(*arguments, "--url", url, "--login-file", self.login, "--timeout", 20, **more)

    def scene(self, name, *arguments, expect=3, more=(), **rest):
        return self.fovea(*arguments, "--url", self.hostile.url(name), "--timeout", 3, *more, expect=expect, **rest)

    def get(self, name, expect=3, *more):
        out = self.folder / ("out-" + name)
        return out, self.scene(name, "get", "--study", STUDY, "--out", out, expect=expect, more=more)

    def test_1_orthanc_find_and_store(self):
        self.assertIn("answers", self.orthanc("echo"))
        studies = self.folder / "studies"
        studies.mkdir()
        for number in range(60):
            (studies / f"{number}.dcm").write_bytes(tiny_dicom(number))
        (studies / "note.txt").write_text("no DICOM")
        said = self.orthanc("store", studies, expect=2)
        self.assertIn("60 of 61 objects stored", said)
        self.assertIn("note.txt: it is no DICOM object", said)
        self.assertIn("60 found", self.orthanc("find", "--date", "20240105"))
        self.assertIn("60 found", self.orthanc("find", "--level", "patient", "--patient-name", CANARY + "N*"))
        self.assertIn("there are more", self.orthanc("find", "--max-matches", 7))
        self.assertIn("0 found", self.orthanc("find", "--patient-id", "nobody"))
        shown = self.orthanc("find", "--patient-id", CANARY + "I17", "--show-identifiers", show=True)
        self.assertIn(PREFIX + ".17.1", shown)
        self.assertIn("1 found", shown)
        said = self.orthanc("find", "--level", "series", "--patient-id", CANARY + "I17", "--modality", "MR")
        self.assertRegex(said, "modality MR +description t1 post")
        out = self.folder / "tiny"
        self.orthanc("get", "--patient-name", CANARY + "N?1?", "--modality", "MR", "--description", "T1", "--out", out)
        self.assertEqual(len(list(out.glob("series-*/*.dcm"))), 10)

    def test_2_orthanc_get_and_resume(self):
        self.assertIn("12 of 12 objects stored", self.orthanc("store", self.series))
        series = next(one for one in self.pacs.series("MR") if len(one["Instances"]) == 12)
        study = self.pacs.get("/studies/" + series["ParentStudy"])["MainDicomTags"]["StudyInstanceUID"]
        type(self).secrets = (study, series["MainDicomTags"]["SeriesInstanceUID"])
        out = self.folder / "head"
        self.assertIn("12 objects, MR", self.orthanc("get", "--study", study, "--out", out))
        got = next(out.glob("series-*"))
        tails = {file.read_bytes()[-4096:] for file in got.glob("*.dcm")}
        self.assertEqual(tails, {file.read_bytes()[-4096:] for file in self.series.glob("*.dcm")})
        self.assertEqual([path.name for path in out.iterdir()], [got.name])
        self.assertIn("there already", self.orthanc("get", "--study", study, "--out", out))
        # As a process that was killed leaves it: a hidden folder, some objects, half of one.
        part = out / f".{got.name}.part"
        got.rename(part)
        files = sorted(part.glob("*.dcm"))
        for file in files[:5]:
            file.unlink()
        (part / f".{files[0].stem}.999999-1.tmp.dcm").write_bytes(b"half")
        self.assertIn("5 objects and 7 of an earlier try", self.orthanc("get", "--study", study, "--out", out))
        self.assertEqual({file.read_bytes()[-4096:] for file in got.iterdir()}, tails)
        limited = self.folder / "limited"
        for limit in ("--max-object-mb", "0.001"), ("--max-objects", "3"), ("--min-free-gb", "900000000"):
            self.assertIn("limit of", self.orthanc("get", "--study", study, "--out", limited, *limit, expect=3))
        self.assertEqual(list(limited.iterdir()), [])

    def test_3_secrets(self):
        url = f"http://127.0.0.1:{self.pacs.http}/dicom-web"
        self.assertIn("it wants to know who we are (HTTP 401)", self.fovea("find", "--url", url, expect=3))
        wrong = self.folder / "wrong"
        wrong.write_text("fovea:other\n")
        self.assertIn("does not accept the token or password", self.fovea("find", "--url", url, "--login-file", wrong, expect=3))
        self.fovea("find", "--url", url, env={"FOVEA_DICOMWEB_LOGIN": ":".join(LOGIN)})
        token = self.folder / "token"
        token.write_text("abc.def\r\n")
        self.scene("good", "find", expect=0, more=("--token-file", token))
        self.assertEqual(self.hostile.asked[-1][3], "Bearer abc.def")
        self.scene("good", "find", expect=0, env={"FOVEA_DICOMWEB_TOKEN": "from.outside"})
        self.assertEqual(self.hostile.asked[-1][3], "Bearer from.outside")
        token.write_text("two\x01parts\n")
        self.assertIn("this cannot be a token", self.scene("good", "find", expect=1, more=("--token-file", token)))
        token.write_text("abc")
        said = self.fovea("find", "--url", "http://192.0.2.1/", "--token-file", token, expect=1)
        self.assertIn("in the clear", said)
        self.assertIn("redirects are not followed", self.scene("elsewhere", "find", more=("--token-file", token)))
        self.assertFalse([one for one in self.hostile.asked if one[0] == "good" and one[3] == "Bearer abc"])
        self.assertIn("--host does not go with --url", self.scene("good", "find", expect=1, more=("--host", "a")))
        self.assertIn("--host, or --url", self.fovea("find", expect=1))

    def test_4_wrong_answers(self):
        for name, sentence in {
                "html": "answers with 'text/html' instead of DICOM JSON", "half": "it is no DICOM JSON", "deep": "it is no DICOM JSON",
                "flood": "passes the limit of size", "e401": "it wants to know who we are (HTTP 401)",
                "e403": "we may not do this there (HTTP 403)", "e404": "no such object or service (HTTP 404)",
                "elsewhere": "refers to another address (HTTP 302)", "silent": "did not answer within 3 s",
                "overrun": "too busy, also after 4 attempts (HTTP 503)"}.items():
            with self.subTest(name):
                said = self.scene(name, "find")
                self.assertIn(sentence, said)
                self.assertEqual(said.count("\n"), 1, said)
        self.assertIn("1 found", self.scene("busy", "find", expect=0))
        with socket.socket() as unused:
            unused.bind(("127.0.0.1", 0))
            url = f"http://127.0.0.1:{unused.getsockname()[1]}/"
            self.assertIn("no connection came about", self.fovea("find", "--url", url, expect=3))

    def test_5_wrong_objects(self):
        for name, sentence in {
                "cut": "it was cut off before its end", "other": "sends another object than the one asked for",
                "page": "answers with 'text/html' instead of DICOM", "path": "a UID in question is none"}.items():
            with self.subTest(name):
                out, said = self.get(name)
                self.assertIn(sentence, said)
                self.assertEqual(list(out.glob("[!.]*")), [])
                self.assertEqual(list(out.glob(".*.part/*.tmp*")), [])
        out, said = self.get("endless", 3, "--max-object-mb", "2")
        self.assertIn("passes the limit of size", said)
        self.assertEqual(list(out.iterdir()), [])
        self.assertEqual(len(list(self.get("good", 0)[0].glob("series-*/*.dcm"))), 3)

    def test_6_a_broken_line_is_gone_on_with(self):
        out, said = self.get("drop")
        self.assertIn("the connection broke before the answer was whole", said)
        self.assertEqual(len(list(out.glob(".series-*.part/*.dcm"))), 1)
        self.hostile.counts["drop_ends"] = 1
        _, said = self.get("drop", 0)
        self.assertIn("2 objects and 1 of an earlier try", said)
        first = [one for one in self.hostile.asked if one[0] == "drop" and one[1].endswith(f"instances/{PREFIX}.7.3")]
        self.assertEqual(len(first), 1)
        files = list(out.glob("series-*/*.dcm"))
        self.assertEqual(sorted(file.read_bytes() for file in files), sorted(self.hostile.objects.values()))

    def test_7_refused_stores(self):
        file = self.folder / "one.dcm"
        file.write_bytes(tiny_dicom(7))
        self.assertIn("1 of 1 objects stored", self.scene("good", "store", file, expect=0))
        self.assertIn(b"Content-Type: application/dicom\r\n\r\n" + bytes(128) + b"DICM", self.hostile.bodies[-1])
        self.assertIn("failure reason 0xA700", self.scene("e409", "store", file))
        self.assertIn("larger than it accepts (HTTP 413)", self.scene("e413", "store", file))
        self.assertIn("who we are (HTTP 401)", self.scene("e401", "store", file))

    def test_8_memory_of_large_objects(self):
        """256 MiB pass through both ways; the process grows by a small part of it."""
        size = 256 << 20
        large = HostileWeb(several(1, size))
        out = self.folder / "large"

        def peak(*arguments):
            process, most = subprocess.Popen([FOVEA, "pacs", *map(str, arguments), "--url", large.url("good")],
                                             stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL), 0
            while process.poll() is None:  # wait4 counts what the process was before exec, too
                try:
                    status = pathlib.Path(f"/proc/{process.pid}/status").read_text()
                    most = max(most, int((re.search(r"VmHWM:\s+(\d+)", status) or [0, 0])[1]) << 10)
                except OSError:
                    pass
                time.sleep(0.02)
            self.assertEqual(process.returncode, 0)
            return most
        small = peak("find")
        got = peak("get", "--study", STUDY, "--out", out)
        file = next(out.glob("series-*/*.dcm"))
        self.assertGreater(file.stat().st_size, size)
        sent = peak("store", file)
        large.close()
        shutil.rmtree(out)
        print(f"peak of find {small >> 20} MiB, of get {got >> 20} MiB, of store {sent >> 20} MiB", file=sys.stderr)
        self.assertLess(max(got, sent) - small, 32 << 20)

    def test_8_tls(self):
        key, cert, other = (str(self.folder / name) for name in ("key.pem", "cert.pem", "other.pem"))
        for target_key, target in ((key, cert), (key + ".other", other)):
            subprocess.run(["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-keyout", target_key, "-out", target, "-days", "2",
                            "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost"], check=True, capture_output=True)
        secure = HostileWeb(several(1), (cert, key))
        url = secure.url("good", "https", "localhost")
        self.assertIn("1 found", self.fovea("find", "--url", url, "--ca", cert))
        for sentence, where, more in (("certificate cannot be verified", url, ()), ("certificate cannot be verified", url, ("--ca", other)),
                                      ("certificate cannot be verified", secure.url("good", "https"), ("--ca", cert))):
            self.assertIn(sentence, self.fovea("find", "--url", where, *more, expect=3))
        self.assertIn("no such certificate", self.fovea("find", "--url", url, "--ca", self.folder / "none.pem", expect=1))
        secure.close()

    def test_9_no_identifiers(self):
        names = "\n".join(str(path.relative_to(self.folder)) for path in self.folder.rglob("*") if "db" not in path.parts)
        for secret in (CANARY, PREFIX, "a secret:word", "abc.def", *self.secrets):
            self.assertNotIn(secret, self.seen)
            self.assertNotIn(secret, names)
        self.assertNotIn("DcmItem", self.seen)  # nor what DCMTK says by itself


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], "-v", *sys.argv[3:]])
