#!/usr/bin/env python3
"""Memory of `fovea mri segment`, whole program: one native volume of 512 x 512 x 400 voxels through the reference AGUNet, and a hundred
small volumes in one process. Synthetic heads and untrained weights: memory and time are those of a trained network of this shape, what
is outlined means nothing. Prints a table; peaks are VmHWM of the process. Writes results/segmentation_volumes.md.
"""
import argparse
import datetime
import os
import pathlib
import platform
import re
import shutil
import subprocess
import sys
import threading
import time

import numpy

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests/python"))
from nifti import write_nifti  # noqa: E402

PEER = pathlib.Path(__file__).with_name("segmentation_peer.py")


def head(shape, rng):
    """An ellipsoid with texture in noise, int16 as scanners write it."""
    axes = [numpy.linspace(-1, 1, n, dtype=numpy.float32) for n in shape]
    volume = numpy.empty(shape, numpy.int16)
    for k, z in enumerate(axes[2]):
        radius = (axes[0][:, None] / 0.7)**2 + (axes[1][None] / 0.85)**2 + (z / 0.8)**2
        plane = rng.normal(0, 8, shape[:2]) + numpy.where(radius < 1, 300 + 80 * numpy.cos(9 * axes[0][:, None]) * numpy.cos(7 * axes[1][None] + 5 * z), 0)
        volume[:, :, k] = numpy.clip(plane, 0, 4095)
    return volume


def status_mb(process, field):
    found = re.search(rf"{field}:\s+(\d+)", pathlib.Path(f"/proc/{process}/status").read_text())
    return int(found.group(1)) / 1024 if found else 0


def watched(command, on_line=None):
    """Seconds of wall and CPU, peak MB, and what `on_line` made of each line of progress."""
    before, start = os.times(), time.perf_counter()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    peak = [0.0]

    def watch():
        while process.poll() is None:
            try:
                peak[0] = max(peak[0], status_mb(process.pid, "VmHWM"))
            except OSError:
                pass
            time.sleep(0.05)

    watcher = threading.Thread(target=watch)
    watcher.start()
    seen, tail = [], []
    for line in process.stdout:
        tail = (tail + [line])[-20:]
        if on_line:
            try:
                seen.append(on_line(line, process.pid))
            except OSError:
                pass
    process.wait()
    watcher.join()
    if process.returncode not in (0, 2):
        sys.exit("".join(tail))
    after = os.times()
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return time.perf_counter() - start, cpu, peak[0], [value for value in seen if value is not None]


def large(options, model):
    volume = options.work / "large.nii.gz"
    if not volume.exists():
        write_nifti(volume, head((512, 512, 400), numpy.random.default_rng(1)), (0.45, 0.45, 0.5))
    return watched([options.fovea, "mri", "segment", volume, "--model", model, "--out", options.work / "large", "--threshold", 0.9,
                    "--min-component-ml", 0.1, "--threads", options.threads, "--quiet"])


def many(options, model):
    folder = options.work / "many"
    if not folder.exists():
        folder.mkdir()
        for i in range(options.cases):
            write_nifti(folder / f"case{i:03}.nii.gz", head((96, 96, 80), numpy.random.default_rng(i)), (2, 2, 2))
    shutil.rmtree(options.work / "results", ignore_errors=True)

    def after_case(line, process):
        return status_mb(process, "VmRSS") if '"note"' in line and ": done" in line else None

    return watched([options.fovea, "mri", "segment", "--cases", folder, "--model", model, "--out", options.work / "results", "--threshold", 0.9,
                    "--min-component-ml", 0.1, "--threads", options.threads, "--json-progress"], after_case)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fovea", type=pathlib.Path, default=ROOT / "build/bin/fovea")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build/bench/segmentation-volumes")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--cases", type=int, default=100)
    parser.add_argument("--only", choices=["large", "many"])
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "bench/results")
    options = parser.parse_args()
    options.work.mkdir(parents=True, exist_ok=True)
    model = options.work / "model.safetensors"
    if not model.exists():
        subprocess.run([sys.executable, PEER, "make", model], check=True)
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if "model name" in line), platform.machine())
    commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    lines = ["# Memory of mri segment", "",
             f"`./run bench segmentation-volumes`, {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC, commit {commit}, {cpu}, "
             f"{os.cpu_count()} processors (load {os.getloadavg()[0]:.1f}), {options.threads} threads. Reference AGUNet (18.66 million parameters, "
             "input 128 x 128 x 144), synthetic heads.", ""]
    if options.only != "many":
        wall, seconds, peak, _ = large(options, model)
        lines.append(f"One volume of 512 x 512 x 400 voxels (int16), file to all result files: peak {peak:.0f} MB (target 3072), {seconds:.1f} s CPU, {wall:.1f} s wall.")
    if options.only != "large":
        wall, seconds, peak, resident = many(options, model)
        middle = resident[len(resident) // 10]
        lines += ["", f"{len(resident)} volumes of 96 x 96 x 80 voxels in one process: resident {middle:.0f} MB after case {len(resident) // 10 + 1}, "
                  f"{resident[-1]:.0f} MB after the last (largest {max(resident):.0f}), peak {peak:.0f} MB, {seconds / len(resident):.1f} s CPU a case."]
    page = "\n".join(lines) + "\n"
    print(page)
    if not options.only:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "segmentation_volumes.md").write_text(page)


if __name__ == "__main__":
    main()
