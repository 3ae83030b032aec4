#!/usr/bin/env python3
"""Tissue, tiles and reading them, without an encoder: ours against the peers, in one run on one slide.

usage: tiles.py FOVEA_BIN_FOLDER SLIDE OPENSLIDE_LIBRARY WORK_FOLDER [--runs N] [--quick]
Every program is a process of its own; CPU seconds are user + system of that process (and its children), peak is its
largest resident memory. The peers read the very tiles that ours kept. PYTHON (environment) is the interpreter of the
Python peers, with openslide-python and, where it is installed, TIAToolbox.
"""
import argparse
import datetime
import os
import pathlib
import platform
import statistics
import subprocess
import sys
import time

parser = argparse.ArgumentParser()
parser.add_argument("bin", type=pathlib.Path)
parser.add_argument("slide", type=pathlib.Path)
parser.add_argument("openslide", type=pathlib.Path)
parser.add_argument("work", type=pathlib.Path)
parser.add_argument("--runs", type=int, default=3)
parser.add_argument("--quick", action="store_true", help="a tenth of the tiles, one run")
options = parser.parse_args()
ROOT = pathlib.Path(__file__).resolve().parent.parent
PYTHON = os.environ.get("PYTHON", sys.executable)
RUNS = 1 if options.quick else options.runs


def measure(command, stdin=None):
    """Wall seconds, CPU seconds, peak MB and standard output."""
    with open(stdin or os.devnull, "rb") as source, open(options.work / "out.txt", "wb") as sink:
        start = time.perf_counter()
        process = subprocess.Popen(command, stdin=source, stdout=sink, stderr=subprocess.DEVNULL)
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - start
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode != 0:
        return None
    return wall, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, (options.work / "out.txt").read_text()


def ours(program, *more):
    out = options.work / "tiles"
    return [options.bin / program, "slide", "tiles", options.slide, "--out", out, "--no-previews", "--overwrite",
            "--quiet", *more]


def compiled_loop():
    program = options.work / "openslide_loop"
    include = subprocess.run(["find", "/usr/include", "-name", "openslide.h"], capture_output=True, text=True)
    folder = pathlib.Path(include.stdout.split()[0]).parent
    subprocess.run(["g++", "-O2", "-std=c++20", f"-I{folder}", ROOT / "bench/openslide_loop.cc", options.openslide,
                    f"-Wl,-rpath,{options.openslide.parent}", "-o", program], check=True)
    return program


def coordinates():
    """The tiles that ours kept, for the peers."""
    script = ("import h5py,sys\nfor x, y in h5py.File(sys.argv[1])['coords'][:][::int(sys.argv[2])]: print(x, y)")
    file = options.work / "tiles/patches" / (options.slide.stem + ".h5")
    target = options.work / "coords.txt"
    with open(target, "w") as sink:
        subprocess.run([PYTHON, "-c", script, file, "10" if options.quick else "1"], stdout=sink, check=True)
    return target


def table(rows, tiles):
    lines = ["| program | tiles | tiles per CPU-second | CPU s | wall s | peak MB |", "|--|--:|--:|--:|--:|--:|"]
    for name, count, results in rows:
        if not results:
            lines.append(f"| {name} | | not run | | | |")
            continue
        cpu = [r[1] for r in results]
        best = statistics.median(cpu)
        rate = f"{count / best:.0f} [{count / max(cpu):.0f} .. {count / min(cpu):.0f}]" if count else ""
        lines.append(f"| {name} | {count or ''} | {rate} | {best:.2f} | {statistics.median(r[0] for r in results):.2f} | {max(r[2] for r in results):.0f} |")
    return lines


def repeated(commands):
    """Interleaved, so that a busy moment of the machine meets them all."""
    results = [[] for _ in commands]
    for _ in range(RUNS):
        for i, (command, stdin) in enumerate(commands):
            if (result := measure(command, stdin)) is not None:
                results[i].append(result)
    return results


options.work.mkdir(parents=True, exist_ok=True)
if measure(ours("fovea")) is None:
    sys.exit("fovea slide tiles failed: run it by hand to see why")
coords = coordinates()
peer_tiles = len(coords.read_text().splitlines())
all_tiles = int((options.work / "tiles/tiles.csv").read_text().splitlines()[1].split(",")[2])
loop = compiled_loop()
peers = ROOT / "bench/tiles_peers.py"
names = ["fovea-tiles slide tiles --read-tiles", "fovea slide tiles --read-tiles",
         "fovea slide tiles --read-tiles --isolate on", "OpenSlide in C++, reading alone",
         "openslide-python, tissue share and reading", "TIAToolbox, thumbnail and reading"]
commands = [(ours("fovea-tiles", "--read-tiles"), None), (ours("fovea", "--read-tiles"), None),
            (ours("fovea", "--read-tiles", "--isolate", "on"), None), ([loop, options.slide, "256"], coords),
            ([PYTHON, peers, "openslide", options.slide, "256"], coords),
            ([PYTHON, peers, "tiatoolbox", options.slide, "256"], coords)]
rows = [(name, all_tiles if i < 3 else peer_tiles, result)
        for i, (name, result) in enumerate(zip(names, repeated(commands)))]
start_names = ["fovea-tiles slide tiles", "fovea slide tiles", "fovea --version (start alone)"]
starts = [(name, 0 if "alone" in name else all_tiles, result) for name, result in zip(start_names, repeated(
    [(ours("fovea-tiles"), None), (ours("fovea"), None), ([options.bin / "fovea", "--version"], None)]))]

commit = subprocess.run(["git", "-C", ROOT, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if "model name" in line), platform.machine())
versions = subprocess.run([options.bin / "fovea", "--version"], capture_output=True, text=True).stdout.splitlines()[0]
modules = ("import importlib.metadata as m\nfor n in ('openslide-python','openslide-bin','tiatoolbox','numpy'):\n"
           " try: print(n, m.version(n), end='; ')\n except Exception: print(n, 'absent', end='; ')")
peers_said = subprocess.run([PYTHON, "-c", modules], capture_output=True, text=True).stdout
peers_said = peers_said.strip("; ")
print("# Reading tiles without an encoder\n")
print(f"`./run bench tiles`, {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC, commit {commit}, {cpu}, "
      f"{os.cpu_count()} processors (load {os.getloadavg()[0]:.1f}), fovea {versions}; peers: {peers_said}.\n")
print("Median [slowest .. fastest] of interleaved runs, each a process of its own; CPU is user + system time, start "
      "of the program included.\n")
print(f"## Tissue, tiling and reading of every kept tile, 256 px at 0.5 um/px, {options.slide.name}\n")
print("\n".join(table(rows, all_tiles)))
print("\n## Tissue mask and coordinates, the whole process (target: 1 s)\n")
print("\n".join(table(starts, all_tiles)))
