#!/usr/bin/env python3
"""Evidence for docs/mri.md: trains on real images of ../shared with the built fovea and writes tables.

usage: reproduce_mri.py --fovea build/bin/fovea --shared ../shared --work FOLDER [--only NAME,...] [--quick] [--out FILE]

NAME: hippocampus (U-Net, AGUNet, DAUNet and the switches between them), hippocampus-best (the longest training),
meningioma, meningioma-best, synthetic (targets drawn into real volumes), ms (real lesions of one patient).
Every run goes on where it stopped. --quick: a few cases, an epoch and tiny networks, to see that it works (a test does).
"""
import argparse
import csv
import json
import pathlib
import random
import re
import shutil
import statistics
import subprocess
import sys
import time

HIPPOCAMPUS_NOTE = "Medical Segmentation Decathlon, Task04 Hippocampus, CC BY-SA 4.0 (see ../shared/data/mri-lesion/README.md)."
TUMOUR_NOTE = (
    "Contrast-enhanced T1 slices with hand-drawn outlines: Jun Cheng, brain tumor dataset, figshare 1512427, CC BY 4.0 "
    "(folds 1-3 train, fold 4 validation; Cheng et al., PLoS ONE 2015 and 2016). 8-bit slices of one country's scanners, "
    "every one with a tumour.")


