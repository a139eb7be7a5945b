#!/usr/bin/python3
"""`qualiclip eval` beside SciPy on random scores and opinions, many of them equal.

SRCC, KRCC and Pearson's coefficient as scipy.stats has them; PLCC and RMSE after the logistic curve
as scipy.optimize.curve_fit fits it from several beginnings, the best of which counts (a lower RMSE
than SciPy's is as good, if the curve that was printed has it); intervals by a
bootstrap of NumPy's, which draws other numbers.  (Not called statistics.py: Python has one.)
"""
import json
import os
import subprocess
import sys
import tempfile
import warnings

import numpy as np
from scipy import optimize, stats

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
PROGRAM = os.environ.get("QUALICLIP", os.path.join(ROOT, "build/qualiclip"))
TOLERANCE = 1e-6


def logistic(x, b1, b2, b3, b4, b5):
    with np.errstate(over="ignore"):
        return b1 * (0.5 - 1 / (1 + np.exp(b2 * (x - b3)))) + b4 * x + b5


def fit(x, y):
    """The best curve that SciPy finds: linear correlation with y, and root of mean squared error."""
    best = None
    deviation = x.std()
    for steepness in (0.5, 1.5, 5):
        for centre in (-1, 0, 1):
            start = [np.ptp(y), steepness / deviation, x.mean() + centre * deviation, 0, y.mean()]
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    found, _ = optimize.curve_fit(logistic, x, y, start, maxfev=20000,
                                                  ftol=1e-14, xtol=1e-14, gtol=1e-14)
            except RuntimeError:
                continue
            left = logistic(x, *found) - y
            if best is None or left @ left < best[0]:
                best = left @ left, found
    mapped = logistic(x, *best[1])
    return stats.pearsonr(mapped, y)[0], np.sqrt(np.mean((mapped - y) ** 2))


def reference(x, y):
    plcc, rmse = fit(x, y)
    return {"srcc": stats.spearmanr(x, y)[0], "krcc": stats.kendalltau(x, y)[0],
            "plcc": plcc, "rmse": rmse}


def write(path, names, heading, values):
    with open(path, "w") as file:
        file.write(f"name,{heading}\n")
        file.writelines(f"{name},{value!r}\n" for name, value in zip(names, values.tolist()))


def program(folder, x, y, *options):
    names = [f"image-{i}.png" for i in range(len(x))]
    write(f"{folder}/scores.csv", names, "score", x)
    write(f"{folder}/labels.csv", names, "mos", y)
    result = subprocess.run([PROGRAM, "eval", f"--scores={folder}/scores.csv",
                             f"--mos={folder}/labels.csv", "--format=json", *options],
                            capture_output=True, text=True, check=True)
    return json.loads(result.stdout)


def data(random, kind, count):
    """Scores that opinions follow by an S, with noise; `kind` says of which numbers."""
    x = random.uniform(0, 1, count)
    y = 1 + 4 / (1 + np.exp(-random.uniform(4, 10) * (x - random.uniform(0.3, 0.7))))
    y += random.normal(0, random.uniform(0.1, 0.7), count) + random.uniform(-1, 1) * x
    if kind == "ties":
        x, y = np.round(x, 1), np.round(y * 2) / 2
    if kind == "large":
        x, y = 1e6 * x - 3e5, 100 - 20 * y  # other scales, falling
    if kind == "few levels":
        y = np.round(y)
    return x, y


def is_better_curve(ours, theirs, x, y):
    """Where the best curve is a cubic, at the end of an endless valley, SciPy stops on the way."""
    left = logistic(x, *ours["logistic"]) - y
    rmse = np.sqrt(np.mean(left ** 2))
    return (rmse < theirs["rmse"] * (1 - TOLERANCE) and
            abs(rmse - ours["rmse"]["value"]) < 1e-5 * rmse)


def check_measures(folder, random):
    worst = dict.fromkeys(("srcc", "krcc", "plcc", "rmse"), 0.0)
    for kind in ("plain", "ties", "large", "few levels"):
        for count in (40, 200, 2000):
            x, y = data(random, kind, count)
            ours, theirs = program(folder, x, y, "--resamples=0"), reference(x, y)
            found_better = is_better_curve(ours, theirs, x, y)
            for measure, expected in theirs.items():
                scale = abs(expected) if measure == "rmse" else 1
                off = abs(ours[measure]["value"] - expected) / scale
                if found_better and measure in ("plcc", "rmse"):
                    print(f"{kind}, {count} images: {measure} {ours[measure]['value']:.7f} is "
                          f"better than SciPy's {expected:.7f}")
                    continue
                worst[measure] = max(worst[measure], off)
                if not off <= TOLERANCE:
                    print(f"{kind}, {count} images: {measure} {ours[measure]['value']}, "
                          f"SciPy has {expected}")
    print("largest difference from SciPy:",
          ", ".join(f"{measure} {off:.1e}" for measure, off in worst.items()))
    return all(off <= TOLERANCE for off in worst.values())


def check_intervals(folder, random):
    """Ends of 95 % intervals of 4000 draws, which differ by chance by a few per cent of a width."""
    x, y = data(random, "ties", 120)
    ours = program(folder, x, y, "--resamples=4000")
    draws = {"srcc": [], "krcc": []}
    for _ in range(4000):
        chosen = random.integers(0, len(x), len(x))
        draws["srcc"].append(stats.spearmanr(x[chosen], y[chosen])[0])
        draws["krcc"].append(stats.kendalltau(x[chosen], y[chosen])[0])
    worst = 0.0
    for measure, values in draws.items():
        low, high = np.percentile(values, [2.5, 97.5])
        worst = max(worst, abs(ours[measure]["low"] - low) / (high - low),
                    abs(ours[measure]["high"] - high) / (high - low))
    print(f"largest difference of an interval's end from NumPy's: {100 * worst:.1f} % of its width")
    return worst <= 0.1


def main():
    random = np.random.default_rng(6)
    with tempfile.TemporaryDirectory() as folder:
        good = [check_measures(folder, random), check_intervals(folder, random)]
    return 0 if all(good) else 1


if __name__ == "__main__":
    sys.exit(main())
