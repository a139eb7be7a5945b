"""What recipes.py runs of one tower: containers, types, profiles and sizes, each against PyTorch."""
import math
import os
import shutil
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
ROOT = os.path.dirname(os.path.dirname(HERE))
sys.path.insert(0, os.path.join(ROOT, "test", "reference"))

import torch  # noqa: E402

import formats  # noqa: E402
import grepq_reference  # noqa: E402
from clip_cpp_gguf import round_as_stored  # noqa: E402
from clip_reference import POSITIONS, QuickGELU, load_pixels  # noqa: E402
from clips import Clip, round_all  # noqa: E402
from formats import FORMATS  # noqa: E402
from gguf_reader import GgufFile  # noqa: E402
from parity import FEATURE_TOLERANCE, SCORE_TOLERANCE, Report, farthest  # noqa: E402
from profiles import PROFILES, image_features, profile_score, prompt_features  # noqa: E402
from random_weights import round_matrices  # noqa: E402
from tool import ToolError  # noqa: E402

SMALL = ("161x300", "296x260")  # an odd size; several tiles
ENCODED = ("clip-iqa", "clip-iqa-pyiqa", "liqe", "clip")
CONVERTED = ("clip-iqa", "clip-iqa-pyiqa", "qualiclip+", "clip-iqa+", "liqe", "liqe-mix")
TEXTS = ("a photo of a bicycle", "dandelions in a meadow", "\u6f22\u5b57 \U0001f44d")


def profile_options(profile):
    options = ["--profile", profile]
    if not PROFILES[profile].texts:
        options += ["--size", PROFILES[profile].size]
        for text in TEXTS:
            options += ["--text", text]
    return options


class Worst(Report):
    """A report that remembers the largest error of each kind."""

    def __init__(self):
        super().__init__()
        self.worst = {}

    def error(self, kind, what, value, limit):
        if not value <= self.worst.get(kind, (-1.0,))[0]:
            self.worst[kind] = (value, what)
        self.check("%s %s" % (what, kind), value, limit)


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

    def score(self, profile, photo, prompts=None, size=None, positions=None):
        recipe = PROFILES[profile]
        features = self.images(photo, size or recipe.size, positions or recipe.positions)
        value, parts = profile_score(profile, features,
                                     self.prompts(profile) if prompts is None else prompts,
                                     self.clip.scale)
        return float(value), parts.tolist()


# ------------------------------------------------------------------------------- comparisons

def compare_features(report, tool, model, label, expected, photos, size, positions, options=()):
    paths = [expected.photos[photo] for photo in photos]
    found = tool.results("embed", model, paths, "--size", size, "--positions", positions, *options)
    for photo, path in zip(photos, paths):
        mean = expected.images(photo, size, positions).mean(dim=0)  # of one crop itself
        report.error("feature", "%s %s %s %s" % (label, photo, size, positions),
                     farthest(found[path]["feature"], (mean / mean.norm()).tolist()),
                     FEATURE_TOLERANCE)


def compare_scores(report, tool, model, label, expected, profile, photos, options, prompts=None,
                   **changes):
    """changes: the size and positions that `options` ask for instead of the profile's."""
    paths = [expected.photos[photo] for photo in photos]
    scored = tool.results("score", model, paths, *options)
    for photo, path in zip(photos, paths):
        value, parts = expected.score(profile, photo, prompts, **changes)
        found = scored[path]
        what = "%s %s %s" % (label, profile, photo)
        report.error("score", what, farthest(found["pairs"] + [found["score"]], parts + [value]),
                     SCORE_TOLERANCE)
        if found["profile"] != profile or not found["recipe"].startswith(profile + " "):
            report.result(what + " is named", False, found["recipe"])


def compare_prompts(report, model, label, features):
    """The features that the converter stored, with those of the texts in PyTorch."""
    file = GgufFile(model)
    if "qualiclip.prompts" not in file.names:
        raise ToolError("%s: no prompts are stored" % label)
    stored = torch.from_numpy(file.tensor("qualiclip.prompts"))
    distance = float((stored - features).abs().max()) if stored.shape == features.shape else 9.0
    report.error("text", label, distance, FEATURE_TOLERANCE)


# ------------------------------------------------------------------------------------- towers

class Plan:
    """What is run of a tower.  formats: of them the first is compared with PyTorch in every way, and
    the others under --full, by all profiles but liqe-mix.  scored: profiles by `score --profile`; converted: by `convert --profile`.
    more: methods of TowerRun.  layers, text_layers: fewer than the published ones."""

    def __init__(self, tower, formats, scored, converted=(), more=(), photos=SMALL,
                 sizes=("native",), layers=None, text_layers=None, activation=QuickGELU):
        self.tower, self.formats, self.scored, self.converted = tower, formats, scored, converted
        self.more, self.photos, self.sizes = more, photos, sizes
        self.clip = dict(layers=layers, text_layers=text_layers, activation=activation)


