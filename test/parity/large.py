#!/usr/bin/python3
"""Full-size towers under every size rule and on a large photo, compared with PyTorch and Pillow.

    large.py [--tool PATH]

Writes checkpoints of random numbers (RN50, ViT-B/32), converts them, and compares `embed` and
`score`: crops, a resized photo, tiles and positions flat on photos of the repository, and a photo of
3 megapixels at its own size, on which peak memory is measured too.  bench/memory.py measures larger
ones, which take minutes and more memory than PyTorch can be given.  Exit status 1 if one failed.
"""
import argparse
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "test", "reference"))

import torch  # noqa: E402
from PIL import Image  # noqa: E402

import sizes  # noqa: E402
from clip_reference import (ModifiedResNet, VisionTransformer, embed, load_pixels,  # noqa: E402
                            score)
from parity import FEATURE_TOLERANCE, SCORE_TOLERANCE, Report, farthest  # noqa: E402
from random_weights import load_qualiclip, random_prompts, randomize, save_qualiclip  # noqa: E402
from tool import Tool  # noqa: E402

# name, tower, megabytes by which its packed weights exceed its file (Winograd's: 226 instead of
# 153), megabytes that a photo of 3 megapixels may take beside the model
MODELS = (("rn50", lambda: ModifiedResNet(64, (3, 4, 6, 3), 1024, 224), 73, 200),
          ("vit-b-32", lambda: VisionTransformer(768, 12, 32, 512, 224), 0, 130))
CASES = (("dandelions.jpg", "crop224", "grid"), ("dandelions.jpg", "long=300", "flat"),
         ("dandelions.jpg", "tiles", "grid"), ("bikes-161x300.png", "crop224", "flat"),
         ("bikes-161x300.png", "long=200", "none"), ("bikes-161x300.png", "crop288", "grid"),
         ("large.jpg", "native", "grid"), ("large.jpg", "tiles", "none"))


def make_images(directory):
    photos = os.path.join(ROOT, "test", "photos")
    paths = {name: os.path.join(photos, name) for name in ("dandelions.jpg", "bikes-161x300.png")}
    paths["large.jpg"] = os.path.join(directory, "large.jpg")
    with Image.open(paths["dandelions.jpg"]) as photo:
        photo.resize((1500, 2000), Image.BICUBIC).save(paths["large.jpg"], quality=92)
    return paths


def make_model(tool, directory, name, new_tower, pixels):
    visual = randomize(new_tower(), seed=14)
    features = torch.stack([embed(visual, pixels[photo], "grid")
                            for photo in ("dandelions.jpg", "bikes-161x300.png")])
    checkpoint = os.path.join(directory, name + ".pth")
    save_qualiclip(checkpoint, visual, random_prompts(features, 7, 7, 100.0), 100.0, False)
    model = os.path.join(directory, name + ".gguf")
    tool.convert(checkpoint, model, "f32")
    prompts, scale = load_qualiclip(checkpoint, visual)
    os.remove(checkpoint)
    return model, visual, prompts, scale


def compare(report, tool, model, case, path, expected):
    name, rule, positions = case
    feature, value = expected
    options = ("--size", rule, "--positions", positions)
    what = "%s %s %s %s" % (os.path.basename(model), name, rule, positions)
    found = tool.results("embed", model, [path], *options)[path]["feature"]
    report.check(what + " feature", farthest(found, feature.tolist()), FEATURE_TOLERANCE)
    found = tool.results("score", model, [path], *options)[path]["score"]
    report.check(what + " score", abs(found - float(value)), SCORE_TOLERANCE)


def compare_precisions(report, tool, model, name, path):
    """Crops in bf16 and int8 beside f32: what bench/accuracy.py measures on many photos."""
    found = {precision: torch.tensor(tool.results(
        "embed", model, [path], "--size", "crop224", "--precision", precision)[path]["feature"])
             for precision in ("f32", "bf16", "int8")}
    # A ResNet of random numbers passes every rounding on larger; measured: a third of these.
    for precision, tolerance in ((("bf16", 2e-2), ("int8", 0.15)) if name == "rn50" else
                                 (("bf16", 1e-4), ("int8", 1e-3))):
        report.check("%s %s 1 - cosine to f32" % (name, precision),
                     1 - float(found[precision] @ found["f32"]), tolerance)


def run_model(report, tool, directory, name, new_tower, unfolded, megabytes, paths):
    pixels = {photo: load_pixels(path) for photo, path in paths.items()}
    model, visual, prompts, scale = make_model(tool, directory, name, new_tower, pixels)
    for case in CASES:
        photo, rule, positions = case
        features = torch.stack([embed(visual, view, positions)
                                for view in sizes.views(pixels[photo], rule)])
        mean = features.mean(dim=0)
        expected = (mean / mean.norm(), score(mean, prompts, scale)[0])
        compare(report, tool, model, case, paths[photo], expected)
    compare_precisions(report, tool, model, name, paths["dandelions.jpg"])
    peak = tool.peak_bytes("score", "-m", model, paths["large.jpg"])
    report.check(name + " 1500x2000 megabytes beside the model",
                 (peak - os.path.getsize(model)) / 1e6 - unfolded, megabytes)
    os.remove(model)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tool", default=os.path.join(ROOT, "build", "qualiclip"))
    options = parser.parse_args()
    tool, report, start = Tool(os.path.abspath(options.tool)), Report(), time.monotonic()
    with tempfile.TemporaryDirectory(prefix="large-") as directory:
        paths = make_images(directory)
        for name, new_tower, unfolded, megabytes in MODELS:
            run_model(report, tool, directory, name, new_tower, unfolded, megabytes, paths)
    print("%.0f s; %d passed, %d failed" % (time.monotonic() - start, report.passed,
                                            report.failed))
    sys.exit(1 if report.failed or not report.passed else 0)


if __name__ == "__main__":
    main()
