#!/usr/bin/python3
"""Every format x tower x profile at full size against PyTorch.

    recipes.py [--full] [--only NAME,...] [--tool PATH] [--vocab bpe_simple_vocab_16e6.txt]

Writes CLIPs of random numbers in the containers that people hold, converts them, and compares with
PyTorch on photos: image features (2e-5) at every size and with every kind of positions, the features
of every profile's prompts (2e-5), scores and their parts (1e-4).

Without --full the matrix is cut where a cell follows from its neighbours:
 - A container decides nothing but the numbers in the model file, so beyond the first container of
   a tower the files' tensors are compared, bit by bit, instead of features.
 - A profile decides texts, scale, temperature, size and read-out, none of which knows the tower:
   all of them run on small towers and the full-size ViT-B/32 and RN50 (without liqe-mix and its 495
   texts, which has small towers only).
 - ViT-B/16, ViT-L/14, RN101 and RN50x4 run with full widths and fewer layers.
--full runs every cell, and native size on a photo of 3 megapixels.
"""
import argparse
import os
import shutil
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "test", "reference"))

import torch  # noqa: E402
from PIL import Image  # noqa: E402

from clip_reference import POSITIONS, load_pixels  # noqa: E402
from clip_tokenizer import Tokenizer, read_merges  # noqa: E402
from clips import Clip  # noqa: E402
from formats import FORMATS, OPTIONS  # noqa: E402
from gguf_reader import GgufFile  # noqa: E402
from parity import FEATURE_TOLERANCE, SCORE_TOLERANCE, Report, farthest  # noqa: E402
from profiles import PROFILES, image_features, profile_score, prompt_features  # noqa: E402
from text import fetch_vocabulary  # noqa: E402
from tool import Tool, ToolError  # noqa: E402

TEXTS = ("a photo of a bicycle", "dandelions in a meadow", "\u6f22\u5b57 \U0001f44d")


class Worst(Report):
    """A report that remembers the largest error of each kind."""

    def __init__(self):
        super().__init__()
        self.worst = {}

    def error(self, kind, what, value, limit):
        if not value <= self.worst.get(kind, (-1.0,))[0]:
            self.worst[kind] = (value, what)
        self.check("%s %s" % (what, kind), value, limit)


# ----------------------------------------------------------------------------------- photos

def make_photos(directory):
    """Real photos: one of an odd size, one of several tiles, one that is wide: {name: path}."""
    source = os.path.join(ROOT, "test", "photos")
    paths = {}
    for name, file, size in (("161x300", "bikes-161x300.png", (161, 300)),
                             ("296x260", "dandelions.jpg", (296, 260)),
                             ("768x432", "dandelions.jpg", (768, 432))):
        with Image.open(os.path.join(source, file)) as photo:
            image = photo.convert("RGB").resize(size, Image.BICUBIC)
        paths[name] = os.path.join(directory, name + ".png")
        image.save(paths[name])
    return paths


# --------------------------------------------------------------------------------- reference

class Expected:
    """What PyTorch makes of a CLIP, computed when it is first asked for."""

    def __init__(self, clip, tokenizer, photos):
        self.clip, self.tokenizer, self.photos = clip, tokenizer, photos
        self._images, self._prompts = {}, {}

    def images(self, photo, size, positions):
        key = (photo, size, positions)
        if key not in self._images:
            self._images[key] = image_features(self.clip.visual, load_pixels(self.photos[photo]),
                                               size, positions)
        return self._images[key]

    def prompts(self, profile):
        if profile not in self._prompts:
            texts = PROFILES[profile].texts or TEXTS
            self._prompts[profile] = prompt_features(
                profile, self.clip.text, self.tokenizer, self.clip.context(len(texts)), texts)
        return self._prompts[profile]

    def score(self, profile, photo, prompts=None):
        recipe = PROFILES[profile]
        features = self.images(photo, recipe.size, recipe.positions)
        value, parts = profile_score(profile, features,
                                     self.prompts(profile) if prompts is None else prompts,
                                     self.clip.scale)
        return float(value), parts.tolist()


# ------------------------------------------------------------------------------- comparisons

def compare_features(report, tool, model, label, expected, photo, size, positions):
    path = expected.photos[photo]
    found = tool.results("embed", model, [path], "--size", size, "--positions", positions)[path]
    report.error("feature", "%s %s %s %s" % (label, photo, size, positions),
                 farthest(found["feature"], expected.images(photo, size, positions)[0].tolist()),
                 FEATURE_TOLERANCE)


def compare_scores(report, tool, model, label, expected, profile, photos, options, prompts=None):
    paths = [expected.photos[photo] for photo in photos]
    scored = tool.results("score", model, paths, *options)
    for photo, path in zip(photos, paths):
        value, parts = expected.score(profile, photo, prompts)
        found = scored[path]
        what = "%s %s %s" % (label, profile, photo)
        report.error("score", what, farthest(found["pairs"] + [found["score"]], parts + [value]),
                     SCORE_TOLERANCE)
        if found["profile"] != profile or not found["recipe"].startswith(profile + " "):
            report.result(what + " is named", False, found["recipe"])


