"""GRepQ's low-level part in PyTorch: what the library must compute, written to be read.

As clip_reference.py: ordinary PyTorch, the names of GRepQ's own checkpoint, nothing of the library.
Functions compute in the precision of what they are given.
"""
import math
from collections import OrderedDict

import numpy
import torch
from torch import nn
from torch.nn import functional as F

from random_weights import _normal, _randomize_batchnorm, _uniform, calibration_images

PATCH = 96
STABILITY = 0.001
SHARPEST, MOST_COLOURFUL = 0.75, 0.8  # what is kept, of the photo's largest
KERNEL, DEVIATION = 7, 7 / 6          # of the Gaussian window
LUMA = (0.2989, 0.587, 0.114)


# --------------------------------------------------------------------------------------- encoder

class BasicBlock(nn.Module):
    def __init__(self, inputs, outputs, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(inputs, outputs, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(outputs)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if stride != 1:
            self.downsample = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride=stride, bias=False), nn.BatchNorm2d(outputs))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        x = torch.relu(self.bn1(self.conv1(x)))
        return torch.relu(self.bn2(self.conv2(x)) + shortcut)


def stage(inputs, outputs):
    stride = 1 if inputs == outputs else 2
    return nn.Sequential(BasicBlock(inputs, outputs, stride), BasicBlock(outputs, outputs, 1))


