#!/usr/bin/python3
"""Writes test/golden/profiles: the token ids of every profile's prompts, small checkpoints with a
text tower of CLIP's vocabulary and learned contexts, and the features that PyTorch gives the prompts.

    make_profiles_golden.py bpe_simple_vocab_16e6.txt

    ids.txt        SET INDEX TEXT: ids        of all texts; of liqe-mix every 25th, and
                   liqe-mix all XXH64         of all its ids, each as 4 bytes, in their order
    features.txt   SET INDEX f1 ... f16
    clip.pth       image and text tower; image.pth: the image tower alone, keys as in RN50's GRepQ
    with_context.pth    image.pth and the contexts of clip-iqa+.pth
    *.pth          learned contexts, as the programs save them, and wrong ones

The texts are those of QualiCLIP's, pyiqa's, CLIP-IQA's, LIQE's and GRepQ's published programs, and
written here apart from the library's.
"""
import itertools
import math
import os
import struct
import sys

import torch

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden"))

from clip_reference import TextTransformer, VisionTransformer, embed_text
from clip_tokenizer import Tokenizer, read_merges
from make_checkpoints import xxh64
from random_weights import randomize, randomize_text

HERE = os.path.dirname(os.path.abspath(__file__))
TARGET = os.path.join(HERE, "..", "golden", "profiles")
TOKENS, CONTEXT, WIDTH, LAYERS, EMBED = 49408, 40, 64, 2, 16
TOLERANCE = 2e-5

QUALICLIP = ["Good photo.", "Bad photo.", "Sharp image.", "Blurry image.", "Sharp edges.",
             "Blurry edges.", "High-resolution image.", "Low-resolution image.",
             "Noise-free image.", "Noisy image.", "High-quality image.", "Low-quality image.",
             "Good picture.", "Bad picture."]
QUALITIES = ["bad", "poor", "fair", "good", "perfect"]
SCENES = ["animal", "cityscape", "human", "indoor", "landscape", "night", "plant", "still_life",
          "others"]
DISTORTIONS = ["jpeg2000 compression", "jpeg compression", "noise", "blur", "color", "contrast",
               "overexposure", "underexposure", "spatial", "quantization", "other"]
SETS = {
    "qualiclip": QUALICLIP,
    "clip-iqa": ["Good photo.", "Bad photo."],
    "clip-iqa-pyiqa": ["Good image", "bad image", "Sharp image", "blurry image", "sharp edges",
                       "blurry edges", "High resolution image", "low resolution image",
                       "Noise-free image", "noisy image"],
    "grepq": ["A good photo.", "A bad photo."],
    "liqe": ["a photo with %s quality" % quality for quality in QUALITIES],
    "liqe-mix": ["a photo of a %s with %s artifacts, which is of %s quality" % (s, d, q)
                 for q, s, d in itertools.product(QUALITIES, SCENES, DISTORTIONS)],
    "qualiclip+": QUALICLIP,
    "clip-iqa+": ["Good photo..", "Bad photo.."],  # a full stop is appended to each
}


def sampled(name):
    step = 25 if name == "liqe-mix" else 1
    return enumerate_step(SETS[name], step)


def enumerate_step(texts, step):
    return [(i, texts[i]) for i in range(0, len(texts), step)]


def write_ids(tokenizer):
    with open(os.path.join(TARGET, "ids.txt"), "w", encoding="ascii") as out:
        out.write("# made by test/reference/make_profiles_golden.py\n")
        for name in SETS:
            for index, text in sampled(name):
                ids = " ".join(map(str, tokenizer.encode(text)))
                out.write("%s %d %s: %s\n" % (name, index, text, ids))
        every = [i for text in SETS["liqe-mix"] for i in tokenizer.encode(text)]
        out.write("liqe-mix all %016x\n" % xxh64(struct.pack("<%dI" % len(every), *every)))


# ------------------------------------------------------------------------------ learned contexts

@torch.no_grad()
def embed_vectors(tower, vectors):
    """Vectors from the start token to the end token -> feature of the last."""
    padding = torch.zeros(CONTEXT - len(vectors), WIDTH, dtype=vectors.dtype)
    x = torch.cat([vectors, padding]) + tower.positional_embedding
    for block in tower.transformer.resblocks:
        x = block(x)
    feature = tower.ln_final(x)[len(vectors) - 1] @ tower.text_projection
    return feature / feature.norm()


def in_context(tower, ids, context, order="middle"):
    tokens = tower.token_embedding(torch.tensor(ids))
    start, own, end = tokens[:1], tokens[1:-1], tokens[-1:]
    half = len(context) // 2
    first, second = context[:half], context[half:]
    parts = {"middle": [start, first, own, second, end], "front": [start, own, context, end],
             "end": [start, context, own, end], "swapped": [start, second, own, first, end]}
    return embed_vectors(tower, torch.cat(parts[order]).detach())


