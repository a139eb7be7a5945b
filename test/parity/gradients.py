#!/usr/bin/python3
"""Gradients of the towers that learn, parameter by parameter, against PyTorch.

    gradients.py [--only NAME]

PyTorch computes in f64, from the same numbers of f32; what it makes of them in f32 itself is printed
beside.  The distance of two tensors is the norm of their difference, divided by that of PyTorch's.
Exit status 1 if one is above 1e-4, or if the same call gave other bits when it was repeated.
"""
import argparse
import os
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "test", "reference"))

import numpy  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402

import clip_reference  # noqa: E402
import train_tower  # noqa: E402
from clip_reference import ModifiedResNet, QuickGELU, VisionTransformer  # noqa: E402
from parity import Report  # noqa: E402
from random_weights import calibration_images, randomize  # noqa: E402

TOLERANCE = 1e-4


class Case:
    """module: the tower in PyTorch; run(module, images) -> features of a batch; shape: tower_shape's
    members."""

    def __init__(self, name, kind, module, run, shape, batch, size, threads=1, vanishing=()):
        self.name, self.kind, self.module, self.run, self.shape = name, kind, module, run, shape
        self.batch, self.size, self.threads = batch, size, threads
        self.vanishing = vanishing  # ends of names whose gradients are 0 but for noise


# ----------------------------------------------------------------------------------------- ViT

def vit_features(positions, head_size=clip_reference.HEAD_SIZE, patches_leave=False):
    """The reference takes images one at a time."""
    def run(module, images):
        clip_reference.HEAD_SIZE = head_size
        features = [module(image[None], positions, patches_leave) for image in images]
        return torch.stack(features) if patches_leave else torch.cat(features)
    return run


