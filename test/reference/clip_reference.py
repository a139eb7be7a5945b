"""CLIP's image towers in PyTorch: what the library must compute, written to be read.

Everything here is ordinary PyTorch with the state-dict names of OpenAI's checkpoints, one image at a
time, without any of the library's short cuts: BatchNorm is not folded, the attention pool computes
every token.  It may not import anything of the library, and nothing in the library may need it.

Random weights and the writing of checkpoints are in random_weights.py.
"""
import math
from collections import OrderedDict

import numpy
import torch
from PIL import Image
from torch import nn
from torch.nn import functional as F

torch.set_num_threads(1)

IMAGE_MEAN = (0.48145466, 0.4578275, 0.40821073)
IMAGE_STD = (0.26862954, 0.26130258, 0.27577711)
HEAD_SIZE = 64
MANY_TOKENS = 4000
POSITIONS = ("none", "grid", "flat")


# ------------------------------------------------------------------------------------ pixels

def load_pixels(path):
    """An image file as uint8 (height, width, 3); alpha is dropped, EXIF orientation ignored."""
    with Image.open(path) as image:
        return numpy.array(image.convert("RGB"))


def normalise(pixels, dtype=torch.float32):
    """uint8 (height, width, 3) -> (1, 3, height, width), at its own size."""
    planes = torch.from_numpy(numpy.ascontiguousarray(pixels)).permute(2, 0, 1).to(dtype) / 255
    mean = torch.tensor(IMAGE_MEAN, dtype=dtype).view(3, 1, 1)
    std = torch.tensor(IMAGE_STD, dtype=dtype).view(3, 1, 1)
    return ((planes - mean) / std).unsqueeze(0)


# --------------------------------------------------------------------------------- positions

def resample_positions(embedding, rows, columns, mode):
    """The rows (1 + rows * columns, width) to be added to [token 0, positions...], or None."""
    if mode == "none":
        return None
    count, width = embedding.shape
    if mode == "flat":
        resized = F.interpolate(embedding[None, None], size=(1 + rows * columns, width),
                                mode="bicubic", align_corners=False)
        return resized[0, 0]
    if mode != "grid":
        raise ValueError("positions: %r, expected one of %s" % (mode, ", ".join(POSITIONS)))
    side = math.isqrt(count - 1)
    grid = embedding[1:].reshape(1, side, side, width).permute(0, 3, 1, 2)
    grid = F.interpolate(grid, size=(rows, columns), mode="bicubic", align_corners=False)
    grid = grid.permute(0, 2, 3, 1).reshape(rows * columns, width)
    return torch.cat([embedding[:1], grid])


# --------------------------------------------------------------------------------- attention

def multi_head(query, key, value, scale=HEAD_SIZE ** -0.5, mask=0):
    """softmax(scale * q k^T + mask) v for each head of 64 channels; all (..., tokens, width)."""
    def split(x):
        return x.reshape(*x.shape[:-1], -1, HEAD_SIZE).transpose(-2, -3)

    def attend(q, k, v):
        return torch.softmax(scale * q @ k.transpose(-1, -2) + mask, dim=-1) @ v

    if query.shape[-2] > MANY_TOKENS:  # the weights of all heads would take gigabytes
        heads = zip(*(split(x) for x in (query, key, value)))
        mixed = torch.stack([attend(*head) for head in heads])
    else:
        mixed = attend(split(query), split(key), split(value))
    return mixed.transpose(-2, -3).reshape(query.shape)


