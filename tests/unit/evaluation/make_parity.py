#!/usr/bin/env python3
"""Writes parity.json beside it: figures of scikit-learn, SciPy and scikit-survival on seeded data, for the unit tests.

Made with scikit-learn 1.9.1, SciPy 1.17.1, scikit-survival 0.28.0, NumPy 2.4.6 (Python 3.11):
  pip install scikit-learn==1.9.1 scipy==1.17.1 scikit-survival==0.28.0 && python3 make_parity.py
"""
import json
import pathlib

import numpy as np
import scipy
import scipy.stats
import sklearn
import sklearn.metrics as m
import sksurv
from sksurv.metrics import brier_score, concordance_index_censored, cumulative_dynamic_auc, integrated_brier_score
from sksurv.util import Surv


def floats(values):
    return [float(v) for v in np.asarray(values).reshape(-1)]


def probabilities(rng, labels, classes, decimals):
    logits = rng.normal(size=(len(labels), classes)) + 1.2 * np.eye(classes)[labels]
    p = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    return np.round(p, decimals).astype(np.float32)  # few decimals: ties


def classification(rng, rows, classes, decimals):
    y = rng.integers(0, classes, rows)
    y[:classes] = np.arange(classes)
    p = probabilities(rng, y, classes, decimals)
    hot, predicted = np.eye(classes)[y], p.argmax(1)
    names = list(range(classes))
    double = p.astype(np.float64)
    brier = ((double - hot) ** 2).sum(1).mean()
    step = np.finfo(np.float32).eps
    return {
        "classes": classes, "probabilities": floats(p), "labels": y.tolist(),
        "auroc_per_class": [m.roc_auc_score(hot[:, c], p[:, c]) for c in names],
        "auprc_per_class": [m.average_precision_score(hot[:, c], p[:, c]) for c in names],
        "f1_macro": m.f1_score(y, predicted, average="macro"),
        "f1_micro": m.f1_score(y, predicted, average="micro"),
        "accuracy": m.accuracy_score(y, predicted),
        "balanced_accuracy": m.balanced_accuracy_score(y, predicted),
        "kappa_quadratic": m.cohen_kappa_score(y, predicted, weights="quadratic"),
        "precision": floats(m.precision_score(y, predicted, average=None)),
        "recall": floats(m.recall_score(y, predicted, average=None)),
        # Of rows rounded to few decimals, which do not sum to 1: by the formulas that scikit-learn documents.
        "brier": float(m.brier_score_loss(y, double[:, 1]) if classes == 2 and decimals > 5 else
                       (brier / 2 if classes == 2 else brier)),
        "log_loss": float(-np.log(np.clip(double[np.arange(rows), y], step, 1 - step)).mean()),
    }


def delong(rng):
    """The same areas through the covariance matrix of placements, straight from DeLong's definition."""
    y = np.r_[np.ones(23, bool), np.zeros(31, bool)]
    scores = [np.round(rng.normal(size=54) + shift * y, 1).astype(np.float32) for shift in (1.0, 0.5)]
    areas, v10, v01 = [], [], []
    for s in scores:
        wins = (s[y][:, None] > s[~y][None]) + 0.5 * (s[y][:, None] == s[~y][None])
        areas.append(wins.mean()), v10.append(wins.mean(1)), v01.append(wins.mean(0))
    cov = np.cov(v10) / y.sum() + np.cov(v01) / (~y).sum()
    z = (areas[0] - areas[1]) / np.sqrt(cov[0, 0] + cov[1, 1] - 2 * cov[0, 1])
    return {"positive": y.tolist(), "a": floats(scores[0]), "b": floats(scores[1]), "areas": floats(areas),
            "variances": [cov[0, 0], cov[1, 1]], "z": float(z), "p": float(2 * scipy.stats.norm.sf(abs(z)))}


def survival(rng):
    n = 80
    risk = np.round(rng.normal(size=n), 1)
    time = np.round(rng.exponential(10 * np.exp(-0.7 * risk)) + 1, 0)
    censor = np.round(rng.exponential(20, n) + 1, 0)
    event, time = time <= censor, np.minimum(time, censor)
    y = Surv.from_arrays(event, time)
    times = np.quantile(time[event], [0.25, 0.5, 0.75], method="lower")
    curve_times = np.array([2.0, 4.0, 6.0, 8.0])
    curves = np.exp(-np.outer(np.exp(0.7 * risk) / 10, curve_times)).astype(np.float32)
    auc, _ = cumulative_dynamic_auc(y, y, risk, times)
    return {"risk": floats(risk), "time": floats(time), "event": event.tolist(),
            "c_index": concordance_index_censored(event, time, risk)[0],
            "times": floats(times), "auroc": floats(auc), "curve_times": floats(curve_times), "curves": floats(curves),
            "brier": floats(brier_score(y, y, curves, curve_times)[1]),
            "integrated_brier": float(integrated_brier_score(y, y, curves, curve_times))}


def regression(rng):
    target = np.round(rng.normal(size=40), 1)
    value = np.round(0.6 * target + 0.5 * rng.normal(size=40), 1)
    return {"value": floats(value), "target": floats(target), "mae": m.mean_absolute_error(target, value),
            "rmse": m.root_mean_squared_error(target, value), "r2": m.r2_score(target, value),
            "spearman": float(scipy.stats.spearmanr(value, target).statistic)}


def main():
    rng = np.random.default_rng(20)
    parity = {
        "made_with": {"scikit-learn": sklearn.__version__, "scipy": scipy.__version__,
                      "scikit-survival": sksurv.__version__, "numpy": np.__version__},
        "classification": [classification(rng, 40, 2, 7), classification(rng, 60, 3, 1), classification(rng, 90, 5, 2)],
        "delong": delong(rng), "survival": survival(rng), "regression": regression(rng),
    }
    target = pathlib.Path(__file__).with_name("parity.json")
    target.write_text(json.dumps(parity) + "\n")


if __name__ == "__main__":
    main()
