"""Every container that a CLIP is handed round in, written by real PyTorch at full size.

A format is a function (clip, directory, features) -> path of what is given to `qualiclip convert`;
features are some photos' unit features, for the prompts that qualiclip.pth brings.  FORMATS says
which towers each exists for; clip.cpp's model files are not for converting, and stand by themselves.
"""
import copy
import os
import warnings
from collections import OrderedDict

import torch
from torch import nn

import checkpoint_names
import clip_cpp_gguf
from clips import SHAPES, TOKENS
from profiles import CONTEXT, PROFILES

CLIPS = tuple(SHAPES)
VITS = tuple(name for name in SHAPES if SHAPES[name].is_vit)


def _path(directory, clip, name):
    return os.path.join(directory, clip.name + "-" + name)


def save(clip, directory, name, value):
    path = _path(directory, clip, name)
    torch.save(value, path)
    return path


# ------------------------------------------------------------------------------------- PyTorch

def qualiclip(clip, directory, features):
    """The official qualiclip.pth: `clip_model.` before all names, and the prompts' features."""
    state = OrderedDict(("clip_model." + name, tensor) for name, tensor in clip.state().items())
    state["prompts_features"] = clip.stored_prompts(features)
    return save(clip, directory, "qualiclip.pth", state)


def plain(clip, directory, features):
    """LIQE.pt and the like: the dict of tensors by itself."""
    return save(clip, directory, "plain.pt", clip.state())


def plain_mixed(clip, directory, features):
    """The state dict of a clip.load()ed model on a GPU: matrices f16, norms f32."""
    return save(clip, directory, "mixed.pt", clip.state(half=True))


def params(clip, directory, features):
    """pyiqa's: under `params`, for instance LIQE's."""
    state = OrderedDict(("clip_model." + name, tensor) for name, tensor in clip.state().items())
    return save(clip, directory, "params.pth", {"params": state})


def state_dict(clip, directory, features):
    """A training run's: under `state_dict`, beside other things, `module.` before the names."""
    state = OrderedDict(("module." + name, tensor) for name, tensor in clip.state().items())
    return save(clip, directory, "epoch.pt", {"epoch": 3, "name": "run", "state_dict": state})


class _OpenAi(nn.Module):
    """The module tree of OpenAI's CLIP around copies of our towers, for tracing."""

    def __init__(self, clip):
        super().__init__()
        visual, text = copy.deepcopy(clip.visual), copy.deepcopy(clip.text)
        self.visual = visual
        self.positional_embedding = text.positional_embedding
        self.text_projection = text.text_projection
        self.logit_scale = nn.Parameter(clip.state(text=False)["logit_scale"])
        self.transformer = text.transformer
        self.token_embedding = text.token_embedding
        self.ln_final = text.ln_final
        self.register_buffer("input_resolution", torch.tensor(visual.resolution))
        self.register_buffer("context_length", torch.tensor(text.context))
        self.register_buffer("vocab_size", torch.tensor(len(text.token_embedding.weight)))

    def forward(self, images):
        return self.visual(images) * self.logit_scale.exp()


def torchscript(clip, directory, features):
    """OpenAI's own files: torch.jit.trace, matrices f16, norms and embeddings f32."""
    module = _OpenAi(clip).eval()
    image = torch.zeros(1, 3, module.visual.resolution, module.visual.resolution)
    with warnings.catch_warnings():  # that the size of the image becomes a part of it
        warnings.simplefilter("ignore")
        archive = torch.jit.trace(module, image, check_trace=False)
    halved = {name for name, tensor in clip.state(half=True).items()
              if tensor.dtype == torch.float16}
    for name, parameter in archive.named_parameters():
        if name in halved:
            parameter.data = parameter.data.half()
    path = _path(directory, clip, "openai.pt")
    archive.save(path)
    return path


# --------------------------------------------------------------------------------- safetensors

def _folder(directory, clip, name):
    path = _path(directory, clip, name)
    os.makedirs(path, exist_ok=True)
    return path


def _transformers_config(clip):
    return checkpoint_names.transformers_config(clip.state(),
                                                "quick_gelu" if clip.quick_gelu else "gelu")


def transformers(clip, directory, features):
    folder = _folder(directory, clip, "transformers")
    path = os.path.join(folder, "model.safetensors")
    checkpoint_names.write_safetensors(path, checkpoint_names.to_transformers(clip.state()))
    checkpoint_names.write_json(os.path.join(folder, "config.json"),
                                _transformers_config(clip))
    return path


