#!/usr/bin/python3
"""Writes test/golden/published: one tiny CLIP as transformers, OpenCLIP and its trainer publish it,
and what PyTorch makes of it.

Nothing about it is usual, so that whatever a config file says is needed: exact GELU, heads of 32
channels, an epsilon of 1e-3, another mean and deviation of pixels.  Its numbers are f16, bf16, f32
and f64, exact in f32.  expected.txt has a line for each result:

    KIND image NAME POSITIONS f1 ... f16
    KIND text HEX - f1 ... f16
    KIND score NAME POSITIONS score      (of the pair "Good"/"Bad")

KIND is `right`, or the name of what was overlooked; the script fails where that is too near.
"""
import copy
import math
import os
import sys

import torch
from torch import nn

import checkpoint_names as names
import clip_reference as reference
from clip_tokenizer import Tokenizer
from random_weights import randomize, randomize_text

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "golden")
DIRECTORY = os.path.join(GOLDEN, "published")
WIDTH, MLP, EMBED, PATCH, CONTEXT, EPSILON = 64, 96, 16, 8, 16, 1e-3
MEAN, DEVIATION = (0.5, 0.45, 0.4), (0.3, 0.25, 0.5)
LOGIT_SCALE, TOLERANCE = 10.0, 2e-5
IMAGES = (("64x64", "none"), ("97x51", "grid"))
TEXTS = ("", "Good", "Bad", "a &amp; b")


def narrow(tower, activation):
    """Another MLP and epsilon than the reference's classes give."""
    for block in tower.transformer.resblocks:
        block.mlp.c_fc, block.mlp.gelu = nn.Linear(WIDTH, MLP), activation()
        block.mlp.c_proj = nn.Linear(MLP, WIDTH)
    for module in tower.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = EPSILON
    return tower


def new_towers(tokens):
    reference.HEAD_SIZE = 32
    visual = reference.VisionTransformer(WIDTH, 1, PATCH, EMBED, 32)
    text = reference.TextTransformer(WIDTH, 1, tokens, EMBED, CONTEXT)
    return (randomize(narrow(visual, nn.GELU), 21), randomize_text(narrow(text, nn.GELU), 22))


def mixed_types(state):
    """Matrices f16, some of them bf16; vectors f32, one of them f64.  The model's numbers."""
    def typed(name, tensor):
        if name.endswith("mlp.c_proj.weight"):
            return tensor.bfloat16()
        if name.endswith("ln_1.bias"):
            return tensor.double()
        return tensor.half() if tensor.dim() > 1 else tensor
    return {name: typed(name, tensor) for name, tensor in state.items()}


def write_transformers(directory, state):
    names.write_sharded(directory, names.to_transformers(state), shards=2)
    config = names.transformers_config(state, "gelu", heads=2)
    config["text_config"]["num_attention_heads"] = 2
    for section in ("vision_config", "text_config"):
        config[section]["layer_norm_eps"] = EPSILON
    names.write_json(os.path.join(directory, "config.json"), config)
    names.write_json(os.path.join(directory, "preprocessor_config.json"),
                     {"do_normalize": True, "image_mean": MEAN, "image_std": DEVIATION})


def write_open_clip(directory, state):
    os.makedirs(directory, exist_ok=True)
    names.write_safetensors(os.path.join(directory, "open_clip_model.safetensors"),
                            names.to_open_clip(state))
    config = names.open_clip_config(state, head_width=32)
    config["model_cfg"]["text_cfg"]["heads"] = 2
    for section in ("vision_cfg", "text_cfg"):
        config["model_cfg"][section].update(mlp_ratio=MLP / WIDTH, norm_kwargs={"eps": EPSILON})
    config["preprocess_cfg"].update(mean=MEAN, std=DEVIATION)
    names.write_json(os.path.join(directory, "open_clip_config.json"), config)
    torch.save({"epoch": 1, "name": "tiny", "state_dict": {
        "module." + name: tensor for name, tensor in names.to_open_clip(state).items()}},
        os.path.join(directory, "epoch_1.pt"))