class ResNet18(nn.Module):
    """torchvision's names, the unused classifier included; `width` is 64 in the original."""

    def __init__(self, width=64):
        super().__init__()
        self.conv1 = nn.Conv2d(3, width, 7, stride=2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(width)
        self.relu = nn.ReLU()
        self.maxpool = nn.MaxPool2d(3, stride=2, padding=1)
        self.layer1 = stage(width, width)
        self.layer2 = stage(width, 2 * width)
        self.layer3 = stage(2 * width, 4 * width)
        self.layer4 = stage(4 * width, 8 * width)
        self.avgpool = nn.AdaptiveAvgPool2d(1)
        self.fc = nn.Linear(8 * width, 10)


class Encoder(nn.Module):
    """The same modules under two names, as in GRepQ: its checkpoint holds each tensor twice."""

    def __init__(self, width):
        super().__init__()
        self.base_model = ResNet18(width)
        self.resnet18 = nn.Sequential(*list(self.base_model.children())[:-1])

    def forward(self, x):
        return self.resnet18(x).flatten(1)


class LowLevelModel(nn.Module):
    def __init__(self, width=64, features=128):
        super().__init__()
        self.encoder = Encoder(width)
        self.head = nn.Sequential(nn.Linear(8 * width, 8 * width), nn.ReLU(),
                                  nn.Linear(8 * width, features))

    def forward(self, patches):
        return self.head(self.encoder(patches))


# --------------------------------------------------------------------------------------- patches

def cut(pixels, stride, dtype=torch.float64):
    """uint8 (height, width, 3) -> (n, 3, 96, 96) from 0 to 1, row by row."""
    planes = torch.from_numpy(numpy.ascontiguousarray(pixels)).permute(2, 0, 1).to(dtype) / 255
    patches = planes.unfold(1, PATCH, stride).unfold(2, PATCH, stride)
    return patches.permute(1, 2, 0, 3, 4).reshape(-1, 3, PATCH, PATCH)


def sharpness(patches):
    """The sum over each patch of the deviations of its luma within a Gaussian window."""
    red, green, blue = patches.unbind(1)
    luma = (LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue).unsqueeze(1)
    squares = (torch.arange(KERNEL, dtype=luma.dtype) - KERNEL // 2) ** 2
    window = torch.exp(-(squares[:, None] + squares[None]) / (2 * DEVIATION ** 2))
    window = (window / window.sum())[None, None]
    mean = F.conv2d(luma, window, padding=KERNEL // 2)  # zeros around the patch
    mean_square = F.conv2d(luma ** 2, window, padding=KERNEL // 2)
    return (mean_square - mean ** 2).abs().sqrt().sum(dim=(1, 2, 3))


def colourfulness(patches):
    red, green, blue = patches.unbind(1)
    difference = (red - green).abs().flatten(1)
    opponent = ((red + green) / 2 - blue).abs().flatten(1)
    deviation = (difference.var(dim=1) + opponent.var(dim=1)).sqrt()  # n - 1
    return deviation + (difference.mean(dim=1) ** 2 + opponent.mean(dim=1) ** 2).sqrt()


def pristine_patches(pixels, margin=0.0):
    """Which patches of a photo, counted row by row without overlap, are kept.

    Fails where a patch is within `margin` (relative) of a threshold."""
    patches = cut(pixels, PATCH)

    def keep(values, share):
        limit = share * values.max()
        if bool(((values / limit - 1).abs() < margin).any()):
            raise ValueError("a patch is within %g of the threshold" % margin)
        return values > limit

    sharp = torch.nonzero(keep(sharpness(patches), SHARPEST)).flatten()
    return sharp[keep(colourfulness(patches[sharp]), MOST_COLOURFUL)]


# ---------------------------------------------------------------------------------------- scores

@torch.no_grad()
def encode(model, patches, block=16):
    return torch.cat([model.eval()(part) for part in patches.split(block)])


def statistics(features):
    """Mean and covariance (n - 1)."""
    mean = features.mean(dim=0)
    centred = features - mean
    return mean, centred.t() @ centred / (len(features) - 1)


def distance(pristine, mean, covariance):
    difference = pristine[0] - mean
    matrix = (pristine[1] + covariance) / 2 + STABILITY * torch.eye(len(mean), dtype=mean.dtype)
    return (difference @ torch.linalg.solve(matrix, difference)).sqrt()


def pristine_statistics(model, photos, margin=0.0):
    """Of the kept patches of all photos (uint8 arrays)."""
    dtype = model.head[0].weight.dtype
    kept = [cut(photo, PATCH, dtype)[pristine_patches(photo, margin)] for photo in photos]
    return statistics(encode(model, torch.cat(kept)).double())


def low_score(model, pristine, pixels):
    """1 - sigmoid(d / 100) and d; `pristine` from pristine_statistics()."""
    dtype = model.head[0].weight.dtype
    features = encode(model, cut(pixels, PATCH // 2, dtype)).double()
    found = float(distance(pristine, *statistics(features)))
    return 1 / (1 + math.exp(found / 100)), found


# --------------------------------------------------------------------------------------- weights

@torch.no_grad()
def randomize_low_level(model, seed):
    """Fills a LowLevelModel in place: nothing in it is neutral (see random_weights.py)."""
    generator = torch.Generator().manual_seed(seed)
    norms = [module for module in model.modules() if isinstance(module, nn.BatchNorm2d)]
    for module in model.modules():
        if isinstance(module, nn.Conv2d):
            inputs = module.weight[0].numel()
            module.weight.copy_(_normal(generator, module.weight.shape, 0.03 / math.sqrt(inputs)))
            # The mean over a filter's inputs taken out: or rectified channels drown the picture.
            module.weight.sub_(module.weight.mean(dim=(1, 2, 3), keepdim=True) * 0.8)
    for norm in norms:
        _randomize_batchnorm(norm, generator, 1.0)
        norm.momentum = 1.0
    for block in model.modules():
        if isinstance(block, BasicBlock):
            block.bn2.weight.mul_(0.5)
    patches = (calibration_images(generator, count=8) * 0.25 + 0.45).clamp(0, 1)
    model.encoder.train()
    seen = model.encoder(patches)
    for norm in norms:
        shift = _normal(generator, norm.running_mean.shape, 0.3)
        norm.running_mean.add_(shift * norm.running_var.sqrt())
        norm.running_var.mul_(_uniform(generator, norm.running_var.shape, 0.5, 2.0))
        norm.momentum = 0.1
    scale = 1 / seen.std()
    for layer in (model.head[0], model.head[2]):
        matrix = _normal(generator, layer.weight.shape, 1.5 / math.sqrt(layer.weight.shape[1]))
        matrix -= matrix.mean(dim=1, keepdim=True) * 0.8
        layer.weight.copy_(matrix * scale)
        layer.bias.copy_(_normal(generator, layer.bias.shape, 0.3))
        scale = 1
    return model.eval()


def save_low_level(path, model, half=False, with_optimizer=True):
    """As GRepQ's training writes it: nested twice, beside the state of an optimizer."""
    if half:
        model = model.half()
    checkpoint = {"model": {"state_dict": model.state_dict()}, "current_iteration": 7}
    if with_optimizer:
        first = model.head[0].bias
        state = {0: {"step": 7, "exp_avg": torch.zeros_like(first)}}
        group = {"lr": 1e-4, "betas": (0.9, 0.999), "eps": 1e-8, "amsgrad": False,
                 "foreach": None, "params": [0]}
        checkpoint["optimizer"] = {"state_dict": {"state": state, "param_groups": [group]}}
    torch.save(checkpoint, path)


def load_low_level(path, width=64, features=128):
    model = LowLevelModel(width, features)
    state = torch.load(path, map_location="cpu")["model"]["state_dict"]
    state = OrderedDict((name, tensor.float() if tensor.is_floating_point() else tensor)
                        for name, tensor in state.items())
    classes = state["encoder.base_model.fc.weight"].shape[0]
    model.encoder.base_model.fc = nn.Linear(8 * width, classes)
    model.load_state_dict(state, strict=True)
    return model.eval()