class TowerRun:
    def __init__(self, report, tool, vocabulary, tokenizer, directory, photos, plan, full):
        self.report, self.tool, self.plan, self.full = report, tool, plan, full
        self.vocabulary, self.tokenizer, self.directory = vocabulary, tokenizer, directory
        start = time.monotonic()
        self.clip = Clip(plan.tower, **plan.clip)
        self.name = plan.tower if self.clip.quick_gelu else plan.tower + " gelu"
        self.expected = Expected(self.clip, tokenizer, photos)
        print("       %s: made in %.1f s" % (self.name, time.monotonic() - start), flush=True)

    def run(self):
        first = None
        for name in self.plan.formats:
            model = self.attempt(name, lambda n=name, f=first: self.run_format(n, f))
            first = first or model
        for method in self.plan.more:
            self.attempt(method.__name__, lambda m=method: m(self))

    def attempt(self, what, action):
        """What the program refuses is one failure, and no reason to leave the others away."""
        try:
            return action()
        except ToolError as error:
            self.report.result("%s %s" % (self.name, what), False, str(error))
            return None

    def run_format(self, name, first):
        """first: the model file of the plan's first format, or None for it."""
        label = "%s %s" % (self.name, name)
        own = self.expected.images(self.plan.photos[0], "native", "none")
        start = time.monotonic()
        checkpoint = FORMATS[name][0](self.clip, self.directory, own)
        written = time.monotonic()
        model = self.convert(checkpoint, "first" if first is None else "other", "--vocab",
                             self.vocabulary, *formats.options(name, self.clip))
        print("       %s: written in %.1f s, converted in %.1f s" % (
            label, written - start, time.monotonic() - written), flush=True)
        if first is not None:
            different = [tensor for tensor in GgufFile(model).differences(GgufFile(first))
                         if tensor != "qualiclip.prompts"]
            self.report.result("%s: tensors as of %s" % (label, self.plan.formats[0]),
                               not different, " ".join(different[:3]))
        if first is None or self.full:
            scored, converted = self.plan.scored, self.plan.converted
            if first is None:
                self.features(model, label)
            else:
                compare_features(self.report, self.tool, model, label, self.expected,
                                 self.plan.photos, "native", "grid")
                converted = tuple(name for name in converted if PROFILES[name].context)
                scored = tuple(name for name in scored if name != "liqe-mix")
            for profile in scored:
                self.scores(model, label, self.expected, profile, profile_options(profile))
            for profile in converted:
                self.attempt("convert --profile " + profile, lambda p=profile: self.converted(
                    checkpoint, label, p, *formats.options(name, self.clip)))
        if name == "qualiclip":
            self.stored_prompts(model, label, self.clip.stored_prompts(own))
        self.remove(checkpoint)
        return model

    def convert(self, checkpoint, name, *options):
        model = os.path.join(self.directory, name + ".gguf")
        self.tool.run("convert", checkpoint, "-o", model, *options)
        return model

    def remove(self, checkpoint):
        folder = os.path.dirname(checkpoint)
        if folder == self.directory:
            os.remove(checkpoint)
        else:
            shutil.rmtree(folder)

    # ------------------------------------------------------------------------ of a model file

    def features(self, model, label, expected=None, sizes=None, options=()):
        for size in sizes or self.plan.sizes:
            for positions in POSITIONS:
                compare_features(self.report, self.tool, model, label, expected or self.expected,
                                 self.photos_for(size), size, positions, options)

    def scores(self, model, label, expected, profile, options, prompts=None):
        photos = self.photos_for(PROFILES[profile].size)
        compare_scores(self.report, self.tool, model, label, expected, profile, photos, options,
                       prompts)

    def photos_for(self, size):
        """Crops of 224 x 224 are not to be had of every photo."""
        return [photo for photo in self.plan.photos
                if size != "tiles" or min(int(side) for side in photo.split("x")) >= 224]

    def converted(self, checkpoint, label, profile, *options):
        """The profile's prompts, encoded at conversion without a vocabulary; then its own score."""
        context = None
        if PROFILES[profile].context:
            context = formats.context(self.clip, self.directory, profile, self.tokenizer)
            options += ("--context", context)
        model = self.convert(checkpoint, "profile", "--profile", profile, *options)
        compare_prompts(self.report, model, "%s convert --profile %s" % (label, profile),
                        self.expected.prompts(profile))
        self.scores(model, label + " converted for", self.expected, profile, ())
        for path in (context, model):
            if path:
                os.remove(path)

    def stored_prompts(self, model, label, prompts):
        """qualiclip.pth's own prompts, which no text tower is asked about."""
        compare_prompts(self.report, model, label + " stored prompts", prompts)
        for profile in ("qualiclip", "qualiclip-pyiqa"):
            self.scores(model, label, self.expected, profile, ("--profile", profile), prompts)

    # --------------------------------------------------------------------- a plan's `more`

    def types(self):
        """--type f16 and bf16, by every kernel set; f16 holds all of a ViT's matrices exactly, but
        not a ResNet's after folding."""
        checkpoint = formats.plain(self.clip, self.directory, None)
        for name, dtype in (("f16", torch.float16), ("bf16", torch.bfloat16)):
            model = self.convert(checkpoint, name, "--type", name, "--vocab", self.vocabulary)
            expected = self.expected_of(lambda tower, t=dtype: round_matrices(tower, t))
            label = "%s --type %s" % (self.name, name)
            for kernels in self.tool.kernels(model):
                compare_features(self.report, self.tool, model, "%s %s" % (label, kernels),
                                 expected, self.plan.photos[:1], "native", "grid",
                                 ("--kernels", kernels))
            self.scores(model, label, expected, "clip-iqa", profile_options("clip-iqa"))
            os.remove(model)
        os.remove(checkpoint)

    def source_types(self):
        """safetensors all of whose numbers are F16 or BF16."""
        for dtype in (torch.float16, torch.bfloat16):
            checkpoint = formats.transformers_of_type(self.clip, self.directory, dtype)
            model = self.convert(checkpoint, "source", "--vocab", self.vocabulary,
                                 "--activation", "quick_gelu")
            expected = self.expected_of(round_all(dtype))
            scale = torch.tensor(math.log(self.clip.scale)).to(dtype)
            expected.clip.scale = math.exp(float(scale))
            label = "%s from %s" % (self.name, str(dtype)[len("torch."):])
            self.features(model, label, expected, ("native",))
            self.scores(model, label, expected, "clip-iqa", profile_options("clip-iqa"))
            self.remove(checkpoint)

    def clip_cpp(self):
        """clip.cpp's files, which are scored as they are.  The logit scale is not in them: a
        temperature makes ours of the 100 that is taken."""
        for half in (False, True):
            model = formats.clip_cpp(self.clip, self.directory, half, self.tokenizer.tokens)
            expected = self.expected_of(lambda tower, h=half: round_as_stored(tower, h))
            label = "%s clip.cpp %s" % (self.name, "f16" if half else "f32")
            self.features(model, label, expected, ("native",))
            for profile in ENCODED:
                if PROFILES[profile].texts:  # it has no merges, so no texts but the built-in ones
                    self.scores(model, label, expected, profile,
                                ("--profile", profile, "--temperature", "5"))
            os.remove(model)

    def text_of_another(self):
        """An image tower alone (GRepQ's), and the text tower out of another checkpoint."""
        checkpoint = formats.image_tower(self.clip, self.directory)
        text = formats.torchscript(self.clip, self.directory, None)
        self.converted(checkpoint, self.name + " convert --text", "clip-iqa", "--text", text)
        for path in (checkpoint, text):
            os.remove(path)

    def grepq(self):
        """Image tower, text tower and low-level part out of three files, and pristine photos."""
        low_level = grepq_reference.randomize_low_level(grepq_reference.LowLevelModel(), 9)
        files = [formats.image_tower(self.clip, self.directory),
                 formats.torchscript(self.clip, self.directory, None),
                 os.path.join(self.directory, "low.tar")]
        grepq_reference.save_low_level(files[2], low_level)
        pristine = os.path.join(self.directory, "pristine")
        os.mkdir(pristine)
        for name in ("768x432", "296x260"):
            shutil.copy(self.expected.photos[name], pristine)
        photos = [load_pixels(os.path.join(pristine, name)) for name in sorted(os.listdir(pristine))]
        statistics = grepq_reference.pristine_statistics(low_level, photos, margin=1e-4)
        model = self.convert(files[0], "grepq", "--profile", "grepq", "--text", files[1],
                             "--low-level", files[2], "--pristine", pristine)
        compare_prompts(self.report, model, self.name + " grepq", self.expected.prompts("grepq"))
        for photo in self.plan.photos:
            path = self.expected.photos[photo]
            found = self.tool.results("score", model, [path])[path]
            high, parts = self.expected.score("grepq", photo)
            low, _ = grepq_reference.low_score(low_level, statistics, load_pixels(path))
            self.report.error("score", "%s grepq %s" % (self.name, photo),
                              farthest(found["pairs"] + [found["low_level"], found["score"]],
                                       parts + [low, high + low]), SCORE_TOLERANCE)
        shutil.rmtree(pristine)
        for path in (*files, model):
            os.remove(path)

    def own_sizes(self):
        """Sizes and positions that are not the profile's."""
        model = self.convert(formats.plain(self.clip, self.directory, None), "sizes", "--vocab",
                             self.vocabulary)
        for profile, size, positions in (("clip-iqa", "tiles", "grid"), ("liqe", "native", "flat"),
                                         ("clip-iqa", "crop224", "none"),
                                         ("liqe", "long=200", "none")):
            label = "%s --size %s --positions %s" % (self.name, size, positions)
            compare_scores(self.report, self.tool, model, label, self.expected, profile,
                           self.photos_for(size), (*profile_options(profile), "--size", size,
                                                   "--positions", positions),
                           size=size, positions=positions)

    def expected_of(self, change):
        return Expected(self.clip.rounded(change), self.tokenizer, self.expected.photos)