def compare_prompts(report, model, label, features):
    """The features that the converter stored, with those of the texts in PyTorch."""
    stored = torch.from_numpy(GgufFile(model).tensor("qualiclip.prompts"))
    distance = float((stored - features).abs().max()) if stored.shape == features.shape else 9.0
    report.error("text", label, distance, FEATURE_TOLERANCE)


# ------------------------------------------------------------------------------------- towers

class Plan:
    """What is run of a tower.  layers, text_layers: fewer than the published ones; formats: names,
    the first is compared with PyTorch, and so are the others under --full."""

    def __init__(self, tower, formats, profiles, layers=None, text_layers=None,
                 photos=("161x300", "296x260"), sizes=("native",)):
        self.tower, self.formats, self.profiles = tower, formats, profiles
        self.layers, self.text_layers, self.photos, self.sizes = layers, text_layers, photos, sizes


def formats_of(tower):
    return tuple(name for name, (_, towers) in FORMATS.items() if tower in towers)


STORED = ("qualiclip", "qualiclip-pyiqa")  # by the features that qualiclip.pth brings
ENCODED = ("clip-iqa", "clip-iqa-pyiqa", "liqe", "clip")


def profile_options(profile):
    options = ["--profile", profile]
    if not PROFILES[profile].texts:
        options += ["--size", PROFILES[profile].size]
        for text in TEXTS:
            options += ["--text", text]
    return options


class TowerRun:
    def __init__(self, report, tool, vocabulary, tokenizer, directory, photos, plan, full):
        self.report, self.tool, self.plan, self.full = report, tool, plan, full
        self.vocabulary, self.directory = vocabulary, directory
        start = time.monotonic()
        self.clip = Clip(plan.tower, layers=plan.layers, text_layers=plan.text_layers)
        self.expected = Expected(self.clip, tokenizer, photos)
        print("       %s: made in %.1f s" % (plan.tower, time.monotonic() - start), flush=True)

    def convert(self, checkpoint, name, *options):
        model = os.path.join(self.directory, name + ".gguf")
        self.tool.run("convert", checkpoint, "-o", model, *options)
        return model

    def features(self, model, label):
        for size in self.plan.sizes:
            for positions in POSITIONS:
                for photo in self.plan.photos:
                    if self.small_enough(photo, size):
                        compare_features(self.report, self.tool, model, label, self.expected,
                                         photo, size, positions)

    @staticmethod
    def small_enough(photo, size):
        return size != "tiles" or min(int(side) for side in photo.split("x")) >= 224

    def scores(self, model, label):
        for profile in self.plan.profiles:
            photos = [photo for photo in self.plan.photos
                      if self.small_enough(photo, PROFILES[profile].size)]
            compare_scores(self.report, self.tool, model, label, self.expected, profile, photos,
                           profile_options(profile))

    def stored_scores(self, model, label, prompts):
        """qualiclip.pth's own prompts, which no text tower is asked about."""
        compare_prompts(self.report, model, label + " stored prompts", prompts)
        for profile in STORED:
            compare_scores(self.report, self.tool, model, label, self.expected, profile,
                           self.plan.photos, ("--profile", profile), prompts)

    def run_format(self, name, first):
        """first: the model file of the plan's first format, or None for it."""
        write, _ = FORMATS[name]
        label = "%s %s" % (self.plan.tower, name)
        own = self.expected.images(self.plan.photos[0], "native", "none")
        start = time.monotonic()
        checkpoint = write(self.clip, self.directory, own)
        written = time.monotonic()
        model = self.convert(checkpoint, "first" if first is None else "other",
                             "--vocab", self.vocabulary, *OPTIONS.get(name, ()))
        print("       %s: written in %.1f s, converted in %.1f s" % (
            label, written - start, time.monotonic() - written), flush=True)
        if first is not None:
            different = [tensor for tensor in GgufFile(model).differences(GgufFile(first))
                         if tensor != "qualiclip.prompts"]
            self.report.result("%s: tensors as of %s" % (label, self.plan.formats[0]),
                               not different, " ".join(different[:3]))
        if first is None or self.full:
            self.features(model, label)
            self.scores(model, label)
        if name == "qualiclip":
            self.stored_scores(model, label, self.clip.stored_prompts(own))
        self.remove(checkpoint)
        return model

    def remove(self, checkpoint):
        folder = os.path.dirname(checkpoint)
        if folder == self.directory:
            os.remove(checkpoint)
        else:
            shutil.rmtree(folder)

    def run(self):
        first = None
        for name in self.plan.formats:
            model = self.run_format(name, first)
            first = first or model


# ---------------------------------------------------------------------------------- native size

