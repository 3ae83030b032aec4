"""What is installed and packed runs elsewhere: a moved `cmake --install` tree with a program of its own, the folder for 3D Slicer unpacked
under an empty environment and with foreign libraries in front, and Debian's packages in a clean root.

Usage: packages_test.py BUILD SOURCE MODEL [unittest arguments]. The clean root needs root rights, mmdebstrap and Debian's mirror: skipped
without, with a message.
"""
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import unittest

from slicer_host import Host, head_volume, hostile_folder

BUILD, SOURCE, MODEL = (pathlib.Path(p) for p in sys.argv[1:4])
os.environ["OMP_NUM_THREADS"] = "1"
# What a relocatable folder leaves to the machine: glibc.
MACHINE = re.compile(r"^(linux-vdso|ld-linux|libc|libm|libdl|libpthread|librt|libresolv|libutil|libanl)\b")


def run(*words, **options):
    done = subprocess.run([str(w) for w in words], capture_output=True, text=True, **options)
    if done.returncode != 0:
        raise AssertionError(f"{words}: {done.returncode}\n{done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout


def package(what, out):
    run("sh", SOURCE / "packaging/package.sh", BUILD, out, what, env={**os.environ, "FOVEA_PACKAGE_LEVEL": "1"})


class Temporary(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        cls.scan = cls.folder / "scan.nrrd"
        head_volume(cls.scan, (64, 64, 8), (3, 3, 9))

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()


class Installed(Temporary):
    def test_moved_tree_and_a_program_that_uses_it(self):
        run("cmake", "--install", BUILD, "--prefix", self.folder / "first")
        tree = self.folder / "second place"
        (self.folder / "first").rename(tree)
        # Debian's libraries come from the system here; our own must be the tree's, whatever stands in front.
        hostile = hostile_folder(self.folder / "hostile")
        for file in hostile.iterdir():
            if not re.match(r"lib(fovea|torch|c10|openslide)", file.name):
                file.unlink()
        said = run(tree / "bin/fovea", "version", env={"LD_LIBRARY_PATH": str(hostile)})
        self.assertIn("LibTorch", said)
        loaded = run("ldd", tree / "bin/fovea", env={"PATH": "/usr/bin:/bin"})
        self.assertNotIn("not found", loaded)
        self.assertNotIn(str(BUILD), loaded)
        self.assertNotIn(".deps", loaded)
        self.assertIn(f"{tree}/lib/fovea", re.sub(r"bin/\.\./", "", loaded))
        listed = run(tree / "bin/fovea", "encoders", env={})
        self.assertIn("efficientnet_lite0", listed)
        self.check_consumer(tree)

    def check_consumer(self, tree):
        build = self.folder / "consumer"
        lines = len((SOURCE / "tests/consumer/consumer.cc").read_text().splitlines())
        self.assertLessEqual(lines, 11)
        run("cmake", "-S", SOURCE / "tests/consumer", "-B", build, "-G", "Ninja", f"-DCMAKE_PREFIX_PATH={tree}", "-DCMAKE_CXX_FLAGS=-Wall -Werror")
        run("ninja", "-C", build)
        said = run(build / "consumer", self.scan, MODEL, self.folder / "by consumer")
        self.assertIn('"fovea_report"', said)
        self.assertTrue((self.folder / "by consumer/segmentation.nii.gz").exists())


class SlicerFolder(Temporary):
    def test_unpacked_elsewhere(self):
        package("slicer", self.folder / "out")
        archive, = (self.folder / "out").iterdir()
        self.assertRegex(archive.name, r"^fovea-slicer-\d+\.\d+\.\d+-linux-x86_64\.tar\.gz$")
        elsewhere = self.folder / "else where"
        elsewhere.mkdir()
        run("tar", "-xzf", archive, "-C", elsewhere)
        archive.unlink()
        tree, = elsewhere.iterdir()
        self.assertLessEqual({"Fovea", "cli-modules", "bin", "lib", "models", "README.md", "LICENSE"}, {p.name for p in tree.iterdir()})
        self.assertEqual({p.name for p in (tree / "cli-modules").iterdir() if "." not in p.name},
                         {"FoveaMeningioma", "FoveaThrombus", "FoveaSlideAttention"})
        self.assertTrue((tree / "Fovea/Fovea.py").exists() and (tree / "Fovea/Resources/Icons/Fovea.png").exists())
        self.check_libraries(tree)
        program = tree / "cli-modules/FoveaMeningioma"
        # Nothing of the environment, nothing of the build.
        self.assertTrue(run(program, "--xml", env={}, cwd="/").startswith("<?xml "))
        host = Host(self.folder)
        model = next((tree / "models").glob("mri-*.safetensors"))
        for name, environment in (("empty", {"OMP_NUM_THREADS": "1"}), ("hostile", None)):
            labels = self.folder / f"{name}.nrrd"
            ended = host.run(program, {"inputVolume": self.scan, "model": model, "labelMap": labels}, environment=environment or None)
            self.assertEqual((ended.code, ended.err), (0, ""), name)
            self.assertTrue(labels.exists())

    def check_libraries(self, tree):
        # ldd follows a program's libraries to the last: those that a library alone would not find come through the program's RPATH.
        for file in (tree / "bin").iterdir():
            said = run("ldd", file, env={"PATH": "/usr/bin:/bin"})
            self.assertNotIn("not found", said, file)
            for name, path in re.findall(r"(\S+) => (/.*) \(", said):
                inside = os.path.realpath(path).startswith(str(tree))
                self.assertTrue(inside or MACHINE.match(name), f"{file.name}: {name} is {path}")


class CleanRoot(Temporary):
    def setUp(self):
        if os.geteuid() != 0 or not shutil.which("mmdebstrap"):
            self.skipTest("needs root rights and mmdebstrap")
        sources = [p for p in ("/etc/apt/sources.list.d/debian.sources", "/etc/apt/sources.list") if os.path.exists(p)]
        if not sources:
            self.skipTest("needs Debian's mirror in /etc/apt")
        self.sources = sources[0]

    def test_debian_package_in_a_clean_root(self):
        package("deb", self.folder / "out")
        debs = {p.name.split("_")[0]: p for p in (self.folder / "out").glob("*.deb")}
        self.assertLessEqual({"fovea", "fovea-dev"}, set(debs))
        depends = run("dpkg-deb", "-f", debs["fovea"], "Depends")
        for package_name in ("libinsighttoolkit5.2", "libtbb12", "libc6"):
            self.assertIn(package_name, depends)
        self.assertNotIn("qt6", depends.lower())
        self.assertIn("fovea (= ", run("dpkg-deb", "-f", debs["fovea-dev"], "Depends"))
        root = self.folder / "root"
        files = self.folder / "files"
        files.mkdir()
        shutil.copy(debs["fovea"], files / "fovea.deb")
        shutil.copy(self.scan, files / "scan.nrrd")
        shutil.copy(MODEL, files / "model.safetensors")
        hooks = [f"--customize-hook=copy-in {files}/fovea.deb {files}/scan.nrrd {files}/model.safetensors /root",
                 '--customize-hook=chroot "$1" apt-get install -y -q --no-install-recommends /root/fovea.deb']
        made = subprocess.run(["mmdebstrap", "--variant=minbase", '--aptopt=Acquire::Languages "none"', "--skip=cleanup", *hooks, "bookworm", root,
                               self.sources], capture_output=True, text=True, stdin=subprocess.DEVNULL)
        if made.returncode != 0:
            said = made.stdout + made.stderr
            if re.search(r"Temporary failure|Could not resolve|Could not connect|Failed to fetch", said):
                self.skipTest("Debian's mirror could not be reached")
            self.fail(said[-3000:])
        # With /proc, without which the loader knows no $ORIGIN; the mount goes with each command.
        inside = ["unshare", "-m", "sh", "-c", 'mount -t proc proc "$0/proc" && exec chroot "$0" env -i "$@"', root,
                  "PATH=/usr/sbin:/usr/bin:/sbin:/bin", "HOME=/root", "OMP_NUM_THREADS=1"]
        self.assertIn("LibTorch", run(*inside, "fovea", "version"))
        said = run(*inside, "fovea", "mri", "segment", "/root/scan.nrrd", "--model", "/root/model.safetensors", "--out", "/root/result", "--quiet")
        self.assertIn("wrote", said)
        self.assertTrue((root / "root/result/segmentation.nii.gz").exists())
        module = "/usr/lib/fovea/slicer/cli-modules/FoveaMeningioma"
        self.assertTrue(run(*inside, module, "--xml").startswith("<?xml "))
        run(*inside, module, "--inputVolume", "/root/scan.nrrd", "--model", "/root/model.safetensors", "--labelMap", "/root/labels.nrrd")
        self.assertTrue((root / "root/labels.nrrd").exists())
        self.assertTrue((root / "usr/share/man/man1").is_dir())
        # And it goes away again.
        run(*inside, "dpkg", "--purge", "fovea")
        self.assertFalse((root / "usr/lib/fovea").exists())


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[4:]])
