"""Whole CLIPs of random numbers in the shapes that are published, under OpenAI's names.

As in OpenAI's files every matrix and its bias is exact in f16, so a checkpoint holds the same
numbers in whatever container, f32 or f16.  The logit scale is 20, not 100: the features of random
towers know nothing of each other, and 100 would press every probability to 0 or 1.
"""
import copy
import math
from collections import OrderedDict

import torch
from torch import nn

from clip_reference import (ModifiedResNet, QuickGELU, SelfAttention, TextTransformer,
                            VisionTransformer)
from profiles import CONTEXT
from random_weights import random_prompts, randomize, randomize_text

LOGIT_SCALE = 20.0
TOKENS = 49408


class Shape:
    """new_visual(layers, activation) -> tower; layers: how many, of a ResNet in each stage."""

    def __init__(self, new_visual, layers, embed, text_width, text_layers, is_vit):
        self.new_visual, self.layers, self.embed, self.is_vit = new_visual, layers, embed, is_vit
        self.text_width, self.text_layers = text_width, text_layers


def _vit(width, layers, patch, embed, text_width, resolution=224, text_layers=12):
    return Shape(lambda layers, activation: VisionTransformer(width, layers, patch, embed,
                                                              resolution, activation),
                 layers, embed, text_width, text_layers, is_vit=True)


def _resnet(width, layers, embed, resolution, text_width, text_layers=12):
    return Shape(lambda layers, activation: ModifiedResNet(width, layers, embed, resolution),
                 layers, embed, text_width, text_layers, is_vit=False)


SHAPES = {
    "vit-b-32": _vit(768, 12, 32, 512, 512),
    "vit-b-16": _vit(768, 12, 16, 512, 512),
    "vit-l-14": _vit(1024, 24, 14, 768, 768),
    "rn50": _resnet(64, (3, 4, 6, 3), 1024, 224, 512),
    "rn101": _resnet(64, (3, 4, 23, 3), 512, 224, 512),
    "rn50x4": _resnet(80, (4, 6, 10, 6), 640, 288, 640),
    # For what is not a matter of size.
    "vit-small": _vit(128, 2, 32, 64, 128, text_layers=2),
    "resnet-small": _resnet(16, (2, 1, 2, 1), 64, 224, 64, text_layers=2),
}


@torch.no_grad()
def _round_as_openai(tower):
    """Through f16 what clip's convert_weights() makes f16; the norms and embeddings stay."""
    halved = []
    for module in tower.modules():
        if isinstance(module, (nn.Conv2d, nn.Linear)):
            halved += [module.weight, module.bias]
        elif isinstance(module, SelfAttention):
            halved += [module.in_proj_weight, module.in_proj_bias]
    halved += [getattr(tower, name, None) for name in ("proj", "text_projection")]
    for tensor in halved:
        if tensor is not None:
            tensor.copy_(tensor.half())
    return {id(tensor) for tensor in halved if tensor is not None}


def round_all(dtype):
    """For Clip.rounded(): what a checkpoint holds all of whose tensors are of that type."""
    def change(tower):
        for tensor in [*tower.parameters(), *tower.buffers()]:
            if tensor.is_floating_point():
                tensor.copy_(tensor.to(dtype))
    return torch.no_grad()(change)


class Clip:
    """visual and text are towers ready to be used; see state() for the checkpoint."""

    def __init__(self, name, seed=14, activation=QuickGELU, layers=None, text_layers=None):
        shape = SHAPES[name]
        self.name, self.shape, self.scale, self.seed = name, shape, LOGIT_SCALE, seed
        self.quick_gelu = activation is QuickGELU
        self.visual = randomize(shape.new_visual(layers or shape.layers, activation), seed)
        self.text = randomize_text(TextTransformer(
            shape.text_width, text_layers or shape.text_layers, TOKENS, shape.embed,
            activation=activation), seed + 1)
        self._halved = _round_as_openai(self.visual) | _round_as_openai(self.text)

    def state(self, half=False, text=True):
        """OpenAI's names; half: as in their archives, matrices and their biases f16."""
        state = OrderedDict()
        for prefix, tower in (("", self.text if text else None), ("visual.", self.visual)):
            if tower is None:
                continue
            for name, tensor in tower.state_dict(keep_vars=True).items():
                is_half = half and id(tensor) in self._halved
                state[prefix + name] = tensor.detach().half() if is_half else tensor.detach()
        state["logit_scale"] = torch.tensor(math.log(self.scale))
        return state

    def rounded(self, change):
        """The same with change(tower) made of copies of both towers, in place."""
        other = copy.copy(self)
        other.visual, other.text = copy.deepcopy(self.visual), copy.deepcopy(self.text)
        for tower in (other.visual, other.text):
            change(tower)
        return other

    def context(self, texts):
        """Learned vectors (texts, 16, width), as those of CLIP-IQA+ and QualiCLIP+."""
        generator = torch.Generator().manual_seed(self.seed + 2)
        return torch.randn((texts, CONTEXT, self.shape.text_width), generator=generator)

    def stored_prompts(self, features):
        """What qualiclip.pth brings as prompts_features: seven pairs about some photos' features."""
        return random_prompts(features, 7, self.seed + 3, self.scale)
