"""The classic mistakes, each as a small change to a correct tower.

A test that only compares with the right answer does not show that it would notice a wrong one.
Every function here takes a tower, spoils it in place and returns nothing.
"""
import torch
from torch import nn
from torch.nn import functional as F

import clip_reference
from clip_reference import IMAGE_MEAN, IMAGE_STD, AttentionPool, Bottleneck, SelfAttention

# ------------------------------------------------------------------------------- both towers


def _modules(visual, kind):
    return [module for module in visual.modules() if isinstance(module, kind)]


def _constants(x):
    """Deviation and mean, shaped to go with images like x."""
    return (torch.tensor(values, dtype=x.dtype).view(3, 1, 1) for values in (IMAGE_STD, IMAGE_MEAN))


def epsilon(value):
    def spoil(visual):
        for norm in _modules(visual, (nn.LayerNorm, nn.BatchNorm2d)):
            norm.eps = value
    return spoil


def no_attention_scale(visual):
    for attention in _modules(visual, (SelfAttention, AttentionPool)):
        attention.scale = 1.0


def qkv_order(order):
    """order: what is taken for q, k and v, such as "kqv"."""
    index = ["qkv".index(letter) for letter in order]

    def spoil(visual):
        for attention in _modules(visual, SelfAttention):
            for tensor in (attention.in_proj_weight, attention.in_proj_bias):
                parts = tensor.chunk(3)
                tensor.copy_(torch.cat([parts[i].clone() for i in index]))
        for pool in _modules(visual, AttentionPool):
            parts = (pool.q_proj, pool.k_proj, pool.v_proj)
            pool.q_proj, pool.k_proj, pool.v_proj = (parts[i] for i in index)
    return spoil


def bgr(visual):
    """The pixels' channels the other way round; mean and deviation stay with their place."""
    def exchange(module, inputs):
        x = inputs[0]
        std, mean = _constants(x)
        return (((x * std + mean).flip(1) - mean) / std,)

    visual.conv1.register_forward_pre_hook(exchange)


def no_mean_and_deviation(visual):
    def raw(module, inputs):
        x = inputs[0]
        std, mean = _constants(x)
        return (x * std + mean,)

    visual.conv1.register_forward_pre_hook(raw)


# -------------------------------------------------------------------------------- positions

def _positions_by(resize):
    """Replaces the interpolation of the two-dimensional grid, for `grid` only."""
    def spoil(visual):
        owner = getattr(visual, "attnpool", visual)
        embedding = owner.positional_embedding
        side = int((embedding.shape[0] - 1) ** 0.5)
        grid = embedding[1:].reshape(1, side, side, -1).permute(0, 3, 1, 2)

        def resample(_, rows, columns, mode):
            assert mode == "grid"
            resized = resize(grid, rows, columns).permute(0, 2, 3, 1)
            return torch.cat([embedding[:1], resized.reshape(rows * columns, -1)])

        owner.resample_positions = resample
    return spoil


def _bicubic(grid, rows, columns, align_corners=False):
    return F.interpolate(grid, size=(rows, columns), mode="bicubic", align_corners=align_corners)


positions_aligned_corners = _positions_by(lambda grid, r, c: _bicubic(grid, r, c, True))
positions_bilinear = _positions_by(
    lambda grid, r, c: F.interpolate(grid, size=(r, c), mode="bilinear", align_corners=False))
positions_transposed = _positions_by(
    lambda grid, r, c: _bicubic(grid.transpose(2, 3), r, c))
positions_antialiased = _positions_by(
    lambda grid, r, c: F.interpolate(grid, size=(r, c), mode="bicubic", align_corners=False,
                                     antialias=True))


# -------------------------------------------------------------------------------------- ViT

def exact_gelu(visual):
    for block in visual.transformer.resblocks:
        block.mlp.gelu = nn.GELU()


def sample_variance(visual):
    """Division by n - 1 where n is right."""
    for norm in _modules(visual, nn.LayerNorm):
        def forward(x, norm=norm):
            variance = x.var(dim=-1, unbiased=True, keepdim=True)
            centred = x - x.mean(dim=-1, keepdim=True)
            return centred / (variance + norm.eps).sqrt() * norm.weight + norm.bias

        norm.forward = forward


def incomplete_patches_kept(visual):
    """The last rows and columns filled up with zeros to whole patches."""
    patch = visual.patch

    def fill(module, inputs):
        x = inputs[0]
        return (F.pad(x, (0, -x.shape[3] % patch, 0, -x.shape[2] % patch)),)

    visual.conv1.register_forward_pre_hook(fill)


