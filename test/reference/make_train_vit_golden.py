#!/usr/bin/python3
"""Writes test/golden/train/vit.txt: features and gradients of small ViTs, by PyTorch in f64.

A line for each case, "case NAME", then lines of a name and two numbers: for the features and for each
gradient the norm, and the product with pseudo-random numbers.  All values come from the generator
below, which test_train_vit.c has as well, so nothing else need be stored.
"""
import os

import numpy
import torch
from torch import nn

import clip_reference
from clip_reference import QuickGELU, VisionTransformer

TEST = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
BATCH, WIDTH, HEADS, LAYERS, PATCH, FEATURE = 3, 32, 2, 2, 4, 6
# name, activation, positions, height, width
CASES = (("quick-grid", QuickGELU, "grid", 8, 8), ("exact-none", nn.GELU, "none", 9, 14))


def pseudo_random(seed, count):
    """Numbers from -1 to 1, the same on every machine."""
    x = numpy.arange(count, dtype=numpy.uint32) + numpy.uint32(seed * 0x9E3779B9 % 2 ** 32)
    for shift, factor in ((16, 0x7FEB352D), (15, 0x846CA68B), (16, 1)):
        x ^= x >> numpy.uint32(shift)
        x *= numpy.uint32(factor)
    return (x >> numpy.uint32(8)).astype(numpy.float64) / 2 ** 23 - 1


def fill(visual):
    """In the order of the tower's parameters, which is that of CLIP's checkpoints."""
    with torch.no_grad():
        for seed, (name, values) in enumerate(visual.named_parameters()):
            numbers = pseudo_random(seed, values.numel()) / 4
            if name.endswith("weight") and values.dim() == 1:
                numbers += 1
            values.copy_(torch.from_numpy(numbers.astype(numpy.float32)).view(values.shape))


def line(name, values):
    values = values.detach().double().flatten().numpy()
    return "%s %.9g %.9g\n" % (name, numpy.linalg.norm(values),
                               values @ pseudo_random(99, len(values)))


def main():
    clip_reference.HEAD_SIZE = WIDTH // HEADS
    os.makedirs(os.path.join(TEST, "golden", "train"), exist_ok=True)
    with open(os.path.join(TEST, "golden", "train", "vit.txt"), "w") as out:
        out.write("# name, norm, product; made by test/reference/make_train_vit_golden.py\n")
        for case, activation, positions, height, width in CASES:
            visual = VisionTransformer(WIDTH, LAYERS, PATCH, FEATURE, 8, activation)
            for block in visual.transformer.resblocks:
                block.attn.scale = clip_reference.HEAD_SIZE ** -0.5
            if positions == "none":
                del visual.positional_embedding
                visual.positional_embedding = None
            fill(visual)
            visual = visual.double()
            shape = (BATCH, 3, height, width)
            images = pseudo_random(100, BATCH * 3 * height * width) * 2
            images = torch.from_numpy(images.astype(numpy.float32)).view(shape).double()
            changes = torch.from_numpy(pseudo_random(101, BATCH * FEATURE).astype(numpy.float32))
            features = torch.cat([visual(image[None], positions) for image in images])
            features.backward(changes.view(BATCH, FEATURE).double())
            out.write("case %s\n" % case + line("features", features))
            for name, parameter in visual.named_parameters():
                out.write(line(name, parameter.grad))


if __name__ == "__main__":
    main()
