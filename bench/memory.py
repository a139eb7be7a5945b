#!/usr/bin/python3
"""How much memory the program takes to score large photos at their own size.

    memory.py [--tool PATH] [--threads N] [--quick]

Writes models of random numbers (RN50, ViT-B/32; f32) and JPEG photos, runs `qualiclip score` on each
and prints its peak resident set, the model's mapped file included, beside what is promised.  Takes
minutes for the 12-megapixel photos and more for 50 megapixels; --quick leaves the latter out.
Exit status 1 if a promise is broken.
"""
import argparse
import os
import subprocess
import sys
import tempfile
import time

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(ROOT, "test", "reference"), os.path.join(ROOT, "test", "parity")]

from tool import Tool  # noqa: E402

PROMISES = (  # model, width, height, megabytes
    ("rn50", 3000, 4000, 700),
    ("rn50", 4000, 3000, 700),
    ("vit-b-32", 3000, 4000, 900),
    ("rn50", 8660, 5774, 1000),
)
# In a process of its own, which takes more memory than what is measured.
MAKE = """
import sys
sys.path.insert(0, sys.argv[1])
import torch
from PIL import Image
from clip_reference import ModifiedResNet, VisionTransformer
from random_weights import randomize, random_prompts, save_qualiclip
towers = {"rn50": lambda: ModifiedResNet(64, (3, 4, 6, 3), 1024, 224),
          "vit-b-32": lambda: VisionTransformer(768, 12, 32, 512, 224)}
for name, new_tower in towers.items():
    visual = randomize(new_tower(), seed=14)
    features = torch.nn.functional.normalize(torch.randn(3, visual.embed), dim=1)
    save_qualiclip("%s/%s.pth" % (sys.argv[3], name), visual, random_prompts(features, 7, 7))
photo = Image.open(sys.argv[2]).convert("RGB")
for size in sys.argv[4:]:
    photo.resize([int(side) for side in size.split("x")], Image.BICUBIC).save(
        "%s/%s.jpg" % (sys.argv[3], size), quality=90)
"""


def make_files(tool, directory, promises):
    photo = os.path.join(ROOT, "test", "photos", "dandelions.jpg")
    sides = ["%dx%d" % promise[1:3] for promise in promises]
    subprocess.run([sys.executable, "-c", MAKE, os.path.join(ROOT, "test", "reference"), photo,
                    directory, *sides], check=True)
    for name in {promise[0] for promise in promises}:
        checkpoint = os.path.join(directory, name + ".pth")
        tool.convert(checkpoint, os.path.join(directory, name + ".gguf"), "f32")
        os.remove(checkpoint)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tool", default=os.path.join(ROOT, "build", "qualiclip"))
    parser.add_argument("--threads", default="0")
    parser.add_argument("--quick", action="store_true", help="up to 12 megapixels")
    options = parser.parse_args()
    tool, broken = Tool(os.path.abspath(options.tool)), 0
    promises = [p for p in PROMISES if not options.quick or p[1] * p[2] <= 12e6]
    with tempfile.TemporaryDirectory(prefix="memory-") as directory:
        make_files(tool, directory, promises)
        print("model      photo       peak MB  promised   seconds")
        for name, width, height, promised in promises:
            start = time.monotonic()
            peak = tool.peak_bytes("score", "-m", os.path.join(directory, name + ".gguf"),
                                   "--threads", options.threads,
                                   os.path.join(directory, "%dx%d.jpg" % (width, height))) / 1e6
            broken += not peak <= promised
            print("%-10s %4dx%-5d %9.0f %9d %9.1f%s" % (
                name, width, height, peak, promised, time.monotonic() - start,
                "" if peak <= promised else "   BROKEN"), flush=True)
    sys.exit(1 if broken else 0)


if __name__ == "__main__":
    main()