# ----------------------------------------------------------------------------------- ResNet

class _PoolBeforeConv1(Bottleneck):
    def main_path(self, x):
        x = torch.relu(self.bn1(self.conv1(self.pool(x))))
        return self.bn3(self.conv3(torch.relu(self.bn2(self.conv2(x)))))


class _PoolBeforeConv2(Bottleneck):
    def main_path(self, x):
        x = self.pool(torch.relu(self.bn1(self.conv1(x))))
        return self.bn3(self.conv3(torch.relu(self.bn2(self.conv2(x)))))


class _PoolBeforeRelu(Bottleneck):
    def main_path(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        return self.bn3(self.conv3(torch.relu(self.pool(self.bn2(self.conv2(x))))))


class _StrideInsteadOfPool(Bottleneck):
    def main_path(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = torch.relu(self.bn2(self.conv2(x)))
        halves = isinstance(self.pool, nn.AvgPool2d)
        if halves:  # what a stride of 2 computes: every other pixel; floor, so that sizes agree
            rows, columns = x.shape[2] // 2, x.shape[3] // 2
            x = x[:, :, 0:2 * rows:2, 0:2 * columns:2]
        return self.bn3(self.conv3(x))


class _ReluBeforeAddition(Bottleneck):
    def forward(self, x):
        shortcut = x if self.downsample is None else self.downsample(x)
        return torch.relu(self.main_path(x)) + shortcut


def _bottlenecks_as(wrong_class):
    def spoil(visual):
        for block in _modules(visual, Bottleneck):
            block.__class__ = wrong_class
    return spoil


pool_before_conv1 = _bottlenecks_as(_PoolBeforeConv1)
pool_before_conv2 = _bottlenecks_as(_PoolBeforeConv2)
pool_before_relu = _bottlenecks_as(_PoolBeforeRelu)
stride_instead_of_pool = _bottlenecks_as(_StrideInsteadOfPool)
relu_before_addition = _bottlenecks_as(_ReluBeforeAddition)


def padding_before_normalisation(visual):
    """Black pixels round the image, where zeros round the normalised one are right; also what
    comes of folding the normalisation into the first convolution."""
    def pad(module, inputs):
        x = inputs[0]
        std, mean = _constants(x)
        wide = (-mean / std).expand(1, 3, x.shape[2] + 2, x.shape[3] + 2).clone()
        wide[:, :, 1:-1, 1:-1] = x
        return (wide,)

    visual.conv1.register_forward_pre_hook(pad)
    visual.conv1.padding = (0, 0)


def no_mean_token(visual):
    """The attention pool's query made of the first position."""
    pool = visual.attnpool

    def forward(x, positions):
        assert positions == "none"
        tokens = x[0].flatten(1).t()
        mixed = clip_reference.multi_head(pool.q_proj(tokens), pool.k_proj(tokens),
                                          pool.v_proj(tokens), pool.scale)
        return pool.c_proj(mixed)[:1]

    pool.forward = forward


COMMON = {
    "epsilon_1e-6": ("none", epsilon(1e-6)),
    "epsilon_1e-3": ("none", epsilon(1e-3)),
    "no_attention_scale": ("none", no_attention_scale),
    "qkv_order_kqv": ("none", qkv_order("kqv")),
    "qkv_order_qvk": ("none", qkv_order("qvk")),
    "qkv_order_vkq": ("none", qkv_order("vkq")),
    "bgr": ("none", bgr),
    "no_mean_and_deviation": ("none", no_mean_and_deviation),
    "positions_aligned_corners": ("grid", positions_aligned_corners),
    "positions_bilinear": ("grid", positions_bilinear),
    "positions_transposed": ("grid", positions_transposed),
    "positions_antialiased": ("grid", positions_antialiased),
}
VIT = dict(COMMON, **{
    "exact_gelu": ("none", exact_gelu),
    "sample_variance": ("none", sample_variance),
    "incomplete_patches_kept": ("none", incomplete_patches_kept),
})
RESNET = dict(COMMON, **{
    "pool_before_conv1": ("none", pool_before_conv1),
    "pool_before_conv2": ("none", pool_before_conv2),
    "pool_before_relu": ("none", pool_before_relu),
    "stride_instead_of_pool": ("none", stride_instead_of_pool),
    "relu_before_addition": ("none", relu_before_addition),
    "padding_before_normalisation": ("none", padding_before_normalisation),
    "no_mean_token": ("none", no_mean_token),
})
