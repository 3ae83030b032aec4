"""Speed and memory of the attention layer as ratios of one run: ours, plain PyTorch, torchmil, the machine's own GEMM.

Repetitions are interleaved after a warm-up; a cell is median [min .. max] in milliseconds. Extra memory is VmHWM minus
what inputs and weights hold, of one call in a process of its own. Writes bench/results/attention.{json,md}.
"""
import argparse
import datetime
import json
import pathlib
import platform
import statistics
import subprocess
import sys
import time

import torch

import attention_cases as cases

ROOT = pathlib.Path(__file__).resolve().parent.parent
MIB = 2**20


class Target:
    """What a case has to reach: `reached` maps its times and memory to a number, `at_most` or `at_least` bounds it."""

    def __init__(self, text, reached, at_least=None, at_most=None, unit=""):
        self.text, self.reached, self.at_least, self.at_most, self.unit = text, reached, at_least, at_most, unit

    def line(self, times, memory):
        value = self.reached(times, memory)
        if value is None:
            return {"target": self.text, "reached": None, "met": None}
        met = (self.at_least is None or value >= self.at_least) and (self.at_most is None or value <= self.at_most)
        return {"target": self.text, "reached": round(value, 3), "unit": self.unit, "met": met}


def ratio(slow, fast="fovea"):
    return lambda times, memory: times[slow]["median"] / times[fast]["median"]


def memory_of(variant, other=None):
    def value(times, memory):
        if memory.get(variant) is None or (other and not memory.get(other)):
            return None
        return memory[variant] / memory[other] if other else memory[variant] / MIB

    return value


def share_of_gemm(times, memory):
    return 100 * times["gemm"]["median"] / times["fovea"]["median"]


class Case:
    def __init__(self, name, build, size, quick, repetitions, targets):
        self.name, self.build, self.size, self.quick = name, build, size, quick
        self.repetitions, self.targets = repetitions, targets


def all_cases():
    pool_memory = 64 + 4 * cases.BRANCHES * 100_000 / MIB
    return [
        Case("gated pooling, float32, N=100000, D=1024, H=512, K=5", cases.gated_pool, 100_000, 10_000, 5,
             [Target("≥ 85 % of the GEMM rate", share_of_gemm, at_least=85, unit="%"),
              Target("≥ 1.25× eager", ratio("eager"), at_least=1.25, unit="×"),
              Target(f"≤ 64 MB + 4·K·N bytes ({pool_memory:.0f} MiB)", memory_of("fovea"), at_most=pool_memory,
                     unit=" MiB")]),
        Case("gated pooling, bf16", cases.gated_pool_bf16, 100_000, 10_000, 5,
             [Target("≥ 1.8× our float32", ratio("fovea float32"), at_least=1.8, unit="×")]),
        Case("ACMIL-MHA pooling, N=10000, L=512, K=5", cases.acmil_mha, 10_000, 2_000, 11,
             [Target("≥ 10× eager", ratio("eager"), at_least=10, unit="×")]),
        Case("training step, N=100000, frozen embeddings", cases.training_step, 100_000, 10_000, 3,
             [Target("≤ 1.15× eager's time", ratio("fovea", "eager"), at_most=1.15, unit="×"),
              Target("≤ 1/10 of eager's extra memory", memory_of("fovea", "eager"), at_most=0.1, unit="×")]),
        Case("attention gate, 64³ × 32 channels", cases.attention_gate, 64**3, 32**3, 21,
             [Target("≥ 2.5× eager", ratio("eager"), at_least=2.5, unit="×")]),
        Case("position attention, N=36864, C=64", cases.position_attention, 36_864, 4_096, 3,
             [Target("≤ 200 MB", memory_of("fovea"), at_most=200e6 / MIB, unit=" MiB"),
              Target("(time against eager)", ratio("eager"), unit="×")]),
        Case("13×13 neighbourhood, N=10000, 8 heads, d=64", cases.neighbourhood, 10_000, 2_500, 5,
             [Target("≥ 8× dense flash", ratio("dense flash"), at_least=8, unit="×")]),
        Case("linear attention, N=100000, 8 heads, d=64", cases.linear_attention, 100_000, 10_000, 5,
             [Target("(time against eager)", ratio("eager"), unit="×")]),
        Case("MALA, N=100000, 8 heads, d=64", cases.mala, 100_000, 10_000, 5,
             [Target("(time against eager)", ratio("eager"), unit="×")]),
    ]


def cuda_case():
    def of_bound(times, memory):
        return 100 * max(times["gemm"]["median"], times["one read of x"]["median"]) / times["fovea"]["median"]

    return Case("gated pooling on CUDA, bf16, N=100000, D=1024, H=512, K=5", cases.cuda_pool, 100_000, 10_000, 21,
                [Target("≥ 2× eager", ratio("eager"), at_least=2, unit="×"),
                 Target("≥ 50 % of max(GEMM floor, one read of x)", of_bound, at_least=50, unit="%")])


