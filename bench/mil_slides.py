#!/usr/bin/env python3
"""A slide benchmark from real tissue: pyramids composed of the colorectal tiles (shared/data/pathology-tiles/crc-texture) with
tumour at known places, features by `fovea slide features`, ACMIL against ABMIL and others by `fovea mil train`: AUC on slides
that share no tile picture with training, and how well attention finds the tumour tiles (instance AUROC).

A slide is a mosaic of 12 x 10 tile pictures, each turned and mirrored at random; in a positive one a few neighbouring tiles are
tumour epithelium. Limits: 60 tile pictures in all, whose patients are not known; mosaics have seams; the encoder (EfficientNet
of ImageNet) is weak. It compares pooling methods; it says nothing about a clinic.

usage: mil_slides.py --fovea build/bin/fovea --shared ../shared --work FOLDER [--features-by FOVEA] [--slides 120] [--out ...]
Needs libvips-tools (vips) and the Python package h5py. Interrupted, the same command goes on.
"""
import argparse
import csv
import random
import shutil
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import reproduce_mil as mil

COLUMNS, ROWS, EDGE, MPP = 12, 10, 224, 0.33
TUMOUR = "0"
TURNS = [[], ["rot", "d90"], ["rot", "d180"], ["rot", "d270"], ["flip", "horizontal"], ["flip", "vertical"]]
MODELS = ["mean pooling", "max pooling", "ABMIL", "ABMIL + AEM 0.01", "ACMIL K=5", "ACMIL K=5, m=5, p=0.2",
          "ACMIL K=5 + AEM 0.01", "CLAM-SB", "TransMIL", "slide transformer"]
RECIPE = ["model.inner=128", "optimiser.learning_rate=2e-4", "optimiser.weight_decay=1e-4", "epochs=20",
          "data.standardise=true", "data.clip=10"]