class SelfAttention(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.in_proj_weight = nn.Parameter(torch.empty(3 * width, width))
        self.in_proj_bias = nn.Parameter(torch.empty(3 * width))
        self.out_proj = nn.Linear(width, width)
        self.scale = HEAD_SIZE ** -0.5
        self.mask = 0

    def forward(self, x):
        query, key, value = F.linear(x, self.in_proj_weight, self.in_proj_bias).chunk(3, dim=-1)
        mask, tokens = self.mask, x.shape[-2]
        if torch.is_tensor(mask):
            mask = mask[:tokens, :tokens]
        return self.out_proj(multi_head(query, key, value, self.scale, mask))


# --------------------------------------------------------------------------------------- ViT

class QuickGELU(nn.Module):
    def forward(self, x):
        return x * torch.sigmoid(1.702 * x)


class ResidualBlock(nn.Module):
    def __init__(self, width, activation):
        super().__init__()
        self.attn = SelfAttention(width)
        self.ln_1 = nn.LayerNorm(width)
        self.mlp = nn.Sequential(OrderedDict([
            ("c_fc", nn.Linear(width, 4 * width)),
            ("gelu", activation()),
            ("c_proj", nn.Linear(4 * width, width)),
        ]))
        self.ln_2 = nn.LayerNorm(width)

    def forward(self, x):
        x = x + self.attn(self.ln_1(x))
        return x + self.mlp(self.ln_2(x))


class VisionTransformer(nn.Module):
    """Section 2 of the models' description; `activation` is QuickGELU or nn.GELU (exact)."""

    def __init__(self, width, layers, patch, embed, resolution, activation=QuickGELU):
        super().__init__()
        self.patch, self.resolution, self.embed = patch, resolution, embed
        self.conv1 = nn.Conv2d(3, width, patch, stride=patch, bias=False)
        self.class_embedding = nn.Parameter(torch.empty(width))
        self.positional_embedding = nn.Parameter(
            torch.empty(1 + (resolution // patch) ** 2, width))
        self.ln_pre = nn.LayerNorm(width)
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.ModuleList(
            ResidualBlock(width, activation) for _ in range(layers))
        self.ln_post = nn.LayerNorm(width)
        self.proj = nn.Parameter(torch.empty(width, embed))
        self.resample_positions = resample_positions

    def forward(self, images, positions="none", patches_leave=False):
        """(1, 3, height, width) normalised pixels -> (1, embed) feature, not of unit length; or
        (1 + patches, embed), those of its patches behind it."""
        patches = self.conv1(images)[0]  # incomplete patches are dropped
        rows, columns = patches.shape[1:]
        tokens = torch.cat([self.class_embedding[None], patches.flatten(1).t()])
        added = self.resample_positions(self.positional_embedding, rows, columns, positions)
        if added is not None:
            tokens = tokens + added
        tokens = self.ln_pre(tokens)
        for block in self.transformer.resblocks:
            tokens = block(tokens)
        return self.ln_post(tokens if patches_leave else tokens[:1]) @ self.proj


# ---------------------------------------------------------------------------------------- text

class TextTransformer(nn.Module):
    """Section 4 of the models' description: all positions are computed, under a causal mask."""

    def __init__(self, width, layers, tokens, embed, context=77, activation=QuickGELU):
        super().__init__()
        self.context = context
        self.token_embedding = nn.Embedding(tokens, width)
        self.positional_embedding = nn.Parameter(torch.empty(context, width))
        self.transformer = nn.Module()
        self.transformer.resblocks = nn.ModuleList(
            ResidualBlock(width, activation) for _ in range(layers))
        self.ln_final = nn.LayerNorm(width)
        self.text_projection = nn.Parameter(torch.empty(width, embed))
        for block in self.transformer.resblocks:
            block.attn.mask = torch.full((context, context), -math.inf).triu(1)

    def forward(self, ids):
        """A list of token ids -> (embed) feature, not of unit length."""
        padded = torch.tensor(ids + [0] * (self.context - len(ids)))
        return self.run(self.token_embedding(padded), padded.argmax())

    def run(self, vectors, end):
        """Tokens as vectors (..., tokens, width) -> the feature, which is taken at token `end`."""
        x = vectors + self.positional_embedding[:vectors.shape[-2]]
        for block in self.transformer.resblocks:
            x = block(x)
        return self.ln_final(x[..., end, :]) @ self.text_projection


@torch.no_grad()
def embed_text(tower, ids):
    feature = tower.eval()(ids)
    return feature / feature.norm()


# -------------------------------------------------------------------------------- ModifiedResNet

class Bottleneck(nn.Module):
    def __init__(self, inputs, planes, halves):
        super().__init__()
        outputs = 4 * planes
        self.conv1 = nn.Conv2d(inputs, planes, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(planes)
        self.conv2 = nn.Conv2d(planes, planes, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(planes)
        self.pool = nn.AvgPool2d(2) if halves else nn.Identity()
        self.conv3 = nn.Conv2d(planes, outputs, 1, bias=False)
        self.bn3 = nn.BatchNorm2d(outputs)
        self.downsample = None
        if halves or inputs != outputs:
            self.downsample = nn.Sequential(OrderedDict([
                ("pool", nn.AvgPool2d(2) if halves else nn.Identity()),
                ("0", nn.Conv2d(inputs, outputs, 1, bias=False)),
                ("1", nn.BatchNorm2d(outputs)),
            ]))

    def main_path(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = torch.relu(self.bn2(self.conv2(x)))
        return self.bn3(self.conv3(self.pool(x)))

    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        return torch.relu(self.main_path(x) + shortcut)


class AttentionPool(nn.Module):
    """Attention over [mean, positions...], all tokens computed, token 0 returned."""

    def __init__(self, channels, side, embed):
        super().__init__()
        self.positional_embedding = nn.Parameter(torch.empty(1 + side * side, channels))
        self.k_proj = nn.Linear(channels, channels)
        self.q_proj = nn.Linear(channels, channels)
        self.v_proj = nn.Linear(channels, channels)
        self.c_proj = nn.Linear(channels, embed)
        self.resample_positions = resample_positions
        self.scale = HEAD_SIZE ** -0.5

    def forward(self, x, positions):
        rows, columns = x.shape[2:]
        tokens = x[0].flatten(1).t()
        tokens = torch.cat([tokens.mean(dim=0, keepdim=True), tokens])
        added = self.resample_positions(self.positional_embedding, rows, columns, positions)
        if added is not None:
            tokens = tokens + added
        mixed = multi_head(self.q_proj(tokens), self.k_proj(tokens), self.v_proj(tokens),
                           self.scale)
        return self.c_proj(mixed)[:1]


class ModifiedResNet(nn.Module):
    """Section 3 of the models' description; heads of the attention pool = 32 * width / 64."""

    def __init__(self, width, blocks, embed, resolution):
        super().__init__()
        self.resolution, self.embed = resolution, embed
        self.conv1 = nn.Conv2d(3, width // 2, 3, stride=2, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(width // 2)
        self.conv2 = nn.Conv2d(width // 2, width // 2, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(width // 2)
        self.conv3 = nn.Conv2d(width // 2, width, 3, padding=1, bias=False)
        self.bn3 = nn.BatchNorm2d(width)
        self.pool = nn.AvgPool2d(2)
        inputs = width
        for stage, count in enumerate(blocks):
            planes = width << stage
            layer = []
            for index in range(count):
                layer.append(Bottleneck(inputs, planes, halves=stage > 0 and index == 0))
                inputs = 4 * planes
            setattr(self, "layer%d" % (stage + 1), nn.Sequential(*layer))
        self.attnpool = AttentionPool(inputs, resolution // 32, embed)

    def stem(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = torch.relu(self.bn2(self.conv2(x)))
        return self.pool(torch.relu(self.bn3(self.conv3(x))))

    def forward(self, images, positions="none"):
        """(1, 3, height, width) normalised pixels -> (1, embed) feature, not of unit length."""
        x = self.stem(images)
        x = self.layer4(self.layer3(self.layer2(self.layer1(x))))
        return self.attnpool(x, positions)


# ------------------------------------------------------------------------------------- scores

@torch.no_grad()
def embed(visual, pixels, positions="none"):
    """uint8 (height, width, 3) -> the unit feature (embed), in the module's own precision."""
    dtype = next(visual.parameters()).dtype
    feature = visual.eval()(normalise(pixels, dtype), positions)[0]
    return feature / feature.norm()


@torch.no_grad()
def score(features, prompts, logit_scale=100.0, temperature=1.0):
    """Unit features (..., embed), unit prompts (2 * pairs, embed): positive, negative, ...

    Returns (score, probabilities of the positive prompts)."""
    logits = logit_scale * (features @ prompts.t()) / temperature
    pairs = torch.sigmoid(logits[..., 0::2] - logits[..., 1::2])
    return pairs.mean(dim=-1), pairs
