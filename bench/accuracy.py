#!/usr/bin/python3
"""What bf16 and int8 change: features and scores beside those in f32.

    accuracy.py [--tool PATH] [--model FILE]... [--size RULE] [--photos FOLDER] [--quick]

Photos are those of the repository, and those in ../shared/data/kodak or FOLDER where there are any,
each as it is and worsened: blurred, with noise, as JPEG, three degrees of each.  Models, unless some
are named: the built-in one, on photos at their own size, and a ViT-B/32 of random numbers whose
LayerNorms have channels 20 to 50 times as large as others, as trained towers have (random_weights.py),
on crops of 224 pixels.  --quick: two photos.

Columns: the least and the mean cosine between a feature and the same in f32; the largest and the mean
difference of scores; Spearman's rank correlation of the scores with those in f32.
"""
import argparse
import glob
import os
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
sys.path[:0] = [os.path.join(ROOT, "test", "reference"), os.path.join(ROOT, "test", "parity")]

import numpy  # noqa: E402
from PIL import Image, ImageFilter  # noqa: E402

from tool import Tool  # noqa: E402

PRECISIONS = ("bf16", "int8")
BLURS, NOISES, QUALITIES = (0.7, 1.5, 3), (8, 20, 40), (60, 30, 10)
# In a process of its own: PyTorch takes long to load, and is not needed where models are named.
MAKE = """
import sys
sys.path.insert(0, sys.argv[1])
import torch
import sizes
from clip_reference import VisionTransformer, embed, load_pixels
from random_weights import randomize, random_prompts, save_qualiclip
visual = randomize(VisionTransformer(768, 12, 32, 512, 224), seed=14)
views = [view for path in sys.argv[3:] for view in sizes.views(load_pixels(path), "crop224")]
features = torch.stack([embed(visual, view, "grid") for view in views])
save_qualiclip(sys.argv[2], visual, random_prompts(features, 7, 7))
"""


def find_photos(folder, quick):
    own = [os.path.join(ROOT, "test", "photos", name) for name in
           ("dandelions.jpg", "bikes-224x224.png")]
    if quick:
        return own
    more = folder or os.path.join(ROOT, "..", "shared", "data", "kodak")
    return own + sorted(path for path in glob.glob(os.path.join(glob.escape(more), "*"))
                        if path.lower().endswith((".png", ".jpg", ".jpeg")))


def worsened(photo, random):
    """(name, picture, options of save()) of each version."""
    yield "as-is.png", photo, {}
    for radius in BLURS:
        yield "blur-%g.png" % radius, photo.filter(ImageFilter.GaussianBlur(radius)), {}
    pixels = numpy.asarray(photo, dtype=numpy.float32)
    for deviation in NOISES:
        noisy = pixels + random.normal(0, deviation, pixels.shape)
        yield ("noise-%d.png" % deviation,
               Image.fromarray(noisy.round().clip(0, 255).astype(numpy.uint8)), {})
    for quality in QUALITIES:
        yield "jpeg-%d.jpg" % quality, photo, {"quality": quality}


def write_images(paths, directory):
    random = numpy.random.default_rng(1)
    written = []
    for index, path in enumerate(paths):
        with Image.open(path) as opened:
            photo = opened.convert("RGB")
        for name, picture, options in worsened(photo, random):
            written.append(os.path.join(directory, "%03d-%s" % (index, name)))
            picture.save(written[-1], **({"compress_level": 1} if name.endswith(".png") else {}),
                         **options)
    return written


def make_vit(tool, directory, images):
    checkpoint, model = (os.path.join(directory, "vit." + ending) for ending in ("pth", "gguf"))
    subprocess.run([sys.executable, "-c", MAKE, os.path.join(ROOT, "test", "reference"), checkpoint,
                    *images[:10]], check=True)
    tool.run("convert", checkpoint, "-o", model, "--positions", "grid")
    os.remove(checkpoint)
    return model


def spearman(a, b):
    ranks = [numpy.argsort(numpy.argsort(values)).astype(float) for values in (a, b)]
    return float(numpy.corrcoef(*ranks)[0, 1])


def measure(tool, model, precision, images, size):
    options = ["--precision", precision] + (["--size", size] if size else [])
    features = tool.results("embed", model, images, *options)
    scores = tool.results("score", model, images, *options)
    found = {scores[path]["precision"] for path in images}
    if found != {precision}:
        raise SystemExit("%s: computed in %s, not in %s" % (model, found, precision))
    return (numpy.array([features[path]["feature"] for path in images]),
            numpy.array([scores[path]["score"] for path in images]))


def compare(tool, name, model, images, size):
    features, scores = measure(tool, model, "f32", images, size)
    for precision in PRECISIONS:
        found, values = measure(tool, model, precision, images, size)
        cosines = (features * found).sum(axis=1)
        off = numpy.abs(values - scores)
        print("| %s | %s | %.6f | %.6f | %.4f | %.5f | %.5f |" % (
            name, precision, cosines.min(), cosines.mean(), off.max(), off.mean(),
            spearman(values, scores)), flush=True)
    print("  %d images, scores from %.3f to %.3f, deviation %.3f; least cosine of features of two "
          "images %.3f" % (len(images), scores.min(), scores.max(), scores.std(),
                           (features @ features.T).min()), file=sys.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("--tool", default=os.path.join(ROOT, "build", "qualiclip"))
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--size", help="of the models named")
    parser.add_argument("--photos")
    parser.add_argument("--quick", action="store_true")
    arguments = parser.parse_args()
    tool = Tool(arguments.tool)
    with tempfile.TemporaryDirectory(prefix="qualiclip-accuracy-") as directory:
        images = write_images(find_photos(arguments.photos, arguments.quick), directory)
        print("| model | precision | least cosine | mean cosine | largest difference | mean "
              "difference | rank correlation |\n|---|---|---|---|---|---|---|", flush=True)
        for path in arguments.model:
            compare(tool, os.path.basename(path), path, images, arguments.size)
        if not arguments.model:
            compare(tool, "built-in", None, images, None)
            compare(tool, "ViT-B/32, outliers", make_vit(tool, directory, images), images,
                    "crop224")


if __name__ == "__main__":
    main()
