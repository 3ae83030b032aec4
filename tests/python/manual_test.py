"""Man pages, shell completion, desktop entry, MIME types, bill of materials: as the programs that read them see them.

Usage: manual_test.py BUILD SOURCE [unittest arguments]. Checks whose tool is absent are skipped, each with a message.
"""
import json
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

BUILD, SOURCE = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
MAN, COMPLETION = BUILD / "share/man/man1", BUILD / "share/bash-completion/completions/fovea"


def fovea(*words):
    return subprocess.run([BUILD / "bin/fovea", *words], capture_output=True, text=True, check=True).stdout


def complete(*words):
    """What bash offers after these words."""
    script = ("source '%s'; COMP_WORDS=(%s); COMP_CWORD=%d; _fovea; printf '%%s\\n' \"${COMPREPLY[@]}\""
              % (COMPLETION, " ".join("'%s'" % w for w in words), len(words) - 1))
    return subprocess.run(["bash", "-u", "-c", script], capture_output=True, text=True, check=True).stdout.split()


class ManPages(unittest.TestCase):
    def test_a_page_for_every_command(self):
        names = {path.name for path in MAN.iterdir()}
        self.assertIn("fovea.1", names)
        for page in ("fovea-slide-predict.1", "fovea-mri-segment.1", "fovea-model-import.1", "fovea-selftest.1", "fovea-run.1"):
            self.assertIn(page, names)

    def test_every_option_of_help_is_in_the_page(self):
        for command in (("mri", "segment"), ("slide", "predict"), ("model", "info")):
            wanted = set(re.findall(r"^\s+(?:-\w,)?(--[\w-]+)", fovea(*command, "--help"), re.M))
            self.assertGreater(len(wanted), 3)
            page = (MAN / f"fovea-{'-'.join(command)}.1").read_text().replace("\\-", "-")
            self.assertEqual({w for w in wanted if w not in page}, set())

    @unittest.skipUnless(shutil.which("groff"), "needs groff")
    def test_groff_has_nothing_to_say(self):
        for page in MAN.iterdir():
            said = subprocess.run(["groff", "-man", "-Tutf8", "-ww", "-z", page], capture_output=True, text=True)
            self.assertEqual((said.returncode, said.stderr), (0, ""), page)


class Completion(unittest.TestCase):
    def test_commands_options_and_choices(self):
        self.assertIn("slide", complete("fovea", ""))
        self.assertEqual(complete("fovea", "sl"), ["slide"])
        self.assertEqual(set(complete("fovea", "mri", "")) & {"segment", "train"}, {"segment", "train"})
        self.assertEqual(complete("fovea", "mri", "segment", "--thres"), ["--threshold"])
        self.assertEqual(complete("fovea", "mri", "segment", "scan.nii.gz", "--plane", "co"), ["coronal"])
        self.assertIn("viridis", complete("fovea", "slide", "predict", "x.svs", "--heatmap-map", ""))
        self.assertEqual(complete("fovea", "mri", "segment", "sc"), [])  # then bash offers files
        self.assertIn("--quiet", complete("fovea", "selftest", "--q"))


class DesktopFiles(unittest.TestCase):
    @unittest.skipUnless(shutil.which("desktop-file-validate"), "needs desktop-file-utils")
    def test_desktop_entry(self):
        said = subprocess.run(["desktop-file-validate", SOURCE / "packaging/fovea.desktop"], capture_output=True, text=True)
        self.assertEqual((said.returncode, said.stdout + said.stderr), (0, ""))

    @unittest.skipUnless(shutil.which("update-mime-database"), "needs shared-mime-info")
    def test_mime_types(self):
        with tempfile.TemporaryDirectory() as temporary:
            folder = pathlib.Path(temporary)
            (folder / "packages").mkdir()
            shutil.copy(SOURCE / "packaging/fovea-mime.xml", folder / "packages/fovea.xml")
            subprocess.run(["update-mime-database", folder], check=True, capture_output=True)
            self.assertIn("*.safetensors", (folder / "globs").read_text())
            # What the desktop entry opens is declared here.
            types = re.search(r"MimeType=(.*)", (SOURCE / "packaging/fovea.desktop").read_text())[1].strip(";").split(";")
            for kind in types:
                self.assertIn(kind + ":", (folder / "globs").read_text())


class BillOfMaterials(unittest.TestCase):
    def test_wheels_and_debian_packages(self):
        with tempfile.TemporaryDirectory() as temporary:
            path = pathlib.Path(temporary) / "sbom.json"
            again = pathlib.Path(temporary) / "again.json"
            for out in (path, again):
                subprocess.run([sys.executable, SOURCE / "packaging/sbom.py", "--build", BUILD, "--out", out], check=True)
            self.assertEqual(path.read_bytes(), again.read_bytes())
            document = json.loads(path.read_text())
        self.assertEqual((document["bomFormat"], document["specVersion"]), ("CycloneDX", "1.5"))
        found = {c["name"]: c for c in document["components"]}
        listed = dict(re.findall(r"^([\w-]+)==\S+ --hash=sha256:([0-9a-f]{64})", (SOURCE / "cmake/wheels-core.txt").read_text(), re.M))
        self.assertEqual(found["torch"]["hashes"][0]["content"], listed["torch"])
        self.assertNotIn("histolab", found)
        for package in ("libinsighttoolkit5.2", "libstdc++6", "libtbb12"):
            self.assertRegex(found[package]["purl"], r"^pkg:deb/debian/.+@\d")
        references = [c["bom-ref"] for c in document["components"]]
        self.assertEqual(len(references), len(set(references)))


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[3:]])
