#!/usr/bin/python3
"""Every format x tower x profile at full size against PyTorch.

    recipes.py [--full] [--only NAME,...] [--tool PATH] [--vocab bpe_simple_vocab_16e6.txt]

Writes CLIPs of random numbers in the containers that people hold, converts them, and compares with
PyTorch on photos: image features (2e-5) at every size and with every kind of positions, the features
of every profile's prompts (2e-5), scores and their parts (1e-4).

Without --full the matrix is cut where a cell follows from its neighbours:
 - A container decides nothing but the numbers in the model file, so beyond the first container of
   a tower the files' tensors are compared, bit by bit, instead of features.
 - A profile decides texts, scale, temperature, size and read-out, none of which knows the tower:
   all of them run on small towers and the full-size ViT-B/32 and RN50 (liqe-mix and its 495 texts
   on small towers only).
 - ViT-B/16, ViT-L/14, RN101 and RN50x4 run with full widths and fewer layers.
--full runs every cell (liqe-mix for one container of a tower: its 495 texts are the text tower's
matter, whose tensors are compared), and native size on a photo of 12 megapixels (large.py: one of 3).
"""
import argparse
import os
import resource
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "test", "reference"))

import torch  # noqa: E402
from PIL import Image  # noqa: E402
from torch.nn import GELU  # noqa: E402

from clip_reference import load_pixels  # noqa: E402
from clip_tokenizer import Tokenizer, read_merges  # noqa: E402
from clips import SHAPES, Clip  # noqa: E402
from formats import FORMATS  # noqa: E402
from parity import FEATURE_TOLERANCE, farthest  # noqa: E402
from profiles import image_features  # noqa: E402
from text import fetch_vocabulary  # noqa: E402
from tool import Tool  # noqa: E402
from tower_run import CONVERTED, ENCODED, SMALL, Plan, TowerRun, Worst  # noqa: E402


# ----------------------------------------------------------------------------------- photos

def make_photos(directory):
    """Real photos: one of an odd size, one of several tiles, one that is wide: {name: path}."""
    source = os.path.join(ROOT, "test", "photos")
    paths = {}
    for name, file, size in (("161x300", "bikes-161x300.png", (161, 300)),
                             ("296x260", "dandelions.jpg", (296, 260)),
                             ("768x432", "dandelions.jpg", (768, 432))):
        with Image.open(os.path.join(source, file)) as photo:
            image = photo.convert("RGB").resize(size, Image.BICUBIC)
        paths[name] = os.path.join(directory, name + ".png")
        image.save(paths[name])
    return paths


# ---------------------------------------------------------------------------------- native size