def vit_case(name, width, layers, patch, feature, size, batch, threads=1, exact=False,
             positions="none", head_size=clip_reference.HEAD_SIZE, patches_leave=False):
    def module():
        visual = VisionTransformer(width, layers, patch, feature, size[0],
                                   nn.GELU if exact else QuickGELU)
        for block in visual.transformer.resblocks:
            block.attn.scale = head_size ** -0.5
        return randomize(visual, seed=3)
    shape = dict(width=width, layers=layers, patch=patch, feature=feature,
                 heads=width // head_size, exact_gelu=exact,
                 grid=size[0] // patch if positions == "grid" else 0, patches_leave=patches_leave)
    return Case(name, "vit", module, vit_features(positions, head_size, patches_leave), shape, batch,
                size, threads)


# -------------------------------------------------------------------------------------- ResNet

class Shift(nn.Module):
    """What is left of a BatchNorm that was folded into the convolution before it."""

    def __init__(self, bias):
        super().__init__()
        self.bias = nn.Parameter(bias)

    def forward(self, x):
        return x + self.bias[:, None, None]


@torch.no_grad()
def fold(module):
    """As a conversion does; each BatchNorm follows its convolution in the order of modules."""
    for name, child in list(module.named_children()):
        if isinstance(child, nn.BatchNorm2d):
            scale = child.weight / torch.sqrt(child.running_var + child.eps)
            convolution = getattr(module, name.replace("bn", "conv") if "bn" in name else "0")
            convolution.weight.mul_(scale[:, None, None, None])
            setattr(module, name, Shift(child.bias - scale * child.running_mean))
        else:
            fold(child)
    return module


# Where decisions are clear, a bias only adds what all pixels share, and the next BatchNorm takes that
# away.
VANISHING = tuple("bn%d.bias" % number for number in (1, 2, 3)) + ("downsample.1.bias",)


@torch.no_grad()
def decide(module):
    """Makes each ReLU's decision clear.  Where millions of numbers meet ReLUs some are so close to 0
    that rounding decides, and f32 (PyTorch's, too) is 1e-3 away from f64."""
    generator = torch.Generator().manual_seed(7)
    for name, norm in module.named_modules():
        if isinstance(norm, nn.BatchNorm2d):
            ends_block = "downsample" in name or ("layer" in name and name.endswith("bn3"))
            off = torch.rand(norm.bias.shape, generator=generator) < 0.2
            norm.weight.uniform_(0.3, 0.6, generator=generator)
            norm.bias.copy_(torch.where(off & (not ends_block), -6.0, 6.0) * norm.weight)
    return module


def resnet_features(positions, head_size):
    """Statistics are of a batch, and the reference's pooling takes images one at a time."""
    def run(module, images):
        clip_reference.HEAD_SIZE = head_size
        x = module.layer4(module.layer3(module.layer2(module.layer1(module.stem(images)))))
        return torch.cat([module.attnpool(image[None], positions) for image in x])
    return run


def resnet_case(name, width, blocks, feature, size, batch, threads=1, positions="none", heads=None,
                seed=3,                folded=False, decided=False):
    head_size = 32 * width // (heads or width // 2)

    def module():
        visual = ModifiedResNet(width, blocks, feature, size[0])
        visual.attnpool.scale = head_size ** -0.5
        visual = randomize(visual, seed=seed)
        if decided:
            visual = decide(visual)
        return (fold(visual) if folded else visual).train()
    shape = dict(width=width, feature=feature, heads=32 * width // head_size, blocks=blocks,
                 grid=size[0] // 32 if positions == "grid" else 0, folded=folded)
    return Case(name, "resnet", module, resnet_features(positions, head_size), shape, batch, size,
                threads, VANISHING if decided and not folded else ())


CASES = (
    resnet_case("resnet, statistics of the batch", 16, (2, 2, 2, 2), 32, (96, 96), 8),
    resnet_case("resnet, odd sizes, positions, two threads", 16, (1, 2, 1, 1), 24, (71, 71), 5,
                threads=2, positions="grid", seed=4),
    resnet_case("resnet, narrow, three threads for two images", 4, (1, 1, 1, 2), 20, (78, 101), 2,
                threads=3, heads=4),
    resnet_case("resnet, folded", 16, (2, 1, 1, 1), 32, (64, 96), 5, folded=True),
    resnet_case("rn50", 64, (3, 4, 6, 3), 1024, (224, 224), 2, threads=2, decided=True),
    resnet_case("rn50, folded", 64, (3, 4, 6, 3), 1024, (224, 224), 2, threads=2, folded=True,
                decided=True),
    vit_case("vit, QuickGELU, positions", 128, 3, 16, 32, (64, 64), 5, positions="grid"),
    vit_case("vit, GELU", 128, 3, 16, 32, (50, 83), 5, exact=True),
    vit_case("vit, heads of 32, two threads", 96, 2, 8, 24, (48, 48), 5, threads=2, head_size=32),
    vit_case("vit, one layer, three threads for two images", 64, 1, 16, 20, (33, 40), 2, threads=3,
             exact=True),
    vit_case("vit, patches leave, two threads", 128, 3, 16, 32, (50, 83), 5, threads=2,
             patches_leave=True),
    vit_case("vit-b-32", 768, 12, 32, 512, (224, 224), 2, threads=2, positions="grid"),
)


# ------------------------------------------------------------------------------------ comparison

def distance(found, expected):
    expected = expected.astype(numpy.float64)
    length = numpy.linalg.norm(expected)
    return float(numpy.linalg.norm(found - expected) / length) if length else float("inf")


def parts(name, gradient, vanishing):
    """Packed queries, keys and values are compared one by one.  Softmax does not change when a number
    is added to all keys' products with a query, so the gradient of keys' biases is 0 but for noise."""
    if name.endswith(("k_proj.bias", *vanishing)):
        return {}
    if not name.endswith(("in_proj_weight", "in_proj_bias")):
        return {name: gradient}
    query, key, value = numpy.split(gradient, 3)
    found = {name + " q": query, name + " k": key, name + " v": value}
    if name.endswith("bias"):
        del found[name + " k"]
    return found


def in_pytorch(case, module, images, changes, dtype):
    module = module.to(dtype)
    module.zero_grad()
    features = case.run(module, images.to(dtype))
    features.backward(changes.to(dtype))
    gradients = {name: parameter.grad.numpy() for name, parameter in module.named_parameters()
                 if parameter.grad is not None}
    return features.detach().numpy(), gradients


def ours(tower, images, changes):
    features = tower.forward(images.numpy())
    tower.backward(changes.numpy())
    return features, {name: gradient.copy() for name, gradient in tower.gradients.items()}


def same_bits(first, second):
    return (first[0].tobytes() == second[0].tobytes()
            and all(first[1][name].tobytes() == second[1][name].tobytes() for name in first[1]))


def compare(report, case, found, truth, rounded):
    report.check(case.name + ": features", distance(found[0], truth[0]), TOLERANCE)
    if set(found[1]) != set(truth[1]):
        report.result(case.name + ": parameters", False, set(found[1]) ^ set(truth[1]))
        return
    worst, worst_rounded = (-1.0, None), -1.0
    for name in truth[1]:
        expected, theirs = (parts(name, gradients[1][name], case.vanishing)
                            for gradients in (truth, rounded))
        for part, gradient in parts(name, found[1][name], case.vanishing).items():
            error = distance(gradient, expected[part])
            if not error <= TOLERANCE:
                report.check("%s: %s" % (case.name, part), error, TOLERANCE)
            worst = max(worst, (error, part))
            worst_rounded = max(worst_rounded, distance(theirs[part], expected[part]))
    report.check("%s: %d gradients, worst %s (PyTorch's own in f32: %.1e)"
                 % (case.name, len(truth[1]), worst[1], worst_rounded), worst[0], TOLERANCE)


def run(report, library, case):
    module = case.module()
    generator = torch.Generator().manual_seed(5)
    images = calibration_images(generator, case.batch, max(case.size))
    images = images[:, :, :case.size[0], :case.size[1]].contiguous()
    with train_tower.Tower(library, case.kind, case.shape, case.batch, case.size,
                           case.threads) as tower:
        tower.load(module.state_dict())
        leaving = (tower.tokens,) if tower.tokens else ()
        changes = torch.randn((case.batch, *leaving, case.shape["feature"]), generator=generator)
        found = ours(tower, images, changes)
        report.result(case.name + ": same bits again", same_bits(found, ours(tower, images, changes)),
                      "")
    rounded = in_pytorch(case, module, images, changes, torch.float32)
    truth = in_pytorch(case, module, images, changes, torch.float64)
    compare(report, case, found, truth, rounded)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="cases whose name contains this", default="")
    options = parser.parse_args()
    report, start = Report(), time.monotonic()
    with tempfile.TemporaryDirectory() as directory:
        library = train_tower.build(directory)
        for case in CASES:
            if options.only in case.name:
                run(report, library, case)
    print("%.0f s; %d passed, %d failed" % (time.monotonic() - start, report.passed, report.failed))
    return 1 if report.failed or not report.passed else 0


if __name__ == "__main__":
    sys.exit(main())
