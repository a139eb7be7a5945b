"""Towers in PyTorch as one would train them: whole batches at a time.

WAYS: (kind, way) -> function of a shape (members of tower_shape) and the images' size to a module.
"""
import torch
from torch import nn
from torch.nn import functional as F

import clip_reference
from clip_reference import ModifiedResNet, QuickGELU, VisionTransformer


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


class BatchedResNet(nn.Module):
    """The reference's modules over a batch of images, and attention pooling as CLIP does it, with
    the mean as the only query.  PyTorch hands its convolutions to oneDNN, in either layout."""

    layout = torch.contiguous_format

    def __init__(self, shape, size):
        super().__init__()
        visual = ModifiedResNet(shape["width"], shape["blocks"], shape["feature"], size[0])
        visual.attnpool.positional_embedding = None
        for name, values in visual.named_parameters():
            if values.dim() == 4:
                nn.init.kaiming_normal_(values, mode="fan_out")
            elif "attnpool" in name:
                nn.init.normal_(values, std=0.02)
        self.visual, self.heads = visual.to(memory_format=self.layout), shape["heads"]
        self.train()

    def pool(self, x):
        pool = self.visual.attnpool
        tokens = x.flatten(2).permute(2, 0, 1)
        tokens = torch.cat([tokens.mean(dim=0, keepdim=True), tokens])
        return F.multi_head_attention_forward(
            tokens[:1], tokens, tokens, tokens.shape[-1], self.heads, None,
            torch.cat([pool.q_proj.bias, pool.k_proj.bias, pool.v_proj.bias]), None, None, False,
            0.0, pool.c_proj.weight, pool.c_proj.bias, training=True, need_weights=False,
            use_separate_proj_weight=True, q_proj_weight=pool.q_proj.weight,
            k_proj_weight=pool.k_proj.weight, v_proj_weight=pool.v_proj.weight)[0][0]

    def forward(self, images):
        visual = self.visual
        x = visual.stem(images.to(memory_format=self.layout))
        return self.pool(visual.layer4(visual.layer3(visual.layer2(visual.layer1(x)))))


class ChannelsLastResNet(BatchedResNet):
    layout = torch.channels_last


WAYS = {("vit", "modules"): BatchedViT, ("vit", "fused"): FusedViT,
        ("resnet", "channels first"): BatchedResNet,
        ("resnet", "channels last"): ChannelsLastResNet}
