#!/usr/bin/python3
"""Writes test/golden/resize/: what Pillow makes of noise at other sizes.

cases.txt has one case a line: RULE SEED WIDTH HEIGHT OUT_WIDTH OUT_HEIGHT, where RULE is `resize`
(to OUT_WIDTH x OUT_HEIGHT) or one that sizes.views() takes; expected.bin has the pixels of the
results, R, G, B, R, ..., one after the other.  The test makes the same noise.
"""
import os

import PIL

import sizes

RESIZE = (  # from, to
    ((1, 1), (1, 1)), ((1, 1), (7, 3)), ((1, 1), (2, 1)), ((2, 1), (1, 1)), ((1, 2), (1, 1)),
    ((2, 2), (1, 1)), ((2, 2), (3, 3)), ((3, 2), (2, 3)), ((1, 9), (5, 4)), ((9, 1), (4, 5)),
    ((5, 5), (4, 4)), ((5, 5), (5, 4)), ((5, 5), (4, 5)), ((5, 5), (6, 6)), ((8, 8), (16, 16)),
    ((16, 16), (8, 8)), ((17, 13), (16, 12)), ((16, 12), (17, 13)), ((31, 29), (7, 40)),
    ((29, 31), (40, 7)), ((100, 3), (9, 30)), ((3, 100), (30, 9)), ((64, 48), (24, 32)),
    ((97, 51), (31, 17)), ((51, 97), (17, 31)), ((200, 150), (3, 2)), ((200, 150), (1, 1)),
    ((333, 222), (33, 22)), ((641, 479), (21, 22)), ((1000, 700), (10, 7)), ((1999, 3), (13, 5)),
    ((3, 1999), (5, 13)), ((4099, 1), (5, 1)), ((1, 4099), (1, 5)), ((300, 200), (31, 200)),
    ((40, 300), (40, 31)),
)
CROP = (
    ("crop8", (8, 8)), ("crop8", (16, 16)), ("crop8", (8, 9)), ("crop8", (8, 11)),
    ("crop8", (13, 8)), ("crop8", (9, 8)), ("crop8", (15, 8)), ("crop8", (1, 1)),
    ("crop8", (3, 5)), ("crop8", (7, 2)), ("crop8", (30, 20)), ("crop8", (20, 30)),
    ("crop8", (101, 100)), ("crop8", (100, 101)), ("crop8", (640, 427)), ("crop8", (427, 640)),
    ("crop8", (1, 100)), ("crop8", (1000, 3)), ("crop1", (10, 7)), ("crop1", (7, 10)),
    ("crop15", (33, 47)), ("crop15", (200, 90)), ("crop32", (33, 50)), ("crop32", (32, 57)),
    ("crop32", (59, 32)), ("crop32", (1920, 1080)),
)
LONG = (
    ("long=16", (16, 16)), ("long=16", (16, 3)), ("long=16", (5, 4)), ("long=16", (17, 17)),
    ("long=16", (17, 5)), ("long=16", (5, 17)), ("long=16", (32, 1)), ("long=16", (1, 700)),
    ("long=16", (64, 2)), ("long=16", (64, 6)), ("long=16", (62, 6)), ("long=20", (161, 300)),
    ("long=20", (300, 161)), ("long=31", (1234, 57)), ("long=31", (57, 1234)),
    ("long=1", (9, 9)), ("long=1", (1, 2)),
)


def main():
    directory = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "resize")
    os.makedirs(directory, exist_ok=True)
    cases = [("resize", size, goal) for size, goal in RESIZE]
    cases += [(rule, size, None) for rule, size in CROP + LONG]
    with open(os.path.join(directory, "cases.txt"), "w") as text, \
            open(os.path.join(directory, "expected.bin"), "wb") as pixels:
        text.write("# RULE SEED WIDTH HEIGHT OUT_WIDTH OUT_HEIGHT; made by "
                   "test/reference/make_resize_golden.py with Pillow %s\n" % PIL.__version__)
        for seed, (rule, (width, height), goal) in enumerate(cases):
            image = sizes.noise(seed, width, height)
            result = sizes.resize(image, *goal) if goal else sizes.views(image, rule)[0]
            text.write("%s %d %d %d %d %d\n" % (rule, seed, width, height, result.shape[1],
                                                result.shape[0]))
            pixels.write(result.tobytes())


if __name__ == "__main__":
    main()
