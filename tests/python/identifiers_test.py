"""Marks in every text tag of a DICOM series, and in its path, are found in no output and no message.

Usage: identifiers_test.py FOVEA SERIES_FOLDER MODEL. Exit code 77: gdcmanon (libgdcm-tools) or the series is absent.
"""
import gzip
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile
import zlib

MARK = "ZQMARK"
PATH_MARK = "ZQPATH"
# Patient, physicians, institution, station, comments, ids: all that a person writes. Dates get one that is nobody's.
TAGS = {"0010,0010": "NAME", "0010,0020": "PID", "0010,1000": "OTHERID", "0010,1001": "OTHERNAME", "0010,1040": "ADDRESS",
        "0010,2154": "PHONE", "0010,4000": "COMMENT", "0010,21b0": "HISTORY", "0008,0050": "ACCESSION", "0008,0080": "INSTITUTION",
        "0008,0081": "INSTADDR", "0008,0090": "REFERRER", "0008,1010": "STATION", "0008,1030": "STUDYTEXT", "0008,1048": "PHYSICIAN",
        "0008,1050": "PERFORMER", "0008,1060": "READER", "0008,1070": "OPERATOR", "0020,0010": "STUDYID", "0020,4000": "IMAGETEXT",
        "0018,1030": "PROTOCOL", "0040,0254": "STEP", "0032,1060": "PROCEDURE"}
DATES = {"0010,0030": "19010203"}


def marked_series(source, target):
    target.mkdir(parents=True)
    files = sorted(path for path in source.rglob("*") if path.is_file())
    replaced = [f"--replace={tag},{MARK}{word}" for tag, word in TAGS.items()]
    replaced += [f"--replace={tag},{value}" for tag, value in DATES.items()]
    for number, path in enumerate(files):
        done = subprocess.run(["gdcmanon", "--dumb", *replaced, "-i", path, "-o", target / f"{PATH_MARK}{number:04}.dcm"],
                              capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    sample = (target / f"{PATH_MARK}0000.dcm").read_bytes()
    missing = [word for word in TAGS.values() if (MARK + word).encode() not in sample]
    assert not missing, f"gdcmanon did not write {missing}"


def unpacked(path):
    """The bytes of a file, and of what is compressed in it."""
    data = path.read_bytes()
    pieces = [data]
    if path.suffix == ".gz":
        pieces.append(gzip.decompress(data))
    if path.suffix == ".pdf":
        for begin in re.finditer(rb"stream\r?\n", data):
            try:
                pieces.append(zlib.decompressobj().decompress(data[begin.end():]))
            except zlib.error:
                pass
    return b"\0".join(pieces)


def findings(folder, words):
    found = []
    for path in sorted(folder.rglob("*")):
        relative = str(path.relative_to(folder))
        content = unpacked(path) if path.is_file() else b""
        found += [f"{word} in {relative}" for word in words if word in relative or word.encode() in content]
    return found


def main():
    fovea, series, model = map(pathlib.Path, sys.argv[1:4])
    if not shutil.which("gdcmanon") or not series.exists():
        print("skipped: needs gdcmanon (libgdcm-tools) and the series of ../shared")
        sys.exit(77)
    folder = pathlib.Path(tempfile.mkdtemp(prefix="fovea-identifiers-"))
    words = [MARK, *DATES.values()]
    try:
        scan = folder / PATH_MARK / "scan"
        marked_series(series, scan)
        alone = subprocess.run([fovea, "mri", "segment", scan, "--model", model, "--out", folder / "alone", "--verbose"],
                               capture_output=True, text=True)
        assert alone.returncode == 0, alone.stderr
        said = alone.stdout + alone.stderr
        assert not [word for word in words if word in said], said
        assert len(list((folder / "alone").iterdir())) >= 3
        assert not findings(folder / "alone", words), findings(folder / "alone", words)

        # A batch does not even say where its inputs are: of a good case, one that is not there, and one that is damaged.
        broken = folder / PATH_MARK / f"{PATH_MARK}broken"
        broken.mkdir()
        whole = (scan / f"{PATH_MARK}0000.dcm").read_bytes()
        (broken / f"{PATH_MARK}0000.dcm").write_bytes(whole[: len(whole) // 2])
        manifest = folder / "cases.csv"
        rows = [("good", scan), ("absent", folder / PATH_MARK / f"{PATH_MARK}absent"), ("broken", broken)]
        manifest.write_text("case,volumes\n" + "".join(f"{case},{path}\n" for case, path in rows))
        for more in ([], ["--isolate"]):
            out = folder / "batch"
            batch = subprocess.run([fovea, "batch", manifest, "--job", "mri segment", "--set", f"model={model}", "--out", out,
                                    "--verbose", *more], capture_output=True, text=True)
            assert batch.returncode == 2, batch.stdout + batch.stderr
            assert "1 done, 2 failed" in batch.stdout, batch.stdout
            said = batch.stdout + batch.stderr
            assert not [word for word in [*words, PATH_MARK] if word in said], said
            assert not findings(out, [*words, PATH_MARK]), findings(out, [*words, PATH_MARK])
            shutil.rmtree(out)
        print("identifiers: none in any output or message")
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    main()
