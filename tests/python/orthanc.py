"""An Orthanc of our own for the tests of `fovea pacs`, and small DICOM files whose text attributes carry a canary."""
import base64
import json
import pathlib
import shutil
import socket
import struct
import subprocess
import time
import urllib.request

ORTHANC = shutil.which("Orthanc") or "/usr/sbin/Orthanc"
DICOMWEB = "/usr/share/orthanc/plugins/libOrthancDicomWeb.so"
CANARY = "QXCANARY"
MR = "1.2.840.10008.5.1.4.1.1.4"


def installed(*paths):
    return all(pathlib.Path(path).exists() for path in paths)


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def wait_for(condition, what, seconds=180):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        value = condition()
        if value:
            return value
        time.sleep(0.2)
    raise AssertionError(f"no {what} within {seconds} s")


def element(tag, vr, value):
    data = value if isinstance(value, bytes) else value.encode()
    data += b"" if len(data) % 2 == 0 else b"\0" if vr in ("UI", "OB") else b" "
    head = struct.pack("<HH", tag >> 16, tag & 0xffff) + vr.encode()
    return head + (struct.pack("<HI", 0, len(data)) if vr in ("OB", "OW") else struct.pack("<H", len(data))) + data


def tiny_dicom(number):
    """A 2 x 2 MR image of a patient of its own."""
    uid = f"1.2.826.0.1.3680043.2.1143.{number}"
    us = lambda value: struct.pack("<H", value)
    body = b"".join([
        element(0x00080016, "UI", MR), element(0x00080018, "UI", uid + ".3"), element(0x00080020, "DA", "20240105"),
        element(0x00080050, "SH", CANARY + "A"), element(0x00080060, "CS", "MR"), element(0x00080090, "PN", CANARY + "R"),
        element(0x0008103e, "LO", "t1 post"), element(0x00100010, "PN", f"{CANARY}N^{number}"),
        element(0x00100020, "LO", f"{CANARY}I{number}"), element(0x0020000d, "UI", uid + ".1"), element(0x0020000e, "UI", uid + ".2"),
        element(0x00280002, "US", us(1)), element(0x00280004, "CS", "MONOCHROME2"), element(0x00280010, "US", us(2)),
        element(0x00280011, "US", us(2)), element(0x00280100, "US", us(16)), element(0x00280101, "US", us(16)),
        element(0x00280102, "US", us(15)), element(0x00280103, "US", us(0)), element(0x7fe00010, "OW", bytes(8))])
    meta = element(0x00020001, "OB", b"\0\1") + element(0x00020002, "UI", MR) + element(0x00020003, "UI", uid + ".3") + \
        element(0x00020010, "UI", "1.2.840.10008.1.2.1") + element(0x00020012, "UI", "1.2.3")
    return bytes(128) + b"DICM" + element(0x00020000, "UL", struct.pack("<I", len(meta))) + meta + body


class Orthanc:
    """On the loopback, with a database of its own. `login`: (user, password) that HTTP asks for. `web`: with DICOMweb."""

    def __init__(self, folder, move_port=0, login=None, web=False):
        self.folder, self.port, self.http = folder, free_port(), free_port()
        self.headers = {"Authorization": "Basic " + base64.b64encode(":".join(login).encode()).decode()} if login else {}
        (folder / "orthanc.json").write_text(json.dumps({
            "Name": "test", "StorageDirectory": str(folder / "db"), "IndexDirectory": str(folder / "db"), "Plugins": [DICOMWEB] if web else [],
            "DicomAet": "ORTHANC", "DicomPort": self.port, "HttpPort": self.http, "RemoteAccessAllowed": False,
            "AuthenticationEnabled": bool(login), "RegisteredUsers": dict([login] if login else []),
            "DicomWeb": {"Enable": True, "Root": "/dicom-web/"}, "DicomCheckCalledAet": True, "StableAge": 1, "ConcurrentJobs": 4,
            "DicomAlwaysAllowEcho": False, "DicomAlwaysAllowStore": False,
            "DicomModalities": {"fovea": ["FOVEA", "127.0.0.1", move_port]} if move_port else {}}))
        self.start()

    def start(self):
        with open(self.folder / "orthanc.log", "ab") as log:
            self.process = subprocess.Popen([ORTHANC, str(self.folder / "orthanc.json")], stdout=log, stderr=log)
        wait_for(self.alive, "Orthanc")

    def kill(self):
        self.process.kill()
        self.process.wait()

    def alive(self):
        try:
            return self.get("/system")
        except OSError:
            return None

    def get(self, path):
        request = urllib.request.Request(f"http://127.0.0.1:{self.http}{path}", headers=self.headers)
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)

    def series(self, modality):
        found = [self.get(f"/series/{series}") for series in self.get("/series")]
        return [one for one in found if one["MainDicomTags"].get("Modality") == modality]
