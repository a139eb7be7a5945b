"""Towers in PyTorch as one would train them: whole batches at a time.

WAYS: (kind, way) -> function of a shape (members of tower_shape) and the images' size to a module.
"""
import torch
from torch import nn
from torch.nn import functional as F

import clip_reference
from clip_reference import QuickGELU, VisionTransformer


class BatchedViT(nn.Module):
    """The reference's modules over a batch of images; positions are not resized."""

    def __init__(self, shape, size):
        super().__init__()
        self.visual = VisionTransformer(shape["width"], shape["layers"], shape["patch"],
                                        shape["feature"], size[0],
                                        nn.GELU if shape.get("exact_gelu") else QuickGELU)
        if not shape.get("grid"):
            self.visual.positional_embedding = None
        clip_reference.HEAD_SIZE = shape["width"] // shape["heads"]
        for name, values in self.named_parameters():
            nn.init.normal_(values, std=0.02)
        for module in self.modules():
            if isinstance(module, nn.LayerNorm):
                nn.init.ones_(module.weight)

    def blocks(self, tokens):
        for block in self.visual.transformer.resblocks:
            tokens = block(tokens)
        return tokens

    def forward(self, images):
        visual = self.visual
        patches = visual.conv1(images).flatten(2).transpose(1, 2)
        start = visual.class_embedding.expand(len(images), 1, -1)
        tokens = torch.cat([start, patches], dim=1)
        if visual.positional_embedding is not None:
            tokens = tokens + visual.positional_embedding
        tokens = self.blocks(visual.ln_pre(tokens))
        return visual.ln_post(tokens[:, 0]) @ visual.proj


class FusedViT(BatchedViT):
    """Attention by PyTorch's own function, tokens before images, as CLIP does it."""

    def __init__(self, shape, size):
        super().__init__(shape, size)
        self.heads = shape["heads"]

    def attend(self, attention, x):
        return F.multi_head_attention_forward(
            x, x, x, x.shape[-1], self.heads, attention.in_proj_weight, attention.in_proj_bias,
            None, None, False, 0.0, attention.out_proj.weight, attention.out_proj.bias,
            training=True, need_weights=False)[0]

    def blocks(self, tokens):
        tokens = tokens.transpose(0, 1).contiguous()
        for block in self.visual.transformer.resblocks:
            tokens = tokens + self.attend(block.attn, block.ln_1(tokens))
            tokens = tokens + block.mlp(block.ln_2(tokens))
        return tokens.transpose(0, 1)


WAYS = {("vit", "modules"): BatchedViT, ("vit", "fused"): FusedViT}
