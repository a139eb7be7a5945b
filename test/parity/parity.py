#!/usr/bin/python3
"""Full-size comparison of the program with PyTorch.

    parity.py [--quick] [--tool PATH] [--keep DIR]

Writes checkpoints of random numbers, converts them with `qualiclip convert`, and compares `embed`
and `score` on photos with PyTorch running on the same numbers: every kernel set, positions none and
grid, f32 files, and f16 files against weights rounded through f16.  Then: the same bits alone, in a
batch and on two threads; and peak memory.  Prints a line for each comparison and a sum; the exit
status is 1 if one failed.

What is left out, for time: the kernel sets in plain C run full-size models at 224x224 and positions
grid only, and nothing at 768x512; f16 files of full-size models are not run at 768x512 at all; bits are
compared there for the default kernels and small models only, and of full-size models only alone and
with everything at once; scores are compared for one of the positional modes.
"""
import argparse
import math
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "test", "reference"))

import torch  # noqa: E402
from PIL import Image  # noqa: E402

from clip_reference import (ModifiedResNet, VisionTransformer, embed, load_pixels,  # noqa: E402
                            score)
from random_weights import (load_qualiclip, random_prompts, randomize,  # noqa: E402
                            round_matrices, save_qualiclip)
from tool import Tool, ToolError  # noqa: E402

FEATURE_TOLERANCE = 2e-5
SCORE_TOLERANCE = 1e-4
LARGE_IMAGE = "768x512.png"
SLOW_KERNELS = ("reference", "reference+openblas")
WAYS = (("1", "8"), ("2", "1"), ("2", "8"))  # threads, batch


class ModelCase:
    def __init__(self, name, new_tower, full_size, pairs=7, logit_scale=100.0, half=False):
        self.name, self.new_tower, self.full_size = name, new_tower, full_size
        self.pairs, self.logit_scale, self.half = pairs, logit_scale, half


MODELS = (
    ModelCase("vit-tiny", lambda: VisionTransformer(128, 2, 16, 32, 64), False, pairs=2),
    ModelCase("vit-tiny-fp16", lambda: VisionTransformer(192, 2, 14, 48, 84), False, half=True),
    ModelCase("resnet-small", lambda: ModifiedResNet(16, (2, 2, 2, 2), 128, 384), False, pairs=1,
              logit_scale=4.0),
    ModelCase("resnet-small-fp16", lambda: ModifiedResNet(16, (1, 1, 2, 1), 64, 224), False,
              half=True),
    ModelCase("vit-b-32", lambda: VisionTransformer(768, 12, 32, 512, 224), True),
    ModelCase("vit-b-16, 1 layer", lambda: VisionTransformer(768, 1, 16, 512, 224), True),
    ModelCase("vit-l-14, 1 layer", lambda: VisionTransformer(1024, 1, 14, 768, 224), True),
    ModelCase("rn50", lambda: ModifiedResNet(64, (3, 4, 6, 3), 1024, 224), True),
)


class Report:
    def __init__(self):
        self.passed = self.failed = 0

    def check(self, what, value, limit, unit=""):
        """Passes if value <= limit; a NaN does not."""
        self.result(what, value <= limit, "%-10.3g limit %.3g%s" % (value, limit, unit))

    def result(self, what, passed, detail=""):
        if passed:
            self.passed += 1
        else:
            self.failed += 1
        print("%-6s %-62s %s" % ("ok" if passed else "FAILED", what, detail), flush=True)


# ----------------------------------------------------------------------------------- images

def make_images(directory):
    """Photos of the sizes compared, out of the repository's: {name: path}."""
    photos = os.path.join(ROOT, "test", "photos")
    paths = {}
    for name, source, size in (("224x224.png", "bikes-224x224.png", (224, 224)),
                               ("161x300.jpg", "bikes-161x300.png", (161, 300)),
                               (LARGE_IMAGE, "dandelions.jpg", (768, 512))):
        with Image.open(os.path.join(photos, source)) as photo:
            image = photo.convert("RGB").resize(size, Image.BICUBIC)
        paths[name] = os.path.join(directory, name)
        image.save(paths[name], quality=92)
    return paths


# -------------------------------------------------------------------------------- reference

