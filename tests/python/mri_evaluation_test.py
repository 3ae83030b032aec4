"""`fovea mri evaluate` against raidionicsval itself, and its surface distances against scipy's.

Usage: mri_evaluation_test.py FOVEA [unittest arguments]; exit code 77 when raidionicsval or what it imports is not there.

The package's numbers come from its own functions. Stood in for are only the modules that it imports for files and pictures (h5py,
nibabel, matplotlib, scikit-image): of the last it takes nothing but the boxes of labelled objects, which scipy gives as well.
"""
import csv
import json
import math
import pathlib
import subprocess
import sys
import tempfile
import types
import unittest
import unittest.mock
import warnings

try:
    import numpy as np
    import pandas as pd
    import scipy.ndimage as ndimage
    warnings.simplefilter("ignore")
    picture = unittest.mock.MagicMock()
    picture.subplots.side_effect = lambda: (unittest.mock.MagicMock(), unittest.mock.MagicMock())
    for name in ("h5py", "nibabel", "skimage", "matplotlib"):
        sys.modules.setdefault(name, types.ModuleType(name))
    sys.modules["matplotlib.pyplot"] = sys.modules["matplotlib"].pyplot = picture
    sys.modules["skimage.measure"] = types.ModuleType("skimage.measure")
    sys.modules["skimage.measure"].regionprops = lambda labels: [
        types.SimpleNamespace(slice=box) for box in ndimage.find_objects(labels)]
    from raidionicsval.Computation import medpy_metrics
    from raidionicsval.Computation.dice_computation_instance import separate_dice_computation
    from raidionicsval.Utils.resources import SharedResources
    from raidionicsval.Validation import validation_utilities
    from nifti import write_nifti
except ImportError as error:
    print(f"skipped: a Python package is not there ({error}); ./run test fetches it")
    sys.exit(77)

FOVEA = sys.argv[1]
SPACING = (1.2, 0.9, 3.0)
SHAPE = (40, 36, 14)
HEADER = 2e-6  # mm: spacing is a float in a NIfTI header
THRESHOLDS = np.round(np.arange(0.1, 1.1, 0.1), 2)
OVERLAPS = [0.0, 0.1, 0.25, 0.5]
COLUMNS = (["Fold", "Patient", "Threshold", "PiW Dice", "PiW Recall", "PiW Precision", "PiW F1", "GT volume (ml)", "True Positive",
            "Detection volume (ml)", "OW Global Recall", "OW Global Precision", "OW Global F1"] +
           [f"OW {name}{tail}" for name in ("Dice", "Recall", "Precision", "F1") for tail in ("", " (std)")] + ["#GT", "#Det"])


def blobs(random, count, low, high):
    """A smooth field above a height: connected lumps of all sizes."""
    field = np.zeros(SHAPE)
    grid = np.stack(np.meshgrid(*[np.arange(n) for n in SHAPE], indexing="ij"), -1) * np.array(SPACING)
    for _ in range(count):
        centre = np.array([random.uniform(4, n * s - 4) for n, s in zip(SHAPE, SPACING)])
        field = np.maximum(field, np.exp(-(((grid - centre) ** 2).sum(-1)) / random.uniform(low, high) ** 2))
    return field