def status_bytes(field):
    for line in pathlib.Path("/proc/self/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"/proc/self/status has no {field}")


def extra_memory(case, variant, quick):
    """In a fresh process: libraries are warmed up on a small input, then one call on the case's size."""
    cases_small = case.build(case.quick // 4)
    cases_small[variant]()
    del cases_small
    call = case.build(case.quick if quick else case.size)[variant]
    pathlib.Path("/proc/self/clear_refs").write_text("5")  # VmHWM starts again at what is resident now
    before = status_bytes("VmRSS")
    kept = call()
    del kept
    return status_bytes("VmHWM") - before


def extra_memory_of_child(options, index, variant):
    command = [sys.executable, __file__, "--library", options.library, "--threads", str(options.threads), "--memory",
               str(index), variant] + (["--quick"] if options.quick else [])
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        print(f"no memory figure for {variant}: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
        return None
    return int(done.stdout)


def timed(call, on_gpu):
    start = time.perf_counter()
    call()
    if on_gpu:
        torch.cuda.synchronize()
    return 1e3 * (time.perf_counter() - start)


def measure(case, quick, on_gpu=False):
    variants = case.build(case.quick if quick else case.size)
    for call in variants.values():
        timed(call, on_gpu)
    samples = {name: [] for name in variants}
    for _ in range(3 if quick else case.repetitions):
        for name, call in variants.items():
            samples[name].append(timed(call, on_gpu))
    return {name: {"median": statistics.median(s), "min": min(s), "max": max(s), "repetitions": len(s)}
            for name, s in samples.items()}


def output_of(*command):
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT, check=False).stdout.strip()


def cpu_name():
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.split(":", 1)[1].strip()
    return platform.processor()


def circumstances(options):
    try:
        from importlib.metadata import version
        torchmil = version("torchmil")
    except ImportError:
        torchmil = "not installed"
    dirty = " with local changes" if output_of("git", "status", "--porcelain", "--untracked-files=no") else ""
    return {"date": datetime.datetime.now(datetime.timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
            "commit": output_of("git", "rev-parse", "--short", "HEAD") + dirty, "cpu": cpu_name(),
            "threads": options.threads, "python": platform.python_version(), "torch": torch.__version__,
            "torchmil": torchmil, "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
            "quick": options.quick}


def row_of(case, times, memory):
    return {"name": case.name, "milliseconds": times, "extra_bytes": memory,
            "targets": [target.line(times, memory) for target in case.targets]}


def run_all(options):
    rows = []
    for index, case in enumerate(all_cases()):
        if options.only and options.only not in case.build.__name__:
            continue
        print(f"... {case.name}", file=sys.stderr, flush=True)
        with torch.no_grad():
            times = measure(case, options.quick)
        memory = {name: extra_memory_of_child(options, index, name) for name in times if name != "gemm"}
        rows.append(row_of(case, times, memory))
    if torch.cuda.is_available() and (not options.only or options.only in "cuda_pool"):
        with torch.no_grad():
            case = cuda_case()
            rows.append(row_of(case, measure(case, options.quick, on_gpu=True), {}))
    return rows


def cell(times, memory, name):
    t, extra = times[name], memory.get(name)
    return (f"{name} {t['median']:.1f} [{t['min']:.1f} .. {t['max']:.1f}] ms"
            + ("" if extra is None else f", {extra / MIB:.0f} MiB"))


def markdown(where, rows):
    gpu = f"GPU: {where['gpu']}." if where["gpu"] else "No GPU was at hand: the CUDA lines were not run."
    lines = ["# Attention benchmark", "",
             f"`./run bench attention`, {where['date']}, commit {where['commit']}, {where['cpu']}, "
             f"{where['threads']} threads, Python {where['python']}, torch {where['torch']}, "
             f"torchmil {where['torchmil']}. {gpu}", "",
             "Times are median [min .. max] of interleaved repetitions in one process; MiB is the extra memory of one "
             "call in a process of its own. GEMM is `torch.mm` of the gate's m, n, k. torchmil's pooling has one branch "
             "where ours and eager's have five.", ""]
    if where["quick"]:
        lines += ["**--quick: smaller sizes than named; nothing here is a result.**", ""]
    lines += ["| case | measured | target | reached |", "|--|--|--|--|"]
    for row in rows:
        measured = "<br>".join(cell(row["milliseconds"], row["extra_bytes"], name) for name in row["milliseconds"])
        for position, target in enumerate(row["targets"]):
            reached = "not measured" if target["reached"] is None else f"{target['reached']:.2f}{target['unit']}"
            verdict = {True: "", False: " (**missed**)", None: ""}[target["met"]]
            first = position == 0
            lines.append(f"| {row['name'] if first else ''} | {measured if first else ''} | {target['target']} | "
                         f"{reached}{verdict} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--library", default=str(ROOT / "build/lib/libfovea_models.so"))
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true", help="small sizes, to see that everything runs")
    parser.add_argument("--only", metavar="NAME", help="cases whose builder's name holds NAME, e.g. gate")
    parser.add_argument("--out", type=pathlib.Path, default=ROOT / "bench/results")
    parser.add_argument("--memory", nargs=2, metavar=("CASE", "VARIANT"), help=argparse.SUPPRESS)
    options = parser.parse_args()
    torch.ops.load_library(options.library)
    torch.set_num_threads(options.threads)
    torch.manual_seed(1)
    if options.memory:
        with torch.no_grad():
            print(extra_memory(all_cases()[int(options.memory[0])], options.memory[1], options.quick))
        return
    where, rows = circumstances(options), run_all(options)
    if not rows:
        parser.error(f"no case is called {options.only}")
    page = markdown(where, rows)
    print(page)
    if not options.quick and not options.only:
        options.out.mkdir(parents=True, exist_ok=True)
        (options.out / "attention.json").write_text(json.dumps({**where, "cases": rows}, indent=1) + "\n")
        (options.out / "attention.md").write_text(page)


if __name__ == "__main__":
    main()
