#!/usr/bin/python3
"""Blends model files of one shape: every number is the weighted mean of theirs.

    weights/blend.py OUTPUT.gguf WEIGHT FILE.gguf [WEIGHT FILE.gguf]...

Fine-tuning for one thing loses a little of another; between the models before and after lies one
that has most of both (Wortsman et al., arXiv 2109.01903).  Keys, types and layout are the first
file's.  Needs numpy.
"""
import os
import sys

import numpy

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "..", "test", "reference"))
from gguf_reader import GgufFile  # noqa: E402

TYPES = {0: "<f4", 1: "<f2"}


def main(output, *arguments):
    if len(arguments) < 2 or len(arguments) % 2:
        sys.exit(__doc__)
    shares = [float(share) for share in arguments[::2]]
    files = [GgufFile(path) for path in arguments[1::2]]
    with open(arguments[1], "rb") as file:
        data = bytearray(file.read())
    for name in files[0].names:
        kind, start = files[0].place(name)
        mean = sum(share * file.tensor(name).astype(numpy.float64)
                   for share, file in zip(shares, files))
        numbers = mean.astype(TYPES[kind]).tobytes()
        data[start:start + len(numbers)] = numbers
    with open(output + ".part", "wb") as file:
        file.write(data)
    os.replace(output + ".part", output)


main(*sys.argv[1:])