def results(visual, text, tokenizer):
    """(what, name, positions) -> numbers."""
    features = {}
    for string in TEXTS:
        feature = reference.embed_text(text, tokenizer.encode(string))
        features["text", string.encode("utf-8").hex() or "-", "-"] = feature
    pair = torch.stack([features["text", string.encode("utf-8").hex(), "-"]
                        for string in ("Good", "Bad")])
    for image, positions in IMAGES:
        pixels = reference.load_pixels(os.path.join(GOLDEN, "towers", image + ".png"))
        feature = reference.embed(visual, pixels, positions)
        features["image", image, positions] = feature
        features["score", image, positions] = reference.score(feature, pair, LOGIT_SCALE)[0][None]
    return features


def quick_gelu(tower):
    for block in tower.transformer.resblocks:
        block.mlp.gelu = reference.QuickGELU()


def default_epsilon(tower):
    for module in tower.modules():
        if isinstance(module, nn.LayerNorm):
            module.eps = 1e-5


def one_head(tower):
    reference.HEAD_SIZE = 64
    for block in tower.transformer.resblocks:
        block.attn.scale = 64 ** -0.5


def default_pixels(tower):
    if isinstance(tower, reference.VisionTransformer):
        reference.IMAGE_MEAN, reference.IMAGE_STD = PIXELS


PIXELS = reference.IMAGE_MEAN, reference.IMAGE_STD
OVERSIGHTS = (quick_gelu, default_epsilon, one_head, default_pixels)


def lines(kind, values):
    for (what, name, positions), numbers in values.items():
        yield " ".join([kind, what, name, positions] + ["%.9g" % x for x in numbers.tolist()]) + "\n"


@torch.no_grad()
def main():
    os.makedirs(DIRECTORY, exist_ok=True)
    tokenizer = Tokenizer([])
    visual, text = new_towers(len(tokenizer.tokens))
    state = mixed_types({
        "logit_scale": torch.tensor(math.log(LOGIT_SCALE)), **text.state_dict(),
        **{"visual." + name: tensor for name, tensor in visual.state_dict().items()}})
    write_transformers(os.path.join(DIRECTORY, "transformers"), state)
    write_open_clip(os.path.join(DIRECTORY, "open_clip"), state)
    names.write_json(os.path.join(DIRECTORY, "transformers", "vocab.json"), tokenizer.ids)
    with open(os.path.join(DIRECTORY, "transformers", "merges.txt"), "w") as out:
        out.write("#version: 0.2\n")

    visual.double().load_state_dict({name[7:]: tensor for name, tensor in state.items()
                                     if name.startswith("visual.")})
    text.double().load_state_dict({name: tensor for name, tensor in state.items()
                                   if names.is_text(name)})
    reference.IMAGE_MEAN, reference.IMAGE_STD = MEAN, DEVIATION
    right = results(visual, text, tokenizer)
    with open(os.path.join(DIRECTORY, "expected.txt"), "w") as out:
        out.write("# made by test/reference/make_published_golden.py\n")
        out.writelines(lines("right", right))
        for overlook in OVERSIGHTS:
            wrong_visual, wrong_text = copy.deepcopy(visual), copy.deepcopy(text)
            overlook(wrong_visual)
            overlook(wrong_text)
            wrong = results(wrong_visual, wrong_text, tokenizer)
            reference.HEAD_SIZE = 32
            reference.IMAGE_MEAN, reference.IMAGE_STD = MEAN, DEVIATION
            distances = {key: float((wrong[key] - right[key]).abs().max()) for key in right}
            far = {key: wrong[key] for key, distance in distances.items()
                   if key[0] != "score" and distance > 10 * TOLERANCE}
            for what in {"image", "text"} - ({"text"} if overlook is default_pixels else set()):
                if not any(key[0] == what for key in far):
                    sys.exit("%s: %s would pass: %s" % (what, overlook.__name__, distances))
            out.writelines(lines(overlook.__name__, far))


if __name__ == "__main__":
    main()
