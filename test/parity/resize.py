#!/usr/bin/python3
"""Compares the size rules with Pillow, to the bit, on some hundred images of random sizes.

    resize.py [--cases N] [--seed S]

Builds the library's resizing into a shared library of its own.  Exit status 1 if a byte differs.
"""
import argparse
import ctypes
import glob
import os
import random
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "test", "reference"))

import numpy  # noqa: E402

import sizes  # noqa: E402

KINDS = {"crop": 2, "long=": 3}  # qc_size_rule


def build(directory):
    library = os.path.join(directory, "resize.so")
    sources = [os.path.join(ROOT, "lib", name + ".c")
               for name in ("views", "resize", "image", "image_check", "pixel_format", "frame_rows",
                            "arena", "status", "message", "format", "decimal", "threads")]
    includes = ["-I" + os.path.join(ROOT, name) for name in ("include", "lib", "kernels")]
    subprocess.run(["cc", "-std=c11", "-D_POSIX_C_SOURCE=200809L", "-O3", "-ffp-contract=off",
                    "-shared", "-fPIC", "-Wl,--no-undefined", *includes, "-o", library,
                    os.path.join(HERE, "resize_entry.c"), *sources, "-lm"], check=True)
    function = ctypes.CDLL(library).make_view
    function.restype = ctypes.c_size_t
    function.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_uint32, ctypes.c_ssize_t,
                         ctypes.c_int, ctypes.c_uint32, ctypes.c_void_p, ctypes.c_size_t,
                         ctypes.c_void_p]
    return function


def ours(make_view, pixels, kind, size):
    height, width = pixels.shape[:2]
    out = numpy.zeros(3 * max(size, width, height) ** 2, numpy.uint8)
    made = (ctypes.c_uint32 * 2)()
    count = make_view(pixels.ctypes.data, width, height, pixels.strides[0], KINDS[kind], size,
                      out.ctypes.data, out.size, made)
    return out[:count].reshape(made[1], made[0], 3)


def random_side(generator, most):
    """Small sides as often as large ones."""
    return max(1, round(most ** generator.random()))


def random_case(generator, number):
    most = generator.choice((20, 300, 1500))
    width, height = random_side(generator, most), random_side(generator, most)
    if generator.random() < 0.3:
        height = width + generator.randint(0, 3)
    return (generator.choice(list(KINDS)), random_side(generator, 400),
            sizes.noise(number, width, height))


def photos():
    import clip_reference
    for path in sorted(glob.glob(os.path.join(ROOT, "test", "photos", "*.*"))):
        if path.endswith((".png", ".jpg")):
            for kind, size in (("crop", 224), ("crop", 336), ("long=", 100), ("long=", 384)):
                yield kind, size, clip_reference.load_pixels(path)


def turned(pixels, number):
    """One image in three upside down in memory: a negative stride."""
    return pixels[::-1] if number % 3 == 0 else pixels


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cases", type=int, default=600)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    generator = random.Random(options.seed)
    start, failed, count = time.monotonic(), 0, 0
    with tempfile.TemporaryDirectory(prefix="resize-") as directory:
        make_view = build(directory)
        cases = [random_case(generator, number) for number in range(options.cases)]
        for kind, size, pixels in [*cases, *photos()]:
            pixels = turned(pixels, count)
            count += 1
            expected = sizes.views(pixels, kind + str(size))[0]
            actual = ours(make_view, pixels, kind, size)
            if actual.shape != expected.shape or not numpy.array_equal(actual, expected):
                failed += 1
                print("FAILED %s%d of %d x %d" % (kind, size, pixels.shape[1], pixels.shape[0]))
    print("%d images resized as Pillow does, %d otherwise; %.0f s" % (
        count - failed, failed, time.monotonic() - start))
    sys.exit(1 if failed or count < options.cases else 0)


if __name__ == "__main__":
    main()