def transformers_sharded(clip, directory, features):
    folder = _folder(directory, clip, "sharded")
    checkpoint_names.write_sharded(folder, checkpoint_names.to_transformers(clip.state()), 3)
    checkpoint_names.write_json(os.path.join(folder, "config.json"),
                                _transformers_config(clip))
    return os.path.join(folder, "model.safetensors.index.json")


def _open_clip_config(clip):
    if clip.shape.is_vit:
        return checkpoint_names.open_clip_config(clip.state(), clip.quick_gelu or None)
    visual = clip.visual
    stages = [len(getattr(visual, "layer%d" % (stage + 1))) for stage in range(4)]
    return {"model_cfg": {
        "embed_dim": clip.shape.embed, "quick_gelu": clip.quick_gelu,
        "vision_cfg": {"image_size": visual.resolution, "layers": stages,
                       "width": len(visual.bn3.weight), "patch_size": None},
        "text_cfg": {"context_length": 77, "vocab_size": TOKENS, "width": clip.shape.text_width,
                     "heads": clip.shape.text_width // 64,
                     "layers": len(clip.text.transformer.resblocks)}}}


def open_clip(clip, directory, features):
    """OpenCLIP's copy of OpenAI's weights: their names, F32, quick_gelu said in its config."""
    folder = _folder(directory, clip, "open_clip")
    path = os.path.join(folder, "open_clip_model.safetensors")
    checkpoint_names.write_safetensors(path, checkpoint_names.to_open_clip(clip.state(),
                                                                           attn_mask=True))
    checkpoint_names.write_json(os.path.join(folder, "open_clip_config.json"),
                                _open_clip_config(clip))
    return path


def open_clip_custom_text(clip, directory, features):
    """The text tower under `text.`, matrices f16 as the mixed state dict has them, no config."""
    path = _path(directory, clip, "custom_text.safetensors")
    checkpoint_names.write_safetensors(
        path, checkpoint_names.to_open_clip(clip.state(half=True), custom_text=True))
    return path


FORMATS = {
    "torchscript": (torchscript, CLIPS),
    "qualiclip": (qualiclip, CLIPS),
    "plain": (plain, CLIPS),
    "plain-mixed": (plain_mixed, CLIPS),
    "params": (params, CLIPS),
    "state_dict": (state_dict, CLIPS),
    "transformers": (transformers, VITS),
    "transformers-sharded": (transformers_sharded, VITS),
    "open_clip": (open_clip, CLIPS),
    "open_clip-custom_text": (open_clip_custom_text, CLIPS),
}


def options(name, clip):
    """What a user has to say where a file does not."""
    if name == "open_clip-custom_text":
        return ("--activation", "quick_gelu" if clip.quick_gelu else "gelu")
    return ()


# -------------------------------------------------------------------------------- by themselves

def transformers_of_type(clip, directory, dtype):
    """A file all of whose numbers are f16 or bf16: compare with clip.rounded(round_all(dtype))."""
    path = _path(directory, clip, "half.safetensors")
    checkpoint_names.write_safetensors(
        path, OrderedDict((name, tensor.to(dtype) if tensor.is_floating_point() else tensor)
                          for name, tensor in checkpoint_names.to_transformers(
                              clip.state()).items()))
    return path


def clip_cpp(clip, directory, half, tokens):
    path = _path(directory, clip, "clip_cpp.gguf")
    clip_cpp_gguf.write(path, clip.state(), half, tokens, gelu=not clip.quick_gelu)
    return path


def image_tower(clip, directory):
    """The state dict of the image tower alone, without `visual.`: GRepQ's CLIP."""
    return save(clip, directory, "visual.pt", clip.visual.state_dict())


def context(clip, directory, profile, tokenizer):
    """The learned contexts as they are published: CLIP-IQA+'s a tensor by itself, QualiCLIP+'s
    pyiqa's `params`, with the embeddings of the tokens before and behind."""
    texts = PROFILES[profile].texts
    learned = clip.context(len(texts))
    if profile == "clip-iqa+":
        return save(clip, directory, "context.pt", learned)
    ids = [tokenizer.encode("X " * CONTEXT + text) for text in texts]
    padded = torch.tensor([one + [0] * (clip.text.context - len(one)) for one in ids])
    around = clip.text.token_embedding.weight.detach()[padded]
    return save(clip, directory, "context.pt", {"params": OrderedDict((
        ("prompt_learner.ctx", learned), ("prompt_learner.token_prefix", around[:, :1].clone()),
        ("prompt_learner.token_suffix", around[:, 1 + CONTEXT:].clone())))})
