#!/usr/bin/env python3
"""Time per epoch and peak memory of `fovea mil train` against the same networks written in PyTorch, on the same bags, in
the same run, with the same number of threads. The PyTorch side is the plain form of the published modules: gated attention
(three linears), softmax, matrix product, cross-entropy, AdamW; ACMIL with five branches and its diversity loss.

usage: mil_speed.py --fovea build/bin/fovea --work FOLDER [--threads 2] [--out bench/results/mil_speed]
Needs numpy and torch.
"""
import argparse
import csv
import itertools
import json
import os
import platform
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

WIDTH, INNER, ATTENTION, BRANCHES = 384, 128, 128, 5
CASES = [("20 bags of 5000", 20, 5000, 5), ("2 bags of 100000", 2, 100_000, 4)]


def make_bags(folder, bags, instances):
    import numpy as np
    folder.mkdir(parents=True, exist_ok=True)
    random = np.random.default_rng(1)
    with open(folder.parent / (folder.name + ".csv"), "w", encoding="utf-8") as labels:
        labels.write("slide_id,label,split\n")
        for i in range(bags):
            if not (folder / f"b{i:02}.npy").exists():
                np.save(folder / f"b{i:02}.npy", random.standard_normal((instances, WIDTH), dtype=np.float32))
            labels.write(f"b{i:02},{i % 2},train\n")


def peer(model, folder, epochs, threads):
    """Prints seconds of each epoch and the peak in kilobytes."""
    import numpy as np
    import torch
    from torch import nn
    torch.set_num_threads(threads)
    torch.manual_seed(0)
    k = BRANCHES if model == "acmil" else 1

    class Net(nn.Module):
        def __init__(self):
            super().__init__()
            self.reduce = nn.Linear(WIDTH, INNER, bias=False)
            self.v, self.u = nn.Linear(INNER, ATTENTION), nn.Linear(INNER, ATTENTION)
            self.w = nn.Linear(ATTENTION, k)
            self.branches = nn.ModuleList([nn.Linear(INNER, 2) for _ in range(k if k > 1 else 0)])
            self.bag = nn.Linear(INNER, 2)

        def forward(self, x):
            h = torch.relu(self.reduce(x))
            s = self.w(torch.tanh(self.v(h)) * torch.sigmoid(self.u(h))).T
            a = torch.softmax(s, dim=1)
            z = a @ h
            branch = [head(z[i:i + 1]) for i, head in enumerate(self.branches)]
            bag = self.bag(a.mean(0, keepdim=True) @ h)
            return branch, bag, a

    net = Net()
    optimiser = torch.optim.AdamW(net.parameters(), lr=1e-4, weight_decay=1e-5)
    files = sorted(folder.glob("*.npy"))
    bags = [torch.from_numpy(np.load(file)) for file in files]
    for _ in range(epochs):
        start = time.perf_counter()
        for i, x in enumerate(bags):
            y = torch.tensor([i % 2])
            branch, bag, a = net(x)
            loss = nn.functional.cross_entropy(bag, y)
            if branch:
                loss = loss + nn.functional.cross_entropy(torch.cat(branch), y.repeat(k))
                pairs = itertools.combinations(range(k), 2)
                loss = loss + sum(torch.cosine_similarity(a[p], a[q], dim=0) for p, q in pairs) * 2 / (k * (k - 1))
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
        print(time.perf_counter() - start)
    print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss)


def run_peer(model, folder, epochs, threads):
    lines = subprocess.run([sys.executable, __file__, "--peer", model, "--bags", str(folder), "--epochs", str(epochs),
                            "--threads", str(threads)], check=True, capture_output=True, text=True).stdout.split()
    return [float(v) for v in lines[:-1]], int(lines[-1]) / 1024


def run_fovea(fovea, model, folder, epochs, threads, work):
    out = work / f"run_{model}_{folder.name}"
    subprocess.run(["rm", "-rf", str(out)], check=True)
    command = [fovea, "mil", "train", "--recipe", model, "--bags", str(folder), "--labels", str(folder) + ".csv", "--out",
               str(out), "--threads", str(threads), "--quiet", "--set", f"epochs={epochs}", "--set", f"model.inner={INNER}"]
    child = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(child.pid, 0)
    if os.waitstatus_to_exitcode(status) != 0:
        raise SystemExit(f"fovea mil train ended with {os.waitstatus_to_exitcode(status)}")
    with open(out / "history.csv", newline="", encoding="utf-8") as stream:
        return [float(row["seconds"]) for row in csv.DictReader(stream)], usage.ru_maxrss / 1024


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fovea")
    parser.add_argument("--work")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--out", default="bench/results/mil_speed")
    parser.add_argument("--peer", help=argparse.SUPPRESS)
    parser.add_argument("--bags", help=argparse.SUPPRESS)
    parser.add_argument("--epochs", type=int, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.peer:
        return peer(arguments.peer, Path(arguments.bags), arguments.epochs, arguments.threads)
    work, results = Path(arguments.work), []
    for name, bags, instances, epochs in CASES:
        folder = work / f"bags_{instances}"
        make_bags(folder, bags, instances)
        for model in ("abmil", "acmil"):
            ours, theirs = [], []
            for _ in range(2):  # in turn, so that a disturbance of the machine meets both
                ours.append(run_fovea(arguments.fovea, model, folder, epochs, arguments.threads, work))
                theirs.append(run_peer(model, folder, epochs, arguments.threads))
            # The first epoch warms caches; the fastest of the others is least disturbed.
            best = [min(t for seconds, _ in side for t in seconds[1:]) for side in (ours, theirs)]
            median = [statistics.median(t for seconds, _ in side for t in seconds[1:]) for side in (ours, theirs)]
            peak = [max(p for _, p in side) for side in (ours, theirs)]
            results.append({"case": name, "model": model, "seconds": best, "median": median, "peak_mb": peak})
            print(f"{name:18} {model:6} {best[0]:.3f} s / {best[1]:.3f} s, peak {peak[0]:.0f} / {peak[1]:.0f} MB", flush=True)
    lines = ["# MIL training: time per epoch and peak memory", "",
             f"`bench/mil_speed.py`, {platform.machine()}, {os.cpu_count()} cores, {arguments.threads} threads, D = {WIDTH}, L = "
             f"{INNER}, A = {ATTENTION}; the faster of two runs' epochs after the first (median in brackets), ours / PyTorch. "
             "Peak: resident memory of the whole process.", "",
             "| bags | network | s an epoch | PyTorch | ratio | peak MB | PyTorch | ratio |", "|---|---|---|---|---|---|---|---|"]
    for r in results:
        (a, b), (ma, mb), (p, q) = r["seconds"], r["median"], r["peak_mb"]
        lines.append(f"| {r['case']} | {r['model']} | {a:.3f} ({ma:.3f}) | {b:.3f} ({mb:.3f}) | {a / b:.2f} | {p:.0f} | {q:.0f} | "
                     f"{p / q:.2f} |")
    Path(arguments.out + ".md").write_text("\n".join(lines) + "\n", encoding="utf-8")
    Path(arguments.out + ".json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