class Bench:
    def __init__(self, options):
        self.fovea, self.shared, self.work = options.fovea, options.shared, options.work
        self.quick, self.threads = options.quick, options.threads
        self.results = {}
        self.work.mkdir(parents=True, exist_ok=True)

    def run(self, *arguments):
        command = [str(self.fovea), *map(str, arguments)]
        start = time.monotonic()
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode not in (0, 2):
            sys.exit(f"{' '.join(command)}\nended with {done.returncode}:\n{done.stderr[-2000:]}")
        print(f"  {' '.join(command[1:3])} {arguments[-1] if arguments else ''}: {time.monotonic() - start:.0f} s", flush=True)
        return done.stdout

    def train(self, out, recipe, changes, *more, verb="train"):
        sets = list(changes)
        if self.quick:
            sets = [c for c in sets if not c.startswith(("epochs", "network.filters", "sampling.windows"))] + ["epochs=1", "network.filters=[4,8,8]"]
        arguments = ["mri", verb, "--recipe", recipe, "--threads", self.threads]
        if sets:
            arguments += ["--set", ",".join(sets)]
        text = self.run(*arguments, *more, "--out", out)
        print(text, flush=True)
        return text

    # --- hippocampus ---

    def hippocampus_cases(self):
        source = self.shared / "data/mri-lesion/hippocampus-3d"
        table = self.work / "hippocampus.csv"
        with open(source / "index.csv", newline="") as rows:
            write_table(table, ["case", "image", "label", "split"],
                        [[row["id"], (source / f"images/{row['id']}.nii.gz").resolve(),
                          (source / f"labels/{row['id']}.nii.gz").resolve(), row["split"]]
                         for row in self.some(rows, "split", {"train": 4, "val": 2})])
        return table

    def some(self, file, column, wanted):
        """All rows; of a quick run the first so many of each value."""
        left = dict(wanted)
        for row in csv.DictReader(file):
            if self.quick:
                if left.get(row[column], 0) < 1:
                    continue
                left[row[column]] -= 1
            yield row

    HIPPOCAMPUS = ['data.classes=["anterior","posterior"]', "data.highest_percentile=99.9",
                   "sampling.foreground_share=0", 'augmentation.flip="x"', 'data.crop="none"',
                   'network.norm="instance"', "network.fuse_dropout=0"]
    GENTLE = ["augmentation.rotation_degrees=15", "augmentation.zoom=0.15",
              "augmentation.shift=0.05", "augmentation.intensity_probability=0.3", "augmentation.gamma=0.2",
              "augmentation.bias_field=0.15", "augmentation.noise=0.05"]

    def hippocampus(self):
        """The ablation grid, short: the same four epochs for all."""
        seeds = "[0]" if self.quick else "[0,1]"
        changes = self.HIPPOCAMPUS + ["data.size=[40,56,40]", "network.filters=[8,16,32,64]", "epochs=4", "selection.every=2",
                                      f"seeds={seeds}"]
        out = self.work / "hippocampus_grid"
        self.train(out, "agunet", changes, "--cases", self.hippocampus_cases(), verb="ablate")
        self.results["hippocampus"] = json.loads((out / "ablation.json").read_text())

    def hippocampus_best(self):
        out = self.work / "hippocampus_best"
        changes = self.HIPPOCAMPUS + self.GENTLE + ["data.size=[48,64,48]", "network.filters=[16,32,64,96]", "epochs=26",
                                                    "average=0.995"]
        self.train(out, "agunet", changes, "--cases", self.hippocampus_cases(), "--data-note", HIPPOCAMPUS_NOTE)
        self.results["hippocampus-best"] = {tta: self.native_hippocampus(out, tta) for tta in ("none", "mirror")}

    def native_hippocampus(self, model, tta):
        """The validation cases once more through mri segment and mri evaluate, on their own grid."""
        source = self.shared / "data/mri-lesion/hippocampus-3d"
        cases, pairs = self.work / "hippocampus_val.csv", self.work / "hippocampus_pairs.csv"
        with open(source / "index.csv", newline="") as rows:
            names = [row["id"] for row in self.some(rows, "split", {"val": 2}) if row["split"] == "val"]
        write_table(cases, ["case_id", "path"], [[n, (source / f"images/{n}.nii.gz").resolve()] for n in names])
        folder = self.work / f"hippocampus_segmented_{tta}"
        self.run("mri", "segment", "--cases", cases, "--model", model, "--tta", tta, "--threads", self.threads, "--out", folder)
        write_table(pairs, ["case", "reference", "prediction"],
                    [[n, (source / f"labels/{n}.nii.gz").resolve(), (folder / n / "segmentation.nii.gz").resolve()] for n in names])
        found = {}
        for label, name in ((1, "anterior"), (2, "posterior")):
            out = folder.with_name(f"{folder.name}_{name}")
            self.run("mri", "evaluate", "--pairs", pairs, "--label", label, "--out", out)
            found[name] = group_of(json.loads((out / "metrics.json").read_text()), "all")
        return found

    # --- meningioma ---

    def meningioma_run(self, name, recipe, changes, verb="train"):
        out = self.work / name
        source = self.shared / "data/mri-lesion/tumour-t1ce"
        table = self.work / "meningioma.csv"
        with open(source / "index.csv", newline="") as rows:
            meningiomas = [row for row in csv.DictReader(rows) if row["class"] == "meningioma"]
        if self.quick:
            meningiomas = [row for fold, count in (("1", 12), ("4", 6))
                           for row in [row for row in meningiomas if row["fold"] == fold][:count]]
        write_table(table, ["case", "image", "label", "class", "fold"],
                    [[row["id"], (source / f"images/{row['id']}.png").resolve(), (source / f"masks/{row['id']}.png").resolve(),
                      row["class"], row["fold"]] for row in meningiomas])
        self.train(out, recipe, changes, "--cases", table, "--val-fold", "4", "--data-note", TUMOUR_NOTE, verb=verb)
        return out

    def meningioma(self):
        seeds = "[0]" if self.quick else "[0,1]"
        out = self.meningioma_run("meningioma_grid", "agunet_slices",
                                  ["network.filters=[8,16,32,64]", "epochs=12", f"seeds={seeds}"], verb="ablate")
        self.results["meningioma"] = json.loads((out / "ablation.json").read_text())

    def meningioma_best(self):
        out = self.meningioma_run("meningioma_best", "agunet_slices", [])
        rows = list(csv.DictReader(open(out / "evaluation/meningioma/per_case.csv", newline="")))
        self.results["meningioma-best"] = by_size(rows)

    # --- several modalities ---

    def boxes(self, name, *more):
        ms = self.shared / "data/mri/ms-patient07"
        out = self.work / f"{name}_set"
        if not (out / "cases.csv").exists():
            modalities = ",".join(f"{m}={ms / (m + '.nii.gz')}" for m in ("flair", "t2", "t1", "t1post"))
            more = [*more, "--cases", "8" if self.quick else "160"]
            self.run("mri", "synthesise", "--modality", modalities, "--size", "48,48,16", "--slice-mm", "3", *more, "--out", out)
        return out / "cases.csv"

    # The last epoch is taken: no figure chose the weights that it is a figure of.
    STACKS = ['data.modalities=["flair","t2","t1","t1post"]', 'data.classes=["lesion"]', "data.size=[48,48,8]", "data.spacing_mm=0",
              "network.filters=[8,16,32]", "batch=4", "optimiser.learning_rate=0.003", 'schedule.name="one-cycle"',
              "schedule.warm_up_epochs=0", "sampling.windows=2", "sampling.foreground_share=0.8", 'selection.rule="last"',
              "selection.every=6", "average=0.99", "augmentation.probability=0.3", "augmentation.intensity_probability=0.2",
              'modality_dropout.protect=""']

    def compare(self, name, cases, epochs):
        rows = {}
        seeds = (0,) if self.quick else (0, 1)
        for key, recipe, changes in (("drop", "upattllstm", []), ("plain", "upattllstm", ["modality_dropout.most=0"]),
                                     ("unet", "unet_stacks", [])):
            for seed in seeds:
                out = self.work / f"{name}_set_{key}_{seed}"
                self.train(out, recipe, self.STACKS + changes + [f"epochs={epochs}", f"seeds=[{seed}]"], "--cases", cases)
                with open(out / "evaluation/lesion/per_case.csv", newline="") as file:
                    rows.setdefault(key, []).extend(csv.DictReader(file))
        self.results[name] = claims(rows) | {"seeds": len(seeds)}

    def synthetic(self):
        """As a clot of some days: dark on T2 and FLAIR, bright on T1. The lesions of the head itself are distractors."""
        self.compare("synthetic", self.boxes("synthetic", "--contrast", "flair=-2.5,t2=-2.5,t1=2.5,t1post=2.5"), 24)

    def ms(self):
        lesions = self.shared / "data/mri/ms-patient07/lesions.nii.gz"
        self.compare("ms", self.boxes("ms", "--lesions", lesions, "--least", "0", "--most", "0"), 24)


