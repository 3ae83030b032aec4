"""Runs a command-line module as 3D Slicer does (slicer.md 3 and 4), in plain Python: a test's host, no part of Fovea."""
import os
import pathlib
import re
import struct
import subprocess
import tempfile
import time
import xml.etree.ElementTree as ElementTree

PASSED_EMPTY = {"integer", "float", "double", "integer-enumeration", "float-enumeration", "double-enumeration", "string-enumeration"}
PROGRESS = re.compile(r"<filter-progress>([^<]*)</filter-progress>")
COMMENT = re.compile(r"<filter-comment>([^<]*)</filter-comment>")


class Parameter:
    def __init__(self, element, group):
        self.tag, self.attributes, self.group = element.tag, dict(element.attrib), group
        self.fields = {child.tag: (child.text or "") for child in element if child.tag not in ("element", "constraints")}
        self.elements = [child.text or "" for child in element if child.tag == "element"]
        self.constraints = {c.tag: float(c.text) for child in element if child.tag == "constraints" for c in child}
        self.tags_seen = [child.tag for child in element]

    def __getattr__(self, name):
        return self.__dict__.get("fields", {}).get(name)

    @property
    def returned(self):
        return self.channel == "output" and self.longflag is None and self.index is None and self.flag is None


def parameters_of(xml):
    root = ElementTree.fromstring(xml)
    return [Parameter(element, group) for group in root.findall("parameters") for element in group if element.tag not in ("label", "description")]


def arguments_for(parameters, values, return_file):
    """argv as Slicer makes it: flags in the order of the description; numbers and choices always, with their defaults."""
    words = ["--returnparameterfile", str(return_file)] if any(p.returned for p in parameters) else []
    for p in parameters:
        if p.returned:
            continue
        value = str(values.get(p.name, p.default or ""))
        if p.tag == "boolean":
            words += ["--" + p.longflag] if value == "true" else []
        elif value or p.tag in PASSED_EMPTY:
            words += ["--" + p.longflag, value]
    return words


def hostile_folder(folder):
    """Libraries that end any program which loads them: named as those that Slicer puts in front."""
    folder.mkdir()
    for name in ("libQt6Core.so.6", "libITKCommon-5.2.so.1", "libITKIONRRD-5.2.so.1", "libcrypto.so.3", "libtbb.so.12", "libhdf5_serial.so.103",
                 "libtorch_cpu.so", "libc10.so", "libopenslide.so.1", "libfovea_io.so", "libfovea_pipeline.so", "libstdc++.so.6", "libz.so.1"):
        (folder / name).write_bytes(b"not a library")
    return folder


def slicer_environment(hostile):
    # One thread: tests run beside each other, and threads that wait for one another on a full machine take minutes.
    environment = {"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", "HOME": "/nonexistent", "ITK_AUTOLOAD_PATH": "", "LC_ALL": "de_DE.UTF-8",
                   "LD_LIBRARY_PATH": str(hostile), "QT_PLUGIN_PATH": str(hostile), "PYTHONPATH": str(hostile), "PYTHONHOME": str(hostile)}
    if "LOCPATH" in os.environ:
        environment["LOCPATH"] = os.environ["LOCPATH"]
    return environment


class Ended:
    def __init__(self, code, out, err, progress, comments, returned, seconds):
        self.code, self.out, self.err, self.progress = code, out, err, progress
        self.comments, self.returned, self.seconds = comments, returned, seconds