def learner(tower, tokenizer, texts, context, half):
    """What a PromptLearner saves: texts are tokenized behind as many X as there are vectors."""
    length = context.shape[-2]
    rows = []
    for text in texts:
        ids = tokenizer.encode(" ".join(["X"] * length) + " " + text)
        rows.append(ids + [0] * (CONTEXT - len(ids)))
    embedding = tower.token_embedding(torch.tensor(rows)).detach()
    state = {"prompt_learner.ctx": context, "prompt_learner.token_prefix": embedding[:, :1],
             "prompt_learner.token_suffix": embedding[:, 1 + length:]}
    return {name: (tensor.half() if half else tensor.float()).clone()
            for name, tensor in state.items()}


def save(value, name):
    torch.save(value, os.path.join(TARGET, name + ".pth"))


def write_contexts(tower, tokenizer, generator, features):
    def random(*shape):
        return torch.randn(shape, generator=generator).half().float()

    qualiclip = random(14, 16, WIDTH)
    save({"params": learner(tower, tokenizer, SETS["qualiclip+"], qualiclip, True)}, "qualiclip+")
    two = random(2, 16, WIDTH)
    save(torch.nn.Parameter(two), "clip-iqa+")  # a tensor alone, as it is published
    shared = random(8, WIDTH)
    save({"state_dict": {"generator.clipmodel_0.prompt_learner.ctx": shared}, "meta": {}}, "shared")
    for name, contexts in (("qualiclip+", qualiclip), ("clip-iqa+", two),
                           ("shared", [shared, shared])):
        texts = SETS["qualiclip+" if name == "qualiclip+" else "clip-iqa+"]
        for index, text in enumerate(texts):
            ids, context = tokenizer.encode(text), contexts[index].double()
            right = in_context(tower, ids, context)
            wrong = [in_context(tower, ids, context, order) for order in ("front", "end", "swapped")]
            wrong.append(embed_text(tower, ids))
            if name == "clip-iqa+":
                wrong.append(in_context(tower, tokenizer.encode(text[:-1]), context))
            for other in wrong:
                if not float((other - right).abs().max()) > 10 * TOLERANCE:
                    sys.exit("%s %d: a mistake would pass" % (name, index))
            features.append((name, index, right))

    save(random(2, 15, WIDTH), "odd")
    save(random(2, 16, 32), "narrow")
    save(random(3, 16, WIDTH), "three")
    save(random(2, 16, WIDTH, 1), "deep")
    save(random(2, 36, WIDTH), "long")
    broken = two.clone()
    broken[1, 3, 5] = math.nan
    save(broken, "nan")
    save({"prompt_learner.ctx": two, "other.prompt_learner.ctx": two}, "several")
    foreign = learner(tower, tokenizer, SETS["clip-iqa+"], two, False)
    foreign["prompt_learner.token_suffix"][1, 2] += 0.1
    save(foreign, "foreign")
    single = learner(tower, tokenizer, SETS["clip-iqa"], two, False)  # "Good photo." instead
    save(single, "single_stop")
    return two


# ------------------------------------------------------------------------------------- checkpoints

@torch.no_grad()
def main():
    os.makedirs(TARGET, exist_ok=True)
    tokenizer = Tokenizer(read_merges(sys.argv[1]))
    assert len(tokenizer.tokens) == TOKENS
    write_ids(tokenizer)

    generator = torch.Generator().manual_seed(49408)
    tower = randomize_text(TextTransformer(WIDTH, LAYERS, TOKENS, EMBED, CONTEXT), 28)
    visual = randomize(VisionTransformer(64, 1, 8, EMBED, 32), 29)
    # The rows of the token embedding overlap, so that 49408 of them are a small file.
    row = torch.randn(TOKENS - 1 + WIDTH, generator=generator).half()
    overlapping = row.as_strided((TOKENS, WIDTH), (1, 1))
    tower.token_embedding.weight.copy_(overlapping)
    for name, parameter in [*tower.named_parameters(), *visual.named_parameters()]:
        if parameter.dim() > 1:
            parameter.copy_(parameter.half())
    state = {"visual." + name: tensor for name, tensor in visual.state_dict().items()}
    state["logit_scale"] = torch.tensor(math.log(37.0))
    state = {name: tensor.half() if tensor.dim() > 1 else tensor for name, tensor in state.items()}
    image = {name[len("visual."):]: tensor for name, tensor in state.items()
             if name != "logit_scale"}
    save(image, "image")
    for name, tensor in tower.state_dict().items():
        state[name] = tensor.half() if tensor.dim() > 1 else tensor
    state["token_embedding.weight"] = overlapping
    save(state, "clip")

    tower.double()
    features = []
    for name in SETS:
        if not name.endswith("+"):
            for index, text in sampled(name):
                features.append((name, index, embed_text(tower, tokenizer.encode(text))))
    two = write_contexts(tower, tokenizer, generator, features)
    save({**image, "prompt_learner.ctx": two}, "with_context")
    with open(os.path.join(TARGET, "features.txt"), "w", encoding="ascii") as out:
        out.write("# made by test/reference/make_profiles_golden.py\n")
        for name, index, feature in features:
            out.write("%s %d %s\n" % (name, index, " ".join("%.9g" % x for x in feature.tolist())))


if __name__ == "__main__":
    main()
