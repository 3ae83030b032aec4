#!/usr/bin/env python3
"""One 128 x 128 x 144 volume through the reference AGUNet (18.66 million parameters): ours, onnxruntime and PyTorch.

Every run is a process of its own; runs go round by round through all programs. The same untrained weights everywhere: ours reads
safetensors, onnxruntime what `fovea model export --onnx` made of it, PyTorch the network as one writes it there. CPU seconds (user and
system) of the one call, as the machine may be busy; memory is the process's largest resident set. Writes results/segmentation.{md,json}.
"""
import argparse
import datetime
import json
import os
import pathlib
import platform
import statistics
import subprocess
import sys

import numpy

ROOT = pathlib.Path(__file__).resolve().parent.parent
PEER = pathlib.Path(__file__).with_name("segmentation_peer.py")
PROGRAMS = {
    "ours": "Fovea, `SegNetwork::infer`",
    "onnxruntime": "onnxruntime, default options",
    "torch": "PyTorch, the network as written",
    "torch-last": "PyTorch, channels last",
}
CPU_TARGET, MEMORY_TARGET = 1.0, 0.65  # of onnxruntime's


def output_of(*command, **options):
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, check=False, **options)
    if done.returncode != 0:
        sys.exit(f"{' '.join(map(str, command))} failed:\n{done.stdout[-1000:]}{done.stderr[-3000:]}")
    return done.stdout.strip()


def compile_ours(build, deps, target):
    torch = deps / "libtorch/torch"
    output_of("g++", "-O2", "-std=c++20", ROOT / "bench/segmentation_ours.cc", *[f"-I{ROOT / layer / 'include'}" for layer in ("base", "io", "models")],
              "-isystem", torch / "include", f"-L{build / 'lib'}", "-lfovea_models", "-lfovea_io", f"-L{torch / 'lib'}", "-ltorch_cpu", "-lc10",
              f"-Wl,-rpath,{build / 'lib'},-rpath,{torch / 'lib'}", f"-Wl,-rpath-link,{torch / 'lib'}", "-o", target)


def prepare(options):
    options.work.mkdir(parents=True, exist_ok=True)
    model, onnx, volume = options.work / "model.safetensors", options.work / "onnx/model.onnx", options.work / "volume.f32"
    output_of(sys.executable, PEER, "make", model)
    onnx.parent.mkdir(exist_ok=True)
    output_of(options.build / "bin/fovea", "model", "export", model, "--onnx", onnx, "--quiet")
    compile_ours(options.build, options.deps, options.work / "ours")
    numpy.random.default_rng(2).random(options.shape, numpy.float32).tofile(volume)
    return model, onnx, volume


def command_of(name, options, files):
    model, onnx, volume = files
    tail = [volume, options.work / f"{name}.out", options.threads, *options.shape]
    if name == "ours":
        return [options.work / "ours", model, *tail]
    return [sys.executable, PEER, name, onnx if name == "onnxruntime" else model, *tail]


def spread(values, digits):
    return f"{statistics.median(values):.{digits}f} [{min(values):.{digits}f} .. {max(values):.{digits}f}]"


def measure(options, files):
    samples = {name: [] for name in PROGRAMS}
    environment = {**os.environ, "OMP_WAIT_POLICY": "passive"}  # waiting threads of any program must not count as work
    for turn in range(options.runs):
        for name in PROGRAMS:
            samples[name].append(json.loads(output_of(*command_of(name, options, files), env=environment)))
            print(f"... {turn + 1}/{options.runs} {name}: {samples[name][-1]['cpu']:.2f} s", file=sys.stderr, flush=True)
    return samples


def differences(options):
    ours = numpy.fromfile(options.work / "ours.out", numpy.float32)
    assert ours.std() > 0.01, "a constant output would prove nothing"
    return {name: float(numpy.abs(numpy.fromfile(options.work / f"{name}.out", numpy.float32) - ours).max()) for name in PROGRAMS if name != "ours"}


def circumstances(options, samples):
    cpu = next((line.split(":")[1].strip() for line in open("/proc/cpuinfo") if "model name" in line), platform.machine())
    dirty = " with local changes" if output_of("git", "-C", ROOT, "status", "--porcelain", "--untracked-files=no") else ""
    return {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "commit": output_of("git", "-C", ROOT, "rev-parse", "--short", "HEAD") + dirty, "cpu": cpu, "processors": os.cpu_count(),
            "load": os.getloadavg()[0], "threads": options.threads, "runs": options.runs, "shape": options.shape,
            "onnxruntime": samples["onnxruntime"][0]["version"], "torch": samples["torch"][0]["version"]}


def markdown(where, samples, apart, ratios):
    cpu, memory = ratios
    lines = ["# One volume through AGUNet", "",
             f"`./run bench segmentation`, {where['date']}, commit {where['commit']}, {where['cpu']}, {where['processors']} processors "
             f"(load {where['load']:.1f}), {where['threads']} threads; onnxruntime {where['onnxruntime']}, torch {where['torch']}.", "",
             f"{' x '.join(map(str, where['shape']))} voxels, filters 16, 32, 128, 256, 256, float32; {where['runs']} runs in turn, each a process of its "
             "own, median [least .. most]. CPU seconds are user and system time of the one call; with loading: opening the model too. "
             "Memory is the largest resident set of the process, libraries and weights included.", "",
             "| program | CPU s | with loading | wall s | peak MB | largest difference from ours |", "|--|--:|--:|--:|--:|--:|"]
    for name, title in PROGRAMS.items():
        rows = samples[name]
        cells = [spread([r[key] for r in rows], digits) for key, digits in (("cpu", 2), ("with_loading", 2), ("wall", 1), ("peak", 0))]
        lines.append(f"| {title} | {' | '.join(cells)} | {f'{apart[name]:.1e}' if name in apart else ''} |")
    lines += ["", f"Against onnxruntime, medians: {cpu:.2f} of its CPU time (target {CPU_TARGET}), {memory:.2f} of its memory (target {MEMORY_TARGET})."]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=pathlib.Path, default=ROOT / "build")
    parser.add_argument("--deps", type=pathlib.Path, default=ROOT / ".deps")
    parser.add_argument("--work", type=pathlib.Path, default=ROOT / "build/bench/segmentation")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--quick", action="store_true", help="one run on a small volume, to see that everything works")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "bench/results")
    options = parser.parse_args()
    options.shape = [64, 64, 80] if options.quick else [128, 128, 144]
    options.runs = 1 if options.quick else options.runs
    samples = measure(options, prepare(options))
    apart, where = differences(options), circumstances(options, samples)
    ratios = [statistics.median(r[key] for r in samples["ours"]) / statistics.median(r[key] for r in samples["onnxruntime"]) for key in ("cpu", "peak")]
    page = markdown(where, samples, apart, ratios)
    print(page)
    if not options.quick:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "segmentation.md").write_text(page)
        (options.out / "segmentation.json").write_text(json.dumps({**where, "samples": samples, "differences": apart,
                                                                   "cpu_ratio": ratios[0], "memory_ratio": ratios[1]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