def make_checkpoint(case, path, pixels):
    visual = randomize(case.new_tower(), seed=14)
    features = torch.stack([embed(visual, pixels[name], "grid") for name in sorted(pixels)
                            if name != LARGE_IMAGE or not case.full_size])
    prompts = random_prompts(features, case.pairs, 7, case.logit_scale)
    save_qualiclip(path, visual, prompts, case.logit_scale, case.half, with_text=True)


class Expected:
    """What PyTorch makes of a checkpoint's numbers."""

    def __init__(self, case, checkpoint, number_type, pixels, names):
        visual = case.new_tower()
        self.prompts, self.scale = load_qualiclip(checkpoint, visual)
        if number_type == "f16":
            round_matrices(visual)
        self.features = {(positions, name): embed(visual, pixels[name], positions)
                         for positions in ("none", "grid") for name in names}

    def score(self, positions, name, temperature=1.0):
        value, pairs = score(self.features[positions, name], self.prompts, self.scale, temperature)
        return float(value), pairs.tolist()

    def likeness(self):
        """The largest cosine of two photos' features: near 1, agreement would prove nothing."""
        largest = -1.0
        for mode in ("none", "grid"):
            matrix = torch.stack([feature for (positions, _), feature in self.features.items()
                                  if positions == mode])
            largest = max(largest, float((matrix @ matrix.t() - 2 * torch.eye(len(matrix))).max()))
        return largest

    def saturation(self):
        """How far the most extreme probability is from a half."""
        return max(abs(p - 0.5) for positions, name in self.features
                   for p in self.score(positions, name)[1])


def farthest(values, expected):
    if len(values) != len(expected):
        return math.inf
    distances = [abs(a - b) for a, b in zip(values, expected)]
    return math.nan if any(math.isnan(d) for d in distances) else max(distances)


# ------------------------------------------------------------------------------ comparisons

def compare(report, tool, model, label, expected, positions, paths, kernels, scores_too):
    """embed and score of one model, kernel set and positional mode, on several images."""
    options = ("--kernels", kernels, "--positions", positions)
    images = list(paths.values())
    start = time.monotonic()
    try:
        embedded = tool.results("embed", model, images, *options)
        scored = tool.results("score", model, images, *options) if scores_too else {}
    except ToolError as error:
        report.result("%s %s %s" % (label, kernels, positions), False, str(error))
        return
    seconds = (time.monotonic() - start) / len(images)
    for name, path in paths.items():
        value, pairs = expected.score(positions, name)
        what = "%s %s %s %s" % (label, kernels, positions, name)
        report.check(what + " feature",
                     farthest(embedded[path]["feature"],
                              expected.features[positions, name].tolist()),
                     FEATURE_TOLERANCE, "   %.2f s" % seconds)
        if scores_too:
            report.check(what + " score",
                         farthest(scored[path]["pairs"] + [scored[path]["score"]],
                                  pairs + [value]), SCORE_TOLERANCE)


def compare_temperature(report, tool, model, label, expected, paths):
    name = "224x224.png"
    scored = tool.results("score", model, [paths[name]], "--positions", "none",
                          "--temperature", "2")[paths[name]]
    value, pairs = expected.score("none", name, temperature=2.0)
    report.check(label + " temperature 2 score",
                 farthest(scored["pairs"] + [scored["score"]], pairs + [value]), SCORE_TOLERANCE)


def compare_bits(report, tool, model, label, paths, kernels, ways):
    """The numbers printed for an image, digit for digit: alone on one thread, and among others by
    these ways, (threads, batch)."""
    options = ("--kernels", kernels, "--positions", "grid")
    alone = {}
    for path in paths.values():
        alone[path] = tool.results("embed", model, [path], *options, "--threads", "1",
                                   "--batch", "1")[path]["feature"]
    many = sorted(paths.values()) * 4
    for threads, batch in ways:
        what = "threads %s, batch %s" % (threads, batch)
        extra = ("--threads", threads, "--batch", batch)
        # Results are keyed by path, so a repeated image is given under the names of copies.
        together = tool.results("embed", model, repeated(many), *options, *extra)
        same = all(together[copy]["feature"] == alone[original]
                   for copy, original in zip(repeated(many), many))
        report.result("%s %s same bits, %s" % (label, kernels, what), same)


