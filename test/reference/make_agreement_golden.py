#!/usr/bin/python3
"""Writes test/golden/agreement/pairs.txt: lists of pairs, and what SciPy finds in them.

A case is a line `case NAME COUNT SRCC KRCC PEARSON PLCC RMSE` and COUNT lines `x y`; the last two
are of the logistic curve of five parameters, `nan` where there are too few pairs for one.  Made with
SciPy 1.10.1.
"""
import os
import sys

import numpy as np
from scipy import stats

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "test/parity"))
import agreement  # noqa: E402

FOLDER = os.path.join(ROOT, "test/golden/agreement")


def cases(random):
    x = np.arange(8.0)
    yield "rising", x[:4], 2 * x[:4] + 1
    yield "falling", x[:3], -x[:3]
    yield "two", np.array([1.0, 2.0]), np.array([5.0, 4.0])
    yield "ties-in-x", np.array([1.0, 1, 1, 2, 2]), np.array([3.0, 1, 2, 5, 4])
    yield "ties-in-both", np.array([1.0, 1, 2, 2, 3, 3]), np.array([1.0, 1, 2, 1, 2, 2])
    for kind in ("plain", "ties", "large"):
        yield (kind, *agreement.data(random, kind, 40))
    yield "many-ties", *(random.integers(0, 3, 30).astype(float) for _ in range(2))


def main():
    random = np.random.default_rng(2)
    os.makedirs(FOLDER, exist_ok=True)
    with open(f"{FOLDER}/pairs.txt", "w") as file:
        for name, x, y in cases(random):
            plcc, rmse = agreement.fit(x, y) if len(x) == 40 else (np.nan, np.nan)
            values = (stats.spearmanr(x, y)[0], stats.kendalltau(x, y)[0], stats.pearsonr(x, y)[0],
                      plcc, rmse)
            file.write(f"case {name} {len(x)} {' '.join(f'{value:.17g}' for value in values)}\n")
            file.writelines(f"{a:.17g} {b:.17g}\n" for a, b in zip(x, y))


if __name__ == "__main__":
    main()
