#!/usr/bin/python3
"""Writes test/golden/towers/sizes.txt: photos under every size rule, by PyTorch and Pillow.

One case a line, fields separated by spaces:

    CHECKPOINT PHOTO SIZE POSITIONS WIDTH HEIGHT f1 ... f32 SCORE

CHECKPOINT is in test/golden/towers, PHOTO below test/, SIZE as the command line has it, WIDTH and
HEIGHT those of what the tower saw.  With several crops the feature is their mean, brought to length
1, and the score comes from their mean logits.  Computed in double precision.
"""
import os
import sys

import torch

import sizes
from clip_reference import embed, load_pixels, score
from make_towers_golden import TOLERANCE, new_resnet, new_vit
from random_weights import load_qualiclip

TEST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
PHOTOS = ("photos/bikes-161x300.png", "photos/bikes-224x224.png",
          "photos/dandelions-slight-blur.png", "golden/towers/97x51.png",
          "golden/towers/130x70.png")
RULES = ("native", "crop64", "crop224", "crop51", "long=64", "long=129", "long=200", "long=4000",
         "tiles")


def mean_feature(features):
    mean = features.mean(dim=0)
    return mean / mean.norm()


def main():
    path = os.path.join(TEST, "golden", "towers")
    images = {name: load_pixels(os.path.join(TEST, name)) for name in PHOTOS}
    with open(os.path.join(path, "sizes.txt"), "w") as out:
        out.write("# CHECKPOINT PHOTO SIZE POSITIONS WIDTH HEIGHT 32 numbers of the feature, SCORE;"
                  " made by test/reference/make_sizes_golden.py\n")
        for checkpoint, new_tower in (("vit.pth", new_vit), ("resnet.pth", new_resnet)):
            visual = new_tower()
            prompts, scale = load_qualiclip(os.path.join(path, checkpoint), visual)
            visual, prompts = visual.double(), prompts.double()
            for photo, pixels in images.items():
                seen = []
                for rule in RULES:
                    positions = "grid" if rule.startswith("crop") else "none"
                    views = sizes.views(pixels, rule)
                    if not views or min(views[0].shape[:2]) < 32:
                        continue  # an error
                    features = torch.stack([embed(visual, view, positions) for view in views])
                    feature = mean_feature(features)
                    value = score(features.mean(dim=0), prompts, scale)[0]
                    height, width = views[0].shape[:2]
                    numbers = ["%.9g" % x for x in feature.tolist() + [float(value)]]
                    out.write(" ".join([checkpoint, photo, rule, positions, str(width),
                                        str(height)] + numbers) + "\n")
                    if (width, height) != pixels.shape[1::-1] and not all(
                            float((feature - other).abs().max()) > 10 * TOLERANCE
                            for other in seen):
                        sys.exit("%s %s %s: another rule gives the same" % (checkpoint, photo,
                                                                          rule))
                    seen.append(feature)


if __name__ == "__main__":
    main()
