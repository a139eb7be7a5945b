#!/usr/bin/python3
"""Writes test/golden/grepq/: a tiny low-level checkpoint, pristine photos, and what PyTorch makes
of them and of two photos of test/photos.

    make_grepq_golden.py PHOTO_DIRECTORY      (holding 02.png, 04.png, 07.png of the Kodak suite)

expected.txt, fields separated by spaces:

    chosen PHOTO X Y              a pristine patch that is kept, in this order
    mean m1 ... m8                of their features, and
    covariance c1 ... c64
    patch PHOTO X Y f1 ... f8     the feature of a patch of a pristine photo
    low IMAGE SCORE DISTANCE      the low-level score of a photo
    mistake NAME SCORE            what the second photo's score would be after a mistake

Numbers are computed in double precision from the weights in the checkpoint.  The script itself
fails where a mistake lies too near to the right answer, or a patch too near to a threshold.
"""
import copy
import os
import sys

import torch
from PIL import Image
from torch import nn

import grepq_reference as grepq
from clip_reference import load_pixels, normalise

WIDTH, FEATURES = 4, 8
TOLERANCE = 1e-5  # of the score; a mistake must be ten times as far away
MARGIN = 1e-3     # of a patch from a threshold, relative
SCORED = ("bikes-161x300.png", "bikes-224x224.png")
# name: (photo, left, top); 390 x 300 pixels, so that some are left over
PRISTINE = {"a.jpg": ("02.png", 200, 100), "b.jpg": ("04.png", 60, 150),
            "c.jpg": ("07.png", 250, 120)}


def numbers(values):
    return " ".join("%.17g" % x for x in values)


def scores_after_mistakes(model, pristine, pixels):
    """{name: score}"""
    score = {}

    def changed(name, change):
        wrong = copy.deepcopy(model)
        with torch.no_grad():
            change(wrong)
        score[name] = grepq.low_score(wrong, pristine, pixels)[0]

    def replace(index, module):
        def change(wrong):
            wrong.encoder.resnet18[index] = module
        return change

    def set_attribute(path, name, value):
        def change(wrong):
            setattr(wrong.get_submodule(path), name, value)
        return change

    changed("no maximum", replace(3, nn.AvgPool2d(3, stride=2, padding=1)))
    changed("maximum without padding", replace(3, nn.MaxPool2d(3, stride=2, ceil_mode=True)))
    changed("no activation behind the stem", replace(2, nn.Identity()))
    changed("no activation in the head", lambda wrong: wrong.head.__setitem__(1, nn.Identity()))
    changed("epsilon of BatchNorm left out", set_attribute("encoder.resnet18.1", "eps", 0.0))
    changed("no shortcut convolution's BatchNorm", lambda wrong: wrong.get_submodule(
        "encoder.resnet18.5.0.downsample").__setitem__(1, nn.Identity()))

    def stride_in_second(wrong):
        block = wrong.get_submodule("encoder.resnet18.6.0")
        block.conv1.stride, block.conv2.stride = (1, 1), (2, 2)
    changed("stride in the second convolution", stride_in_second)

    def of(features, reference=pristine):
        found = float(grepq.distance(reference, *grepq.statistics(features)))
        return float(torch.sigmoid(torch.tensor(-found / 100, dtype=torch.float64)))

    right = grepq.encode(model, grepq.cut(pixels, 48))
    count = len(right)
    mean, covariance = grepq.statistics(right)
    score["no overlap"] = of(grepq.encode(model, grepq.cut(pixels, 96)))
    normalised = normalise(pixels, torch.float64)[0].unfold(1, 96, 48).unfold(2, 96, 48)
    score["CLIP's normalisation"] = of(grepq.encode(
        model, normalised.permute(1, 2, 0, 3, 4).reshape(-1, 3, 96, 96)))
    score["BGR"] = of(grepq.encode(model, grepq.cut(pixels[..., ::-1].copy(), 48)))
    score["n instead of n - 1"] = of_statistics(pristine, mean, covariance * (count - 1) / count)
    score["no covariance of the image"] = of_statistics(pristine, mean, pristine[1])
    score["sum of covariances"] = of_statistics((pristine[0], 2 * pristine[1]), mean,
                                                2 * covariance)
    return score


def of_statistics(pristine, mean, covariance):
    found = float(grepq.distance(pristine, mean, covariance))
    return float(torch.sigmoid(torch.tensor(-found / 100, dtype=torch.float64)))


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    here = os.path.dirname(os.path.abspath(__file__))
    directory = os.path.join(here, "..", "golden", "grepq")
    os.makedirs(os.path.join(directory, "pristine"), exist_ok=True)
    for name, (photo, left, top) in PRISTINE.items():
        with Image.open(os.path.join(sys.argv[1], photo)) as image:
            image.convert("RGB").crop((left, top, left + 390, top + 300)).save(
                os.path.join(directory, "pristine", name), quality=88, optimize=True)
    checkpoint = os.path.join(directory, "low_level.tar")
    model = grepq.randomize_low_level(grepq.LowLevelModel(WIDTH, FEATURES), 21)
    grepq.save_low_level(checkpoint, model, half=True)
    model = grepq.load_low_level(checkpoint, WIDTH, FEATURES).double()

    photos = {name: load_pixels(os.path.join(directory, "pristine", name)) for name in PRISTINE}
    scored = {name: load_pixels(os.path.join(here, "..", "photos", name)) for name in SCORED}
    pristine = grepq.pristine_statistics(model, photos.values(), MARGIN)
    with open(os.path.join(directory, "expected.txt"), "w") as out:
        out.write("# made by test/reference/make_grepq_golden.py, which says what is what\n")
        for name, pixels in photos.items():
            columns = pixels.shape[1] // 96
            for index in grepq.pristine_patches(pixels, MARGIN).tolist():
                out.write("chosen %s %d %d\n" % (name, index % columns * 96, index // columns * 96))
        out.write("mean %s\ncovariance %s\n" % (numbers(pristine[0]),
                                                numbers(pristine[1].flatten())))
        for name, pixels in photos.items():
            for x, y in ((0, 0), (96, 192), (37, 51)):
                feature = grepq.encode(model, grepq.cut(pixels[y:y + 96, x:x + 96], 96))[0]
                out.write("patch %s %d %d %s\n" % (name, x, y, numbers(feature)))
        for name, pixels in scored.items():
            right, found = grepq.low_score(model, pristine, pixels)
            out.write("low %s %.17g %.17g\n" % (name, right, found))
        for name, wrong in scores_after_mistakes(model, pristine, pixels).items():
            print("%-40s %.2e" % (name, abs(wrong - right)))
            if not abs(wrong - right) > 10 * TOLERANCE:
                sys.exit("the mistake \"%s\" would pass" % name)
            out.write("mistake %s %.17g\n" % (name.replace(" ", "_"), wrong))


if __name__ == "__main__":
    main()
