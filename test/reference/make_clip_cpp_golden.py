#!/usr/bin/python3
"""Writes test/golden/clip_cpp/: two small files as clip.cpp writes them, and what PyTorch makes of
their numbers.

 - gelu-f16.gguf: image and text tower, exact GELU, f16, GGUF version 2, a vocabulary without merges
 - vision-f32.gguf: image tower alone, QuickGELU, f32 (but for the patches), GGUF version 3

features.txt has one case a line, fields separated by spaces:

    FILE KIND SUBJECT f1 ... f16

KIND is `image` (SUBJECT: a file of test/golden/towers) or `text` (SUBJECT: hexadecimal), or the name
of a mistake whose result follows, of the image 64x64 or the text of the second case: a test shows
that it would notice it.  The script fails where a mistake lies too near to the right answer.
"""
import copy
import os
import sys

import torch

import clip_cpp_gguf
from clip_reference import (QuickGELU, TextTransformer, VisionTransformer, embed, embed_text,
                            load_pixels)
from clip_tokenizer import Tokenizer, read_merges
from random_weights import randomize, randomize_text

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "golden")
TOLERANCE = 2e-5
EMBED, CONTEXT = 16, 12
IMAGES = ("64x64", "97x51", "130x70")
TEXTS = ("", "Good photo.", "a photo with perfect quality")


def line(file, kind, subject, feature):
    return " ".join([file, kind, subject] + ["%.9g" % x for x in feature.tolist()]) + "\n"


def activate(tower, activation):
    tower = copy.deepcopy(tower)
    for block in tower.transformer.resblocks:
        block.mlp.gelu = activation()
    return tower


def check(what, wrong, right):
    distance = float((wrong - right).abs().max())
    print("%-20s %.2e" % (what, distance))
    if not distance > 10 * TOLERANCE:
        sys.exit("the mistake %s would pass" % what)


def image_lines(file, visual, other_activation, pixels):
    for image in IMAGES:
        yield line(file, "image", image, embed(visual, pixels[image], "grid"))
    right = embed(visual, pixels[IMAGES[0]], "grid")
    for what, wrong in (("no_positions", embed(visual, pixels[IMAGES[0]], "none")),
                        ("other_gelu", embed(activate(visual, other_activation),
                                             pixels[IMAGES[0]], "grid"))):
        check(what, wrong, right)
        yield line(file, what, IMAGES[0], wrong)


def text_lines(file, tower, tokenizer):
    for text in TEXTS:
        yield line(file, "text", text.encode().hex() or "-",
                   embed_text(tower, tokenizer.encode(text)))
    ids = tokenizer.encode(TEXTS[1])
    wrong = embed_text(activate(tower, QuickGELU), ids)
    check("other_text_gelu", wrong, embed_text(tower, ids))
    yield line(file, "other_text_gelu", TEXTS[1].encode().hex(), wrong)


def state_of(visual, tower=None):
    state = {"visual." + name: tensor for name, tensor in visual.state_dict().items()}
    state.update(tower.state_dict() if tower else {})
    return state


@torch.no_grad()
def main():
    directory = os.path.join(GOLDEN, "clip_cpp")
    os.makedirs(directory, exist_ok=True)
    pixels = {name: load_pixels(os.path.join(GOLDEN, "towers", name + ".ppm")) for name in IMAGES}
    tokenizer = Tokenizer(read_merges(os.path.join(GOLDEN, "tokenizer", "merges.txt"), 461))

    visual = randomize(VisionTransformer(64, 1, 8, EMBED, 24, torch.nn.GELU), 21)
    tower = randomize_text(TextTransformer(64, 1, len(tokenizer.tokens), EMBED, CONTEXT,
                                           torch.nn.GELU), 22)
    quick = randomize(VisionTransformer(64, 1, 8, EMBED, 24), 23)
    clip_cpp_gguf.write(os.path.join(directory, "gelu-f16.gguf"), state_of(visual, tower),
                        half=True, tokens=tokenizer.tokens, gelu=True, version=2)
    clip_cpp_gguf.write(os.path.join(directory, "vision-f32.gguf"), state_of(quick), half=False,
                        text=False, version=3)
    for module, half in ((visual, True), (tower, True), (quick, False)):
        clip_cpp_gguf.round_as_stored(module, half).double()
    with open(os.path.join(directory, "features.txt"), "w", encoding="ascii") as out:
        out.write("# FILE KIND SUBJECT feature; made by test/reference/make_clip_cpp_golden.py\n")
        out.writelines(image_lines("gelu-f16.gguf", visual, QuickGELU, pixels))
        out.writelines(text_lines("gelu-f16.gguf", tower, tokenizer))
        out.writelines(image_lines("vision-f32.gguf", quick, torch.nn.GELU, pixels))


if __name__ == "__main__":
    main()
