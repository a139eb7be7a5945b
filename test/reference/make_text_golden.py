#!/usr/bin/python3
"""Writes test/golden/text: a tiny checkpoint with a text tower for the vocabulary of
test/golden/tokenizer, prompts, and what PyTorch makes of them.

features.txt has one text a line: KIND HEX f1 ... f16.  KIND is `right`, or the name of a mistake
whose result follows; the script fails where a mistake lies too near to the right answer.
"""
import copy
import os
import sys

import torch

from clip_reference import TextTransformer, VisionTransformer, embed_text
from clip_tokenizer import Tokenizer, read_merges
from random_weights import randomize, randomize_text, state_dict

HERE = os.path.dirname(os.path.abspath(__file__))
GOLDEN = os.path.join(HERE, "..", "golden")
CONTEXT, WIDTH, LAYERS, EMBED = 12, 64, 2, 16
TOLERANCE = 2e-5
TEXTS = ["", "Good photo.", "Bad photo.", "a photo with perfect quality",
         "\u6f22\u5b57", "x<|endoftext|>y", "1 2 3 4 5 6 7 8 9 0"]


def no_mask(tower):
    for block in tower.transformer.resblocks:
        block.attn.mask = 0


def first_row(tower):
    tower.forward = lambda ids: TextTransformer.forward(tower, ids[:1])


def no_positions(tower):
    tower.positional_embedding.zero_()


def no_final_norm(tower):
    tower.ln_final = torch.nn.Identity()


def shifted_positions(tower):
    tower.positional_embedding.copy_(tower.positional_embedding.roll(1, 0))


def gelu(tower):
    for block in tower.transformer.resblocks:
        block.mlp.gelu = torch.nn.GELU()


MISTAKES = [no_mask, first_row, no_positions, no_final_norm, shifted_positions, gelu]


def line(kind, text, feature):
    return " ".join([kind, text.encode("utf-8").hex() or "-"]
                    + ["%.9g" % x for x in feature.tolist()]) + "\n"


@torch.no_grad()
def main():
    directory = os.path.join(GOLDEN, "text")
    os.makedirs(directory, exist_ok=True)
    tokenizer = Tokenizer(read_merges(os.path.join(GOLDEN, "tokenizer", "merges.txt"), 461))
    tower = randomize_text(TextTransformer(WIDTH, LAYERS, len(tokenizer.tokens), EMBED, CONTEXT), 8)
    visual = randomize(VisionTransformer(64, 1, 16, EMBED, 32), 9)
    for parameter in [*tower.parameters(), *visual.parameters()]:
        if parameter.dim() > 1:
            parameter.copy_(parameter.half())
    prompts = torch.nn.functional.normalize(
        torch.randn((2, EMBED), generator=torch.Generator().manual_seed(1)), dim=1)
    state = state_dict(visual, prompts, 10.0)
    state.update({"clip_model." + name: tensor for name, tensor in tower.state_dict().items()})
    torch.save({name: tensor.half() if tensor.dim() > 1 and name != "prompts_features" else tensor
                for name, tensor in state.items()}, os.path.join(directory, "text.pth"))
    tower.double()
    with open(os.path.join(directory, "features.txt"), "w", encoding="ascii") as out:
        out.write("# KIND TEXT feature; made by test/reference/make_text_golden.py\n")
        for text in TEXTS:
            ids = tokenizer.encode(text)
            if len(ids) > CONTEXT:
                sys.exit("%r has %d tokens" % (text, len(ids)))
            out.write(line("right", text, embed_text(tower, ids)))
        right = embed_text(tower, tokenizer.encode(TEXTS[3]))
        for spoil in MISTAKES:
            wrong = copy.deepcopy(tower)
            spoil(wrong)
            feature = embed_text(wrong, tokenizer.encode(TEXTS[3]))
            distance = float((feature - right).abs().max())
            print("%-20s %.2e" % (spoil.__name__, distance))
            if not distance > 10 * TOLERANCE:
                sys.exit("the mistake %s would pass" % spoil.__name__)
            out.write(line(spoil.__name__, TEXTS[3], feature))


if __name__ == "__main__":
    main()