MEASURES = ("dice", "detected_overlap", "detected_dice", "false_positive_components")


def claims(rows):
    """The comparisons of thrombus.md 6 by pattern, each box's figures averaged over the seeds, with 95 % intervals of a
    bootstrap over the boxes: chance in which boxes were drawn, not in which head (there is one)."""
    table = {key: {} for key in rows}  # network -> pattern -> box -> MEASURES
    for key, each in rows.items():
        of_seeds = {}
        for row in each:
            of_seeds.setdefault((row["pattern"], row["case"]), []).append([float(row[measure] or 0) for measure in MEASURES])
        for (pattern, box), figures in of_seeds.items():
            table[key].setdefault(pattern, {})[box] = [statistics.fmean(values) for values in zip(*figures)]
    patterns = list(table["drop"])
    # An empty box has nothing to be found.
    boxes = sorted({row["case"] for row in rows["drop"] if float(row["reference_ml"] or 0) > 0})
    random.seed(0)
    draws = [boxes] + [random.choices(boxes, k=len(boxes)) for _ in range(2000)]

    def with_interval(value):
        values = [value(drawn) for drawn in draws]
        spread = sorted(v for v in values[1:] if v is not None)
        low, high = (spread[int(q * (len(spread) - 1))] if spread else None for q in (0.025, 0.975))
        return {"value": values[0], "low": low, "high": high}

    def mean(key, pattern, what, drawn):
        return statistics.fmean(table[key][pattern][box][what] for box in drawn)

    def kept(pattern, what, drawn):
        whole = mean("drop", "all", what, drawn)
        return mean("drop", pattern, what, drawn) / whole if whole > 0 else None

    found = {"boxes": len(boxes), "patterns": {}}
    for pattern in patterns:
        one = {key: {name: with_interval(lambda drawn: mean(key, pattern, what, drawn))
                     for what, name in enumerate(MEASURES)} for key in rows}
        one["a: Dice, with dropout less without"] = with_interval(
            lambda drawn: mean("drop", pattern, 0, drawn) - mean("plain", pattern, 0, drawn))
        one["b: share of the detection with all"] = with_interval(lambda drawn: kept(pattern, 1, drawn))
        one["b: the same, found at Dice 0.1"] = with_interval(lambda drawn: kept(pattern, 2, drawn))
        one["c: Dice, less the U-Net's"] = with_interval(
            lambda drawn: mean("drop", pattern, 0, drawn) - mean("unet", pattern, 0, drawn))
        found["patterns"][pattern] = one
    return found


def write_table(path, header, rows):
    with open(path, "w", newline="") as file:
        csv.writer(file).writerows([header, *rows])


def group_of(metrics, name):
    for group in metrics["groups"]:
        if group["name"] == name:
            return group
    return {}


def by_size(rows):
    """Per-slice figures by the outlined area (pixels of 0.98 mm at the files' resolution are told by area, not volume)."""
    rows = [row for row in rows if float(row["reference_ml"]) > 0]
    rows.sort(key=lambda row: float(row["reference_ml"]))
    groups = {"all": rows}
    third = len(rows) // 3
    groups |= {"smallest third": rows[:third], "middle third": rows[third:2 * third], "largest third": rows[2 * third:]}
    found = {}
    for name, part in groups.items():
        values = {key: [float(row[key]) for row in part] for key in ("dice", "recall", "precision", "f1")}
        found[name] = {"slices": len(part), "median_dice": statistics.median(values["dice"])}
        found[name] |= {key: statistics.mean(value) for key, value in values.items()}
        found[name]["share_above_half"] = sum(d > 0.5 for d in values["dice"]) / len(part)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fovea", type=pathlib.Path, required=True)
    parser.add_argument("--shared", type=pathlib.Path, required=True)
    parser.add_argument("--work", type=pathlib.Path, required=True)
    parser.add_argument("--only", default="meningioma-best,hippocampus-best,synthetic,ms,hippocampus,meningioma")
    parser.add_argument("--out", type=pathlib.Path)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--quick", action="store_true")
    options = parser.parse_args()
    if not (options.shared / "data/mri-lesion").is_dir():
        print(f"{options.shared}/data/mri-lesion is not there: give the folder of the shared data")
        sys.exit(77)
    if options.quick:
        shutil.rmtree(options.work, ignore_errors=True)
    bench = Bench(options)
    for name in options.only.split(","):
        if not re.fullmatch("[a-z-]+", name) or not hasattr(bench, name.replace("-", "_")):
            sys.exit(f"there is no '{name}'")
        print(f"== {name}", flush=True)
        getattr(bench, name.replace("-", "_"))()
        out = options.out or options.work / "mri.json"
        known = json.loads(out.read_text()) if out.exists() else {}
        out.write_text(json.dumps(known | bench.results, indent=1) + "\n")


if __name__ == "__main__":
    main()