def cohort(folder):
    random = np.random.default_rng(7)
    rows, data = [], {}
    for number in range(14):
        name = f"{number:03d}"
        truth = blobs(random, 0 if number in (3, 9) else 1 + number % 4, 4, 9)
        reference = truth > 0.45
        probability = np.clip(0.8 * np.roll(truth, number % 3, 0) + 0.6 * blobs(random, 2, 2, 5) * (number % 2), 0, 1)
        if number == 9:
            probability[:] = 0
        if number == 5:
            probability = np.roll(probability, SHAPE[0] // 2, 0)
        probability = probability.astype(np.float32)
        write_nifti(folder / f"{name}-reference.nii.gz", reference.astype(np.uint8), SPACING)
        write_nifti(folder / f"{name}-probability.nii.gz", probability, SPACING)
        rows.append(dict(case=name, reference=f"{name}-reference.nii.gz", prediction="", patient=name, fold=number % 3,
                         probability=f"{name}-probability.nii.gz"))
        data[name] = (number % 3, reference.astype(np.uint8), probability.astype(np.float64))
    with open(folder / "cases.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return data


def fovea(folder, out, *arguments):
    done = subprocess.run([FOVEA, "mri", "evaluate", "--pairs", folder / "cases.csv", "--out", folder / out, "--bootstrap", "50",
                           "--quiet", *map(str, arguments)], capture_output=True, text=True)
    if done.returncode != 0:
        raise AssertionError(done.stdout + done.stderr)
    with open(folder / out / "per_case.csv", newline="") as file:
        cases = {row["case"]: row for row in csv.DictReader(file)}
    return json.loads((folder / out / "metrics.json").read_text()), cases


class Raidionicsval(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.folder = pathlib.Path(cls.temporary.name)
        resources = SharedResources.getInstance()
        resources.validation_metric_spaces = ["pixelwise", "objectwise"]
        resources.validation_class_names = ["lesion"]
        resources.validation_true_positive_volume_thresholds = [0.0]
        cls.data = cohort(cls.folder)
        lines = []
        for name, (fold, reference, probability) in cls.data.items():
            volume = np.count_nonzero(reference) * np.prod(SPACING) * 1e-3
            for threshold in THRESHOLDS:
                lines += separate_dice_computation([threshold, fold, reference, probability, name,
                                                    [np.round(volume, 4), volume > 0, SPACING]])
        cls.table = pd.DataFrame(lines, columns=COLUMNS)
        cls.table.to_csv(cls.folder / "lesion_dice_scores.csv", index=False)
        cls.overlap, cls.threshold = validation_utilities.best_segmentation_probability_threshold_analysis_inner(
            str(cls.folder), OVERLAPS, "lesion", False)
        cls.metrics, cls.cases = fovea(cls.folder, "best", "--threshold", "best", "--overlaps",
                                       ",".join(map(str, OVERLAPS)))

    @classmethod
    def tearDownClass(cls):
        cls.temporary.cleanup()

    def close(self, ours, theirs, what, tolerance=1e-9):
        self.assertTrue(math.isclose(float(ours), float(theirs), rel_tol=0, abs_tol=tolerance), f"{what}: {ours} and {theirs}")

    def test_best_threshold_and_overlap(self):
        best = self.metrics["thresholds"]["all"]["best"]
        self.assertEqual((best["overlap"], best["threshold"]), (self.overlap, self.threshold))
        with open(self.folder / "lesion_optimal_dice_study.csv", newline="") as file:
            study = [row for row in csv.DictReader(file) if row["PiW F1"]]
        self.assertEqual(len(study), len(self.metrics["thresholds"]["all"]["rows"]))
        for theirs, ours in zip(study, self.metrics["thresholds"]["all"]["rows"]):
            self.assertEqual(int(theirs["Found"]), ours["found"])
            for column, key in (("Dice", "dice"), ("PiW Recall", "recall"), ("PiW Precision", "precision"), ("PiW F1", "f1")):
                if ours["found"]:
                    self.close(ours[key], theirs[column], column)

    def test_best_threshold_among_cases_with_a_lesion(self):
        theirs = validation_utilities.best_segmentation_probability_threshold_analysis_inner(str(self.folder), OVERLAPS, "lesion",
                                                                                             True)
        best = self.metrics["thresholds"]["with_lesion"]["best"]
        self.assertEqual((best["overlap"], best["threshold"]), theirs)

    def test_every_case_voxel_and_object_wise(self):
        pairs = {"PiW Dice": "dice", "PiW Recall": "recall", "PiW Precision": "precision", "PiW F1": "f1", "#GT": "reference_objects",
                 "#Det": "predicted_objects", "OW Global Recall": "object_recall", "OW Global Precision": "object_precision",
                 "OW Global F1": "object_f1", "OW Dice": "object_dice", "OW Dice (std)": "object_dice_sd",
                 "OW Recall": "object_voxel_recall", "OW Precision": "object_voxel_precision", "OW F1": "object_voxel_f1"}
        for threshold in (0.3, self.threshold):
            _, cases = fovea(self.folder, f"at-{threshold}", "--threshold", threshold)
            at = self.table[self.table["Threshold"] == threshold]
            self.assertEqual(len(at), len(cases))
            for _, row in at.iterrows():
                for column, key in pairs.items():
                    self.close(cases[row["Patient"]][key], row[column], f"case {row['Patient']} {column} at {threshold}")
                self.close(cases[row["Patient"]]["reference_ml"], row["GT volume (ml)"], "volume", 5.1e-5)
                self.close(cases[row["Patient"]]["prediction_ml"], row["Detection volume (ml)"], "volume", 5.1e-5)
        self.assertGreater(self.table["#GT"].max(), 2, "the cohort holds cases of several objects")

    def test_folds(self):
        names = {"Patient-wise recall": "patient_recall", "Patient-wise precision": "patient_precision",
                 "Patient-wise specificity": "patient_specificity", "Patient-wise F1": "patient_f1",
                 "Patient-wise Accuracy": "patient_accuracy", "Patient-wise Balanced accuracy": "patient_balanced_accuracy",
                 "PiW Dice": "dice", "PiW Recall": "recall", "PiW Precision": "precision", "PiW F1": "f1",
                 "OW Global Recall": "object_recall", "OW Global Precision": "object_precision", "OW Global F1": "object_f1",
                 "OW Dice": "object_dice"}
        for condition, key in (("All", "all"), ("Positive", "positive"), ("TP", "true_positive")):
            validation_utilities.compute_fold_average_inner(str(self.folder), "lesion", best_threshold=self.threshold,
                                                            best_overlap=self.overlap, condition=condition)
            suffix = {"All": "", "Positive": "_Positive", "TP": "_TP"}[condition]
            overall = pd.read_csv(self.folder / f"lesion_overall_metrics_average{suffix}.csv").iloc[0]
            folds = pd.read_csv(self.folder / f"lesion_folds_metrics_average{suffix}.csv")
            ours = self.metrics["folds"][key]
            for column, name in names.items():
                self.close(ours["pooled"][name]["mean"], overall[f"{column} (Mean)"], f"{condition} {column}")
                self.close(ours["pooled"][name]["sd"], overall[f"{column} (Std)"], f"{condition} {column} sd", 1e-7)
                for fold, row in folds.iterrows():
                    theirs = row[column] if column.startswith("Patient-wise") else row[f"{column} (Mean)"]
                    self.close(ours["folds"][fold][name]["mean"], theirs, f"{condition} fold {fold} {column}")

    def test_surface_distances(self):
        distances = medpy_metrics.__dict__["__surface_distances"]
        measured = 0
        for name, (_, reference, probability) in self.data.items():
            prediction = (probability >= self.threshold).astype(np.uint8)
            if not reference.any() or not prediction.any():
                self.assertEqual(self.cases[name]["hd95_mm"], "")
                continue
            measured += 1
            self.close(self.cases[name]["hd95_mm"],
                       medpy_metrics.compute_hd95(prediction, reference, voxelspacing=SPACING, connectivity=1), f"{name} HD95",
                       HEADER)
            both = [distances(a, b, SPACING, 1).mean() for a, b in ((prediction, reference), (reference, prediction))]
            self.close(self.cases[name]["assd_mm"], np.mean(both), f"{name} ASSD", HEADER)
        self.assertGreater(measured, 8)

    def test_detection(self):
        whole = np.ones((3, 3, 3))
        detected = {}
        for name, (_, reference, probability) in self.data.items():
            labels, count = ndimage.label(probability >= self.threshold, whole)
            touching = [i for i in range(1, count + 1) if reference[labels == i].any()]
            references, number = ndimage.label(reference, whole)
            centres = [np.array(c) * SPACING for c in ndimage.center_of_mass(reference, references, range(1, number + 1))]
            found = [np.array(c) * SPACING for c in ndimage.center_of_mass(labels > 0, labels, range(1, count + 1))]
            near = any(np.linalg.norm(a - b) <= 5 for a in centres for b in found)
            row = self.cases[name]
            self.assertEqual(int(row["components"]), count)
            self.assertEqual(int(row["false_positive_components"]), count - len(touching))
            self.assertEqual(row["detected_overlap"], str(int(bool(touching))))
            self.assertEqual(row["detected_centroid"], str(int(near)))
            self.assertEqual(row["detected_dice"], str(int(float(row["dice"]) >= 0.1)))
            if reference.any():
                detected[name] = bool(touching)
        figures = self.metrics["groups"][0]["figures"]
        self.close(figures["detection_rate"]["value"], np.mean(list(detected.values())), "detection rate")
        self.assertLessEqual(figures["dice"]["low"], figures["dice"]["value"])
        self.assertGreaterEqual(figures["dice"]["high"], figures["dice"]["value"])


if __name__ == "__main__":
    unittest.main(argv=[sys.argv[0], *sys.argv[2:]], warnings="ignore")