def repeated(paths):
    """The same files under different names: a path, then the path with ./ put into it."""
    seen, names = {}, []
    for path in paths:
        seen[path] = seen.get(path, 0) + 1
        folder, name = os.path.split(path)
        names.append(os.path.join(folder, "./" * (seen[path] - 1) + name))
    return names


def compare_memory(report, tool, models, image):
    peaks = {}
    for number_type, model in models.items():
        peaks[number_type] = tool.peak_bytes("score", "-m", model, "--format", "json",
                                             "--positions", "grid", image)
    size = os.path.getsize(models["f32"])
    report.check("vit-b-32 f32 peak memory / file size (%.0f MB)" % (size / 1e6),
                 peaks["f32"] / size, 1.15)
    report.check("vit-b-32 f16 peak memory / that of f32 (%.0f MB)" % (peaks["f32"] / 1e6),
                 peaks["f16"] / peaks["f32"], 0.65)


def only(paths, name):
    return {name: paths[name]}


def without(paths, left_out):
    return {name: path for name, path in paths.items() if name != left_out}


def run_type(report, tool, case, number_type, checkpoint, model, paths, pixels):
    """Everything that is compared for one converted file."""
    label = "%s %s" % (case.name, number_type)
    tool.convert(checkpoint, model, number_type)
    chosen = without(paths, LARGE_IMAGE) if case.full_size and number_type == "f16" else paths
    start = time.monotonic()
    expected = Expected(case, checkpoint, number_type, pixels, chosen)
    print("       %s: PyTorch took %.1f s" % (label, time.monotonic() - start), flush=True)
    report.check(label + " reference: cosine of two photos", expected.likeness(), 0.99)
    report.check(label + " reference: |probability - 1/2|", expected.saturation(), 0.49)
    for index, kernels in enumerate(tool.kernels(model)):
        slow = kernels in SLOW_KERNELS
        if case.full_size and slow:
            images, modes = only(chosen, "224x224.png"), ("grid",)
        elif slow:
            images, modes = without(chosen, LARGE_IMAGE), ("none", "grid")
        else:
            images, modes = chosen, ("none", "grid")
        for positions in modes:
            compare(report, tool, model, label, expected, positions, images, kernels,
                    scores_too=positions == modes[0])
        if not (case.full_size and slow):
            large_too = index == 0 and number_type == "f32" and not case.full_size
            compare_bits(report, tool, model, label,
                         images if large_too else without(images, LARGE_IMAGE), kernels,
                         WAYS[-1:] if case.full_size else WAYS)
    if not case.full_size:
        compare_temperature(report, tool, model, label, expected, paths)


def run_model(report, tool, case, directory, paths, pixels):
    stem = os.path.join(directory, case.name.replace(", ", "-").replace(" ", "-"))
    checkpoint = stem + ".pth"
    make_checkpoint(case, checkpoint, pixels)
    models = {}
    for number_type in ("f32", "f16"):
        models[number_type] = "%s-%s.gguf" % (stem, number_type)
        run_type(report, tool, case, number_type, checkpoint, models[number_type], paths, pixels)
    if case.name == "vit-b-32":
        compare_memory(report, tool, models, paths["224x224.png"])
    return [checkpoint, *models.values()]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--quick", action="store_true", help="small models only")
    parser.add_argument("--tool", default=os.path.join(ROOT, "build", "qualiclip"))
    parser.add_argument("--keep", metavar="DIR", help="write there, and leave everything")
    options = parser.parse_args()
    tool, report = Tool(os.path.abspath(options.tool)), Report()
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="parity-") as temporary:
        directory = options.keep or temporary
        os.makedirs(directory, exist_ok=True)
        paths = make_images(directory)
        pixels = {name: load_pixels(path) for name, path in paths.items()}
        for case in MODELS:
            if options.quick and case.full_size:
                continue
            try:
                files = run_model(report, tool, case, directory, paths, pixels)
            except ToolError as error:
                report.result(case.name, False, str(error))
                continue
            if not options.keep:
                for path in files:  # some 350 MB each
                    os.remove(path)
    print("%.0f s; %d passed, %d failed" % (time.monotonic() - start, report.passed,
                                            report.failed))
    sys.exit(1 if report.failed or not report.passed else 0)


if __name__ == "__main__":
    main()