def make_large_photo(directory, width, height):
    """The repository's photo side by side with its mirror images, at its own grain."""
    with Image.open(os.path.join(ROOT, "test", "photos", "dandelions.jpg")) as photo:
        one = photo.convert("RGB")
    image = Image.new("RGB", (width, height))
    for row in range(-(-height // one.height)):
        for column in range(-(-width // one.width)):
            piece = one.transpose(Image.FLIP_LEFT_RIGHT) if column % 2 else one
            piece = piece.transpose(Image.FLIP_TOP_BOTTOM) if row % 2 else piece
            image.paste(piece, (column * one.width, row * one.height))
    path = os.path.join(directory, "%dx%d.png" % (width, height))
    image.save(path)
    return path


def run_large(report, tool, directory, tower, width, height):
    """Native size without limit: a photo of megapixels, and what it takes."""
    photo = make_large_photo(directory, width, height)
    clip = Clip(tower, text_layers=1)
    checkpoint = os.path.join(directory, "large.pt")
    torch.save(clip.state(text=False), checkpoint)
    model = os.path.join(directory, "large.gguf")
    tool.run("convert", checkpoint, "-o", model)
    for positions in ("none", "grid"):
        label = "%s %dx%d native %s" % (tower, width, height, positions)
        start = time.monotonic()
        expected, = image_features(clip.visual, load_pixels(photo), "native", positions)
        taken = time.monotonic() - start
        start = time.monotonic()
        found = tool.results("embed", model, [photo], "--positions", positions)[photo]["feature"]
        print("       %s: PyTorch %.1f s, ours %.1f s" % (label, taken, time.monotonic() - start))
        report.error("feature", label, farthest(found, expected.tolist()), FEATURE_TOLERANCE)
    peak = tool.peak_bytes("embed", "-m", model, "--positions", "grid", photo)
    print("       %s: peak %.0f MB with a model file of %.0f MB" % (
        label, peak / 1e6, os.path.getsize(model) / 1e6), flush=True)
    for path in (checkpoint, model, photo):
        os.remove(path)


# --------------------------------------------------------------------------------------- plans

def quick_plans():
    return (
        Plan("vit-small", formats_of("vit-small"), (*ENCODED, "liqe-mix")),
        Plan("resnet-small", formats_of("resnet-small"), ENCODED),
        Plan("vit-b-32", ("torchscript", "qualiclip"), ENCODED),
        Plan("rn50", ("torchscript", "qualiclip"), ENCODED),
        Plan("vit-b-16", ("plain-mixed",), ("clip-iqa",), layers=2, text_layers=1),
        Plan("vit-l-14", ("torchscript",), ("clip-iqa",), layers=2, text_layers=1),
        Plan("rn101", ("plain-mixed",), ("clip-iqa",), layers=(1, 1, 4, 1), text_layers=1),
        Plan("rn50x4", ("torchscript",), ("clip-iqa",), layers=(1, 1, 2, 2), text_layers=1),
    )


def full_plans():
    towers = ("vit-b-32", "rn50", "vit-b-16", "vit-l-14", "rn101", "rn50x4")
    return tuple(Plan(tower, formats_of(tower), (*ENCODED, "liqe-mix")) for tower in towers)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--full", action="store_true", help="every cell; hours")
    parser.add_argument("--only", metavar="TOWER,...", help="of the towers, these")
    parser.add_argument("--tool", default=os.path.join(ROOT, "build", "qualiclip"))
    parser.add_argument("--vocab", metavar="FILE")
    options = parser.parse_args()
    torch.set_num_threads(os.cpu_count() or 1)
    tool, report = Tool(os.path.abspath(options.tool)), Worst()
    start = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="parity-recipes-") as directory:
        vocabulary = options.vocab or fetch_vocabulary(directory)
        tokenizer = Tokenizer(read_merges(vocabulary))
        photos = make_photos(directory)
        for plan in full_plans() if options.full else quick_plans():
            if options.only and plan.tower not in options.only.split(","):
                continue
            before = time.monotonic()
            try:
                TowerRun(report, tool, vocabulary, tokenizer, directory, photos, plan,
                         options.full).run()
            except ToolError as error:
                report.result(plan.tower, False, str(error))
            print("       %s: %.1f s" % (plan.tower, time.monotonic() - before), flush=True)
        if options.full:
            for tower in ("vit-b-32", "rn50"):
                for width, height in ((2000, 1500), (4000, 3000)):
                    if not options.only or "large" in options.only.split(","):
                        run_large(report, tool, directory, tower, width, height)
    for kind, (value, what) in sorted(report.worst.items()):
        print("worst %-8s %.2e  %s" % (kind, value, what))
    print("%.0f s; %d passed, %d failed" % (time.monotonic() - start, report.passed,
                                            report.failed))
    sys.exit(1 if report.failed or not report.passed else 0)


if __name__ == "__main__":
    main()