class Host:
    def __init__(self, folder):
        self.folder = pathlib.Path(folder)
        self.environment = slicer_environment(hostile_folder(self.folder / "hostile"))

    def run(self, program, values, kill_at=None, words=None, environment=None):
        """`kill_at`: SIGKILL when the progress has reached it. `words`: instead of the arguments made from `values`."""
        xml = pathlib.Path(str(program) + ".xml").read_text()
        handle, return_file = tempfile.mkstemp(suffix=".params", dir=self.folder)
        os.close(handle)
        argv = [str(program)] + (words if words is not None else arguments_for(parameters_of(xml), values, return_file))
        out_path, err_path = self.folder / "stdout", self.folder / "stderr"
        began, seen = time.monotonic(), []
        with open(out_path, "wb") as out, open(err_path, "wb") as err:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=out, stderr=err, cwd="/", env=environment or self.environment)
            while process.poll() is None:
                time.sleep(0.02 if kill_at is not None else 0.1)
                text = out_path.read_text(errors="replace")
                at = text.rfind("<filter-progress>")  # backwards, as Slicer searches
                match = PROGRESS.match(text, at) if at >= 0 else None
                if match:
                    seen.append(float(match.group(1)))
                    if kill_at is not None and seen[-1] >= kill_at:
                        process.kill()
        text = out_path.read_text(errors="replace")
        returned = dict(line.partition("=")[::2] for line in pathlib.Path(return_file).read_text().splitlines())
        return Ended(process.returncode, text, err_path.read_text(errors="replace"), [float(p) for p in PROGRESS.findall(text)],
                     COMMENT.findall(text), {k.strip(): v.strip() for k, v in returned.items()}, time.monotonic() - began)


# --- volumes as Slicer writes them ---

NUMPY_TO_NRRD = {"f": "float", "B": "uchar", "h": "short"}


def write_nrrd(path, size, values, code="f", spacing=(1.0, 1.0, 1.0), origin=(0.0, 0.0, 0.0), directions=None):
    """Uncompressed NRRD in LPS; `values` is a bytes object or a sequence in i-fastest order."""
    axes = directions or ((1, 0, 0), (0, 1, 0), (0, 0, 1))
    vectors = " ".join("(" + ",".join(repr(float(a) * s) for a in axis) + ")" for axis, s in zip(axes, spacing))
    header = ("NRRD0004\ntype: %s\ndimension: 3\nspace: left-posterior-superior\nsizes: %d %d %d\nspace directions: %s\n"
              "kinds: domain domain domain\nendian: little\nencoding: raw\nspace origin: (%s)\n\n"
              % (NUMPY_TO_NRRD[code], *size, vectors, ",".join(repr(float(o)) for o in origin)))
    data = values if isinstance(values, bytes) else struct.pack("<%d%s" % (len(values), code), *values)
    pathlib.Path(path).write_bytes(header.encode() + data)


def read_nrrd(path):
    """Header fields and the values as bytes."""
    import gzip
    raw = pathlib.Path(path).read_bytes()
    head, _, data = raw.partition(b"\n\n")
    fields = dict(line.partition(":")[::2] for line in head.decode().splitlines()[1:] if not line.startswith("#"))
    fields = {k.strip(): v.strip() for k, v in fields.items()}
    return fields, gzip.decompress(data) if fields["encoding"] == "gzip" else data


def numbers_in(text):
    return [float(n) for n in re.findall(r"[-+0-9.eE]+", text)]


def head_volume(path, size=(96, 96, 12), spacing=(2.0, 2.0, 6.0), nan=0):
    """A head with a bright ball, on a turned grid."""
    import math
    turn = math.radians(8)
    directions = ((math.cos(turn), math.sin(turn), 0), (-math.sin(turn), math.cos(turn), 0), (0, 0, 1))
    values = []
    for k in range(size[2]):
        for j in range(size[1]):
            for i in range(size[0]):
                x, y, z = ((c - (n - 1) / 2) * s for c, n, s in zip((i, j, k), size, spacing))
                inside = (x / 75) ** 2 + (y / 85) ** 2 + (z / 60) ** 2 < 1
                ball = (x - 30) ** 2 + (y + 20) ** 2 + z ** 2 < 14 ** 2
                texture = 8 * math.sin(0.21 * x) * math.sin(0.17 * y)
                values.append((420.0 if ball else 150.0 + texture) if inside else 2.0)
    for n in range(nan):
        values[n * 7] = float("nan")
    write_nrrd(path, size, values, "f", spacing, (-80.5, -91.25, -30.125), directions)
    return size
