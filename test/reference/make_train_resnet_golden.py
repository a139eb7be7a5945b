#!/usr/bin/python3
"""Writes test/golden/train/resnet.txt: what a step makes of small ResNets, by PyTorch in f64.

A line for each case, "case NAME", then lines of a name and two numbers, the norm and the product with
pseudo-random numbers: for the features in evaluation, then in training, then for each parameter its
gradient, and for what is only kept its value after the step.  All values come from the generator of
make_train_vit_golden.py, which test_train_resnet.c has as well.
"""
import os
import sys

import torch

import clip_reference
from clip_reference import ModifiedResNet
from make_train_vit_golden import TEST, line, pseudo_random

sys.path.insert(0, os.path.join(TEST, "parity"))
from gradients import fold  # noqa: E402

BATCH, WIDTH, HEADS, BLOCKS, FEATURE = 3, 4, 2, (1, 2, 1, 1), 6
# name, folded, positions, height, width
CASES = (("statistics-grid", False, "grid", 64, 64), ("folded-none", True, "none", 47, 70))


def values_of(visual):
    return [(name, values) for name, values in visual.state_dict().items()
            if not name.endswith("num_batches_tracked")]


def fill(visual):
    """In the order of the tower's parameters, which is that of CLIP's checkpoints."""
    for seed, (name, values) in enumerate(values_of(visual)):
        numbers = pseudo_random(seed, values.numel()) / 4
        if name.endswith("running_var") or (name.endswith("weight") and values.dim() == 1):
            numbers += 1
        values.copy_(torch.from_numpy(numbers).float().view(values.shape))


def run(visual, images, positions):
    x = visual.layer4(visual.layer3(visual.layer2(visual.layer1(visual.stem(images)))))
    return torch.cat([visual.attnpool(image[None], positions) for image in x])


def main():
    clip_reference.HEAD_SIZE = 32 * WIDTH // HEADS
    with open(os.path.join(TEST, "golden", "train", "resnet.txt"), "w") as out:
        out.write("# name, norm, product; made by test/reference/make_train_resnet_golden.py\n")
        for case, folded, positions, height, width in CASES:
            visual = ModifiedResNet(WIDTH, BLOCKS, FEATURE, height)
            visual.attnpool.scale = clip_reference.HEAD_SIZE ** -0.5
            if positions == "none":
                del visual.attnpool.positional_embedding
                visual.attnpool.positional_embedding = None
            if folded:
                fold(visual)
            fill(visual)
            visual = visual.double()
            images = torch.from_numpy(pseudo_random(100, BATCH * 3 * height * width) * 2).float()
            images = images.view(BATCH, 3, height, width).double()
            changes = torch.from_numpy(pseudo_random(101, BATCH * FEATURE)).float().double()
            with torch.no_grad():
                evaluated = run(visual.eval(), images, positions)
            features = run(visual.train(), images, positions)
            features.backward(changes.view(BATCH, FEATURE))
            out.write("case %s\n" % case + line("evaluated", evaluated)
                      + line("features", features))
            gradients = {name: parameter.grad for name, parameter in visual.named_parameters()}
            for name, values in values_of(visual):
                if name != "attnpool.k_proj.bias":  # 0 but for noise
                    out.write(line(name, gradients.get(name, values)))


if __name__ == "__main__":
    main()
