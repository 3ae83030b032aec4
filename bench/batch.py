#!/usr/bin/env python3
"""One and two `fovea batch` processes over one folder, against xargs that starts a program a case.

usage: batch.py FOVEA MODEL VOLUME [--cases N] [--runs N]
The same scan N times, each with another threshold, segmented on one thread a process; runs of the four ways in turn.
"""
import argparse
import datetime
import os
import pathlib
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

parser = argparse.ArgumentParser()
parser.add_argument("fovea", type=pathlib.Path)
parser.add_argument("model", type=pathlib.Path)
parser.add_argument("volume", type=pathlib.Path)
parser.add_argument("--cases", type=int, default=8)
parser.add_argument("--runs", type=int, default=2)
options = parser.parse_args()
fovea, model, volume = (path.resolve() for path in (options.fovea, options.model, options.volume))
work = pathlib.Path(tempfile.mkdtemp(prefix="fovea-bench-batch-"))
thresholds = [round(0.3 + 0.4 * i / options.cases, 4) for i in range(options.cases)]
manifest = work / "cases.csv"
manifest.write_text("case,volumes,model,threshold,threads\n" +
                    "".join(f"c{i},{volume},{model},{t},1\n" for i, t in enumerate(thresholds)))


def finish(processes):
    for process in processes:
        out, error = process.communicate()
        if process.returncode != 0:
            sys.exit(f"{process.args} failed:\n{out}{error}")


def batch(count, *more):
    out = work / "out"
    shutil.rmtree(out, ignore_errors=True)
    command = [fovea, "batch", manifest, "--job", "mri segment", "--out", out, "--quiet", "--wait", *more]
    finish([subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(count)])
    done = len(list((out / "cases").iterdir()))
    assert done == options.cases, done


def xargs(count):
    out = work / "xargs"
    shutil.rmtree(out, ignore_errors=True)
    out.mkdir()
    lines = "".join(f"{t} {out}/c{i}\n" for i, t in enumerate(thresholds))
    command = ["xargs", "-P", str(count), "-L", "1", "sh", "-c",
               f"exec '{fovea}' mri segment '{volume}' --model '{model}' --threads 1 --quiet --threshold $0 --out $1"]
    subprocess.run(command, input=lines, text=True, check=True, stdout=subprocess.DEVNULL)


WAYS = {"fovea batch, 1 process": lambda: batch(1), "fovea batch, 2 processes": lambda: batch(2),
        "fovea batch --isolate, 2 processes": lambda: batch(2, "--isolate"),
        "xargs -P 1, a program a case": lambda: xargs(1), "xargs -P 2, a program a case": lambda: xargs(2)}
walls, cpus = {name: [] for name in WAYS}, {name: [] for name in WAYS}
try:
    for _ in range(options.runs):
        for name, way in WAYS.items():
            before, start = os.times(), time.perf_counter()
            way()
            walls[name].append(time.perf_counter() - start)
            after = os.times()
            cpus[name].append(after.children_user + after.children_system - before.children_user - before.children_system)
finally:
    shutil.rmtree(work, ignore_errors=True)


def spread(values):
    return f"{statistics.median(values):.1f} [{min(values):.1f} .. {max(values):.1f}]"


cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if "model name" in line), platform.machine())
commit = subprocess.run(["git", "-C", pathlib.Path(__file__).parent, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
print("# A batch by one and two processes\n")
print(f"`./run bench batch`, {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC, commit {commit or 'unknown'}, {cpu}, "
      f"{os.cpu_count()} processors (load {os.getloadavg()[0]:.1f})\n")
print(f"{options.cases} cases of mri segment on one thread each; {options.runs} runs in turn, median [fastest .. slowest].\n")
print("| way | wall s | CPU s | CPU s a case | cases an hour (wall) |\n|--|--:|--:|--:|--:|")
for name in WAYS:
    wall = statistics.median(walls[name])
    print(f"| {name} | {spread(walls[name])} | {spread(cpus[name])} | {statistics.median(cpus[name]) / options.cases:.2f} | "
          f"{3600 * options.cases / wall:.0f} |")