def make_large_photo(directory, width, height):
    """The repository's photo side by side with its mirror images, at its own grain."""
    with Image.open(os.path.join(ROOT, "test", "photos", "dandelions.jpg")) as photo:
        one = photo.convert("RGB")
    image = Image.new("RGB", (width, height))
    for row in range(-(-height // one.height)):
        for column in range(-(-width // one.width)):
            piece = one.transpose(Image.FLIP_LEFT_RIGHT) if column % 2 else one
            piece = piece.transpose(Image.FLIP_TOP_BOTTOM) if row % 2 else piece
            image.paste(piece, (column * one.width, row * one.height))
    path = os.path.join(directory, "%dx%d.png" % (width, height))
    image.save(path)
    return path


def run_large(report, tool, directory, tower, width, height):
    """Native size without limit: a photo of megapixels, and what it takes."""
    photo = make_large_photo(directory, width, height)
    clip = Clip(tower, text_layers=1)
    checkpoint = os.path.join(directory, "large.pt")
    torch.save(clip.state(text=False), checkpoint)
    model = os.path.join(directory, "large.gguf")
    tool.run("convert", checkpoint, "-o", model)
    label = "%s %dx%d native grid" % (tower, width, height)
    start = time.monotonic()
    expected, = image_features(clip.visual, load_pixels(photo), "native", "grid")
    taken = time.monotonic() - start
    start = time.monotonic()
    found = tool.results("embed", model, [photo], "--positions", "grid")[photo]["feature"]
    print("       %s: PyTorch %.1f s, ours %.1f s" % (label, taken, time.monotonic() - start))
    report.error("feature", label, farthest(found, expected.tolist()), FEATURE_TOLERANCE)
    peak = tool.peak_bytes("embed", "-m", model, "--positions", "grid", photo)
    print("       %s: peak %.0f MB with a model file of %.0f MB" % (
        label, peak / 1e6, os.path.getsize(model) / 1e6), flush=True)
    for path in (checkpoint, model, photo):
        os.remove(path)


# --------------------------------------------------------------------------------------- plans

def formats_of(tower):
    return tuple(name for name, (_, towers) in FORMATS.items() if tower in towers)


def quick_plans():
    run = TowerRun
    return (
        Plan("vit-small", formats_of("vit-small"), (*ENCODED, "liqe-mix"), CONVERTED,
             (run.types, run.source_types, run.clip_cpp, run.text_of_another, run.own_sizes),
             photos=(*SMALL, "768x432"), sizes=("native", "crop224", "long=200", "tiles")),
        Plan("resnet-small", formats_of("resnet-small"), ENCODED, CONVERTED,
             (run.types, run.text_of_another, run.own_sizes, run.grepq),
             sizes=("native", "crop224", "tiles")),
        Plan("vit-small", ("open_clip", "open_clip-custom_text", "transformers"), ("clip-iqa",),
             activation=GELU, more=(run.clip_cpp,)),
        Plan("vit-b-32", ("torchscript", "transformers-sharded"), ENCODED, ("qualiclip+",)),
        Plan("rn50", ("torchscript", "qualiclip"), ("clip-iqa", "clip-iqa-pyiqa"), ("clip-iqa+",),
             (run.grepq,)),
        Plan("vit-b-16", ("transformers",), ("clip-iqa",), layers=2, text_layers=1),
        Plan("vit-l-14", ("torchscript",), ("clip-iqa",), layers=2, text_layers=1),
        Plan("rn101", ("plain-mixed",), ("clip-iqa",), layers=(1, 1, 4, 1), text_layers=1),
        Plan("rn50x4", ("torchscript",), ("clip-iqa",), layers=(1, 1, 2, 2), text_layers=1),
    )


def full_plans():
    vit = (TowerRun.types, TowerRun.source_types, TowerRun.clip_cpp, TowerRun.text_of_another,
           TowerRun.own_sizes)
    resnet = (TowerRun.types, TowerRun.text_of_another, TowerRun.own_sizes, TowerRun.grepq)
    return (*quick_plans()[:3],
            *(Plan(tower, formats_of(tower), ENCODED, CONVERTED,
                   vit if SHAPES[tower].is_vit else resnet, sizes=("native", "crop224", "tiles"))
              for tower in ("vit-b-32", "rn50", "vit-b-16", "vit-l-14", "rn101", "rn50x4")))


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--full", action="store_true", help="every cell; hours")
    parser.add_argument("--only", metavar="TOWER,...", help="of the towers, these")
    parser.add_argument("--tool", default=os.path.join(ROOT, "build", "qualiclip"))
    parser.add_argument("--vocab", metavar="FILE")
    options = parser.parse_args()
    tool, report = Tool(os.path.abspath(options.tool)), Worst()
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="parity-recipes-") as directory:
        vocabulary = options.vocab or fetch_vocabulary(directory)
        tokenizer = Tokenizer(read_merges(vocabulary))
        photos = make_photos(directory)
        for plan in full_plans() if options.full else quick_plans():
            if options.only and plan.tower not in options.only.split(","):
                continue
            before = time.monotonic()
            TowerRun(report, tool, vocabulary, tokenizer, directory, photos, plan,
                     options.full).run()
            print("       %s: %.1f s" % (plan.tower, time.monotonic() - before), flush=True)
        if options.full:
            for tower in ("vit-b-32", "rn50"):
                if not options.only or "large" in options.only.split(","):
                    run_large(report, tool, directory, tower, 4000, 3000)
    for kind, (value, what) in sorted(report.worst.items()):
        print("worst %-8s %.2e  %s" % (kind, value, what))
    own, others = (sum(resource.getrusage(who)[:2])
                   for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    print("CPU time: PyTorch %.0f s, the program %.0f s" % (own, others))
    print("%.0f s; %d passed, %d failed" % (time.monotonic() - start, report.passed,
                                            report.failed))
    sys.exit(1 if report.failed or not report.passed else 0)


if __name__ == "__main__":
    main()
