"""Writes the TorchScript archives in test/golden/checkpoints: CLIP in miniature by real PyTorch, in
OpenAI's structure and types, and what the converter must make of them (see make_checkpoints.py).
Run by hand (python3-torch); tests read the committed files.

traced_vit.pt      torch.jit.trace, as OpenAI published its models
scripted_resnet.pt torch.jit.script, with settings of every kind beside the weights
"""
import pathlib
import sys
from typing import Dict, List, Optional, Tuple

import torch
from torch import nn

sys.path.insert(0, str(pathlib.Path(__file__).parent.parent / "reference"))
sys.path.insert(0, str(pathlib.Path(__file__).parent))
import clip_reference as reference  # noqa: E402
import make_checkpoints as golden   # noqa: E402


class Clip(nn.Module):
    """The image tower works; the text tower is there and has the right names."""

    def __init__(self, visual):
        super().__init__()
        self.visual = visual
        text = reference.TextTransformer(8, 1, 5, 4, context=3)
        self.transformer = text.transformer
        self.transformer.resblocks[0].attn_mask = torch.zeros(3, 3)  # an attribute, no parameter
        self.token_embedding = text.token_embedding
        self.positional_embedding = text.positional_embedding
        self.ln_final = text.ln_final
        self.text_projection = text.text_projection
        self.logit_scale = nn.Parameter(torch.tensor(4.6))
        self.register_buffer("input_resolution", torch.tensor(224))
        self.register_buffer("context_length", torch.tensor(77))
        self.register_buffer("vocab_size", torch.tensor(49408))

    def forward(self, images):
        return self.visual(images) * self.logit_scale.exp()


def small_mlp(width):
    return nn.Sequential(golden.OrderedDict(
        c_fc=nn.Linear(width, 16), gelu=reference.QuickGELU(), c_proj=nn.Linear(16, width)))


@torch.no_grad()
def fill(module):
    """Random numbers, and the types that OpenAI's files have."""
    names = {id(parameter): name for name, parameter in module.named_parameters()}
    for parameter in module.parameters():
        parameter.copy_(golden.normal(*parameter.shape, scale=0.3))
        name = names[id(parameter)]
        is_norm = any(part.startswith(("ln_", "bn")) or part == "1" and "downsample" in name
                      for part in name.split("."))
        if not is_norm and "embedding" not in name and name != "logit_scale":
            parameter.data = parameter.data.half()
    for name, buffer in module.named_buffers():
        if name.endswith("running_mean"):
            buffer.copy_(golden.normal(*buffer.shape))
        elif name.endswith("running_var"):
            buffer.copy_(torch.exp(golden.normal(*buffer.shape)))


def save(archive, name, expected):
    archive.save(str(golden.HERE / (name + ".pt")))
    golden.write_expected(name, expected)


def traced_vit():
    visual = reference.VisionTransformer(64, 1, 4, 16, 12)
    visual.transformer.resblocks[0].mlp = small_mlp(64)
    clip = Clip(visual)
    for parameter in clip.parameters():
        nn.init.ones_(parameter)
    archive = torch.jit.trace(clip.eval(), torch.zeros(1, 3, 12, 12))
    fill(archive)
    save(archive, "traced_vit", golden.expect_vit(archive.state_dict(), 1))


class Node(nn.Module):
    """Holds parameters, buffers and modules."""

    def forward(self, x):
        return x


class NodeWithSettings(Node):
    """Has attributes of every kind besides."""
    sizes: List[int]
    pair: Tuple[int, float]
    table: Dict[str, int]
    tensors: List[torch.Tensor]
    nothing: Optional[torch.Tensor]

    def __init__(self):
        super().__init__()
        self.sizes, self.pair, self.table = [1, 2], (3, 0.5), {"four": 4}
        self.tensors, self.nothing = [torch.zeros(2)], None
        self.count, self.ratio, self.label, self.flag = 7, 1.5, "label", True


def put(node, path, module_or_tensor, is_buffer):
    for part in path[:-1]:
        if not hasattr(node, part):
            node.add_module(part, NodeWithSettings() if part == "visual" else Node())
        node = getattr(node, part)
    if is_buffer:
        node.register_buffer(path[-1], module_or_tensor)
    else:
        node.register_parameter(path[-1], nn.Parameter(module_or_tensor))


def scripted_resnet():
    clip = Clip(reference.ModifiedResNet(2, (1, 2, 1, 1), 8, 64))
    fill(clip)
    root = NodeWithSettings()
    for name, parameter in clip.named_parameters():
        put(root, name.split("."), parameter.data, False)
    for name, buffer in clip.named_buffers():
        put(root, name.split("."), buffer, True)
    # Tied, as two names of one storage.
    root.visual.attnpool.k_proj.weight = root.visual.attnpool.q_proj.weight
    save(torch.jit.script(root), "scripted_resnet",
         golden.expect_resnet(root.state_dict(), (1, 2, 1, 1)))


if __name__ == "__main__":
    traced_vit()
    scripted_resnet()