def vips(*arguments):
    subprocess.run(["vips", *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


def tile_pools(shared):
    """Tile ids by label, 60 % for slides to learn from and 40 % for slides to test with."""
    labels = {}
    for row in mil.read(shared / "data/pathology-tiles/crc-texture/index.csv"):
        labels.setdefault(row["label"], []).append(row["id"])
    pools = {"train": {}, "test": {}}
    for label, ids in sorted(labels.items()):
        random.Random(7).shuffle(ids)
        cut = round(0.6 * len(ids))
        pools["train"][label], pools["test"][label] = ids[:cut], ids[cut:]
    return pools


def plan(number, part, pools):
    """(label, [(tile id, turn, class)] in rows from the top left)."""
    chance = random.Random(1000 + number)
    pool, positive = pools["train" if part != "test" else "test"], number % 2 == 1
    others = [label for label in pool if label != TUMOUR]
    kinds = [chance.choice(others) for _ in range(COLUMNS * ROWS)]
    if positive:
        width, height = chance.choice([(1, 1), (2, 1), (2, 2), (3, 2)])
        left, top = chance.randrange(COLUMNS - width + 1), chance.randrange(ROWS - height + 1)
        for x in range(left, left + width):
            for y in range(top, top + height):
                kinds[y * COLUMNS + x] = TUMOUR
    return int(positive), [(chance.choice(pool[kind]), chance.randrange(len(TURNS)), kind) for kind in kinds]


def compose(slide, tiles, shared, work):
    variants = work / "variants"
    variants.mkdir(exist_ok=True)
    names = []
    for tile, turn, _ in tiles:
        variant = variants / f"{tile}_{turn}.v"
        if not variant.exists():
            source = shared / f"data/pathology-tiles/crc-texture/tiles/{tile}.png"
            if TURNS[turn]:
                vips(TURNS[turn][0], source, variant, TURNS[turn][1])
            else:
                vips("copy", source, variant)
        names.append(str(variant))
    mosaic, half_made = work / "mosaic.v", work / "mosaic.tif"
    vips("arrayjoin", " ".join(names), mosaic, "--across", COLUMNS)
    per_mm = 1000 / MPP
    vips("tiffsave", mosaic, half_made, "--tile", "--tile-width", EDGE + 32, "--tile-height", EDGE + 32, "--pyramid",
         "--compression", "jpeg", "--Q", 90, "--xres", per_mm, "--yres", per_mm, "--resunit", "cm")
    half_made.rename(slide)


def add_instance_labels(file, tiles):
    import h5py
    with h5py.File(file, "r+") as h5:
        if "inst_label" in h5:
            return
        coords = h5["coords"][:]
        kinds = [tiles[int((y + EDGE // 2) // EDGE) * COLUMNS + int((x + EDGE // 2) // EDGE)][2] for x, y in coords]
        h5["inst_label"] = [int(kind == TUMOUR) for kind in kinds]


def prepare(arguments, shared, work):
    pools, slides = tile_pools(shared), work / "slides"
    slides.mkdir(parents=True, exist_ok=True)
    plans = {}
    for number in range(arguments.slides):
        share = number / arguments.slides
        part = "train" if share < 0.5 else "val" if share < 0.65 else "test"
        plans[f"s{number:03}"] = (part, *plan(number, part, pools))
    with open(work / "labels.csv", "w", encoding="utf-8") as stream:
        stream.write("slide_id,label,split\n")
        for name, (part, label, tiles) in plans.items():
            stream.write(f"{name},{label},{part}\n")
            if not (slides / f"{name}.tif").exists():
                compose(slides / f"{name}.tif", tiles, shared, work)
    features = work / "features"
    subprocess.run([arguments.features_by or arguments.fovea, "slide", "features", str(slides), "--out", str(features), "--tile",
                    str(EDGE), "--mpp", str(MPP), "--tissue-method", "none", "--no-previews", "--isolate", "no", "--quiet"],
                   check=True)
    bags = work / "bags"
    bags.mkdir(exist_ok=True)
    for file in features.rglob("s*.h5"):
        if "patches" in file.parts or not file.parent.name.startswith("features_"):
            continue
        if not (bags / file.name).exists():
            shutil.copy(file, bags / (file.name + ".copy"))
            add_instance_labels(bags / (file.name + ".copy"), plans[file.stem][2])
            (bags / (file.name + ".copy")).rename(bags / file.name)
    return bags


class Slides(mil.Bench):
    def repetitions(self, name):
        return [(self.work / "bags", None, mil.SEEDS)]

    def train(self, row):
        recipe, changes = mil.ROWS[row]
        out = self.work / "runs" / "".join(c if c.isalnum() else "_" for c in row)
        out.parent.mkdir(exist_ok=True)
        command = [self.fovea, "mil", "train", "--recipe", recipe, "--bags", str(self.work / "bags"), "--labels",
                   str(self.work / "labels.csv"), "--out", str(out), "--threads", "1", "--quiet"]
        for change in mil.COMMON + RECIPE + changes + ["seeds=[0,1,2]"]:
            command += ["--set", change]
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        return self.summary([out])


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--fovea", required=True)
    parser.add_argument("--features-by", help="another build of fovea for the features")
    parser.add_argument("--shared", required=True)
    parser.add_argument("--work", required=True)
    parser.add_argument("--slides", type=int, default=120)
    parser.add_argument("--out", default="bench/results/mil_slides")
    arguments = parser.parse_args()
    arguments.table = False
    shared, work = Path(arguments.shared), Path(arguments.work)
    work.mkdir(parents=True, exist_ok=True)
    prepare(arguments, shared, work)
    bench, results = Slides(arguments), {}
    lines = ["# Composed slides: pooling methods on real tissue", "", "`bench/mil_slides.py`: " +
             f"{arguments.slides} mosaics of {COLUMNS * ROWS} tiles (half to learn from, 15 % for validation, 35 % for testing, with "
             "tile pictures of their own), 1 to 6 tumour tiles in a positive one; EfficientNet-Lite0 features; last epoch; mean ± "
             "population standard deviation over three seeds.", "",
             "| model | AUC | accuracy | instance AUROC | H | top10 | ensemble AUC |", "|---|---|---|---|---|---|---|"]
    for row in MODELS:
        result = results[row] = bench.train(row)
        lines.append(f"| {row} | {mil.text(result, 'auc')} | {mil.text(result, 'accuracy')} | {mil.text(result, 'inst')} | "
                     f"{mil.text(result, 'H')} | {mil.text(result, 'top10')} | {result['ensemble']['auc']:.3f} |")
        print(lines[-1], flush=True)
        Path(arguments.out + ".md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
