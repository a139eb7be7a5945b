#!/usr/bin/env python3
"""Writes test/golden/losses_golden.h: the losses of training as PyTorch computes them, in formulas
of their own, from the numbers that test_train_losses.c makes.  Usage: make_losses_golden.py"""
import math
import os

import torch
import torch.nn.functional as F

PHOTOS, CROPS, STAGES, SIZE, TEXTS, CLASSES = 2, 2, 6, 6, 4, 25
IMAGES = PHOTOS * CROPS * STAGES + 1
BADNESS = [[[0, 0, 1.5, 2, 4, 5], [0, 1, 1.5, 2, 4, 5]], [[0, 0, 2, 2, 4, 4], [0, 0, 2, 2, 4, 4]]]
TYPES = [0, 15]  # Gaussian blur, mean shift


def numbers(seed, *shape):
    count = math.prod(shape)
    values = [math.sin(0.7 * seed + 1.3 * i + 0.01 * i * i) for i in range(count)]
    return torch.tensor(values, dtype=torch.float32).double().reshape(shape)


def main():
    features, prompts = numbers(1, IMAGES, SIZE), F.normalize(numbers(2, TEXTS, SIZE), dim=1)
    cosines = F.normalize(features, dim=1) @ prompts.T
    badness = torch.tensor([b for p in BADNESS for c in p for b in c] + [5.0]).double()
    photo = torch.tensor([i // (CROPS * STAGES) for i in range(IMAGES)])
    grid = cosines[:-1].reshape(PHOTOS, CROPS, STAGES, TEXTS)
    bad = badness[:-1].reshape(PHOTOS, CROPS, STAGES)
    terms = {}

    alike = bad[:, 0] == bad[:, 1]
    terms["consistency"] = F.relu((grid[:, 0] - grid[:, 1]).abs() - 0.02)[alike].mean()

    for name, first, sign in (("positive", 0, 1), ("negative", 1, -1)):
        hinges = []
        for p in range(PHOTOS):
            for c in range(CROPS):
                for i in range(STAGES):
                    for j in range(i + 1, STAGES):
                        difference = bad[p, c, j] - bad[p, c, i]
                        if difference == 0:
                            continue
                        margin = 0.1 * difference.abs().sqrt() * (1 if i else 0.5)
                        fall = sign * difference.sign() * (grid[p, c, i] - grid[p, c, j])
                        hinges.append(F.relu(margin - fall[first::2]))
        terms[name] = torch.cat(hinges).mean()

    sides = (cosines[:, 0::2] - cosines[:, 1::2]).mean(dim=1)
    worse = badness[None, :] - badness[:, None]
    counted = (worse >= 3) & (photo[None, :] != photo[:, None])
    hinges = F.relu(0.1 * worse.clamp(min=0).sqrt() - (sides[:, None] - sides[None, :]))
    terms["across"] = hinges[counted].mean()

    scores = torch.sigmoid(4 * (cosines[:, 0::2] - cosines[:, 1::2])).mean(dim=1)

    def divergence(wanted):
        entropy = F.binary_cross_entropy(wanted, wanted)
        return F.binary_cross_entropy(scores, wanted) - entropy

    wanted = 0.92 + (0.08 - 0.92) * badness / 5
    wanted[-1] = 0.05
    terms["calibration"] = divergence(wanted)

    outputs = features[:-1] @ numbers(3, CLASSES + 1, SIZE).T + numbers(4, CLASSES + 1)
    classes = torch.tensor([TYPES[photo[i]] if badness[i] > 0 else 24 for i in range(IMAGES - 1)])
    terms["auxiliary"] = F.cross_entropy(outputs[:, :CLASSES], classes) + F.smooth_l1_loss(
        outputs[:, CLASSES], badness[:-1])

    teacher = F.normalize(numbers(5, IMAGES, SIZE), dim=1)
    similarity = F.cosine_similarity(features, teacher).mean()
    terms["teacher"] = 0.8 * divergence(0.5 + 0.4 * numbers(6, IMAGES)) + 0.6 * (1 - similarity)

    path = os.path.join(os.path.dirname(__file__), "..", "golden", "losses_golden.h")
    with open(path, "w") as file:
        file.write("/* Made by test/reference/make_losses_golden.py: each term of the losses. */\n")
        file.write("static const double golden_terms[loss_term_count] = {\n")
        for name, value in terms.items():
            file.write(f"    [LOSS_{name.upper()}] = {value.item():.12g},\n")
        file.write("};\n")


main()
