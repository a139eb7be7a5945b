#!/usr/bin/python3
"""Writes test/golden/towers/: tiny checkpoints, tiny photos, and what PyTorch makes of them.

    make_towers_golden.py PHOTO_DIRECTORY      (holding 03.png, 05.png, 07.png of the Kodak suite)

towers.txt has one case a line, fields separated by spaces:

    KIND CHECKPOINT IMAGE POSITIONS f1 ... f32 SCORE

KIND is `right`, or the name of a mistake whose result follows: a test compares with `right`, and
shows that it would notice every mistake.  Numbers are computed in double precision from the weights
in the checkpoint.  The script itself fails where a mistake lies too near to the right answer.
"""
import copy
import os
import sys
from itertools import combinations

import torch
from PIL import Image

import mistakes
from clip_reference import (POSITIONS, ModifiedResNet, VisionTransformer, embed, load_pixels,
                            score)
from random_weights import (load_qualiclip, random_prompts, randomize, round_matrices,
                            save_qualiclip, state_dict)

TOLERANCE = 2e-5  # of a feature, as in the design; a mistake must be ten times as far away
SPOILED_IMAGE = "97x51"
# name: (photo, left, top, width, height of the region, size it is scaled to)
CROPS = {
    "64x64": ("05.png", (300, 120, 300 + 192, 120 + 192), (64, 64)),
    "97x51": ("03.png", (120, 60, 120 + 388, 60 + 204), (97, 51)),
    "130x70": ("07.png", (200, 150, 200 + 260, 150 + 140), (130, 70)),
}


def new_vit():
    return VisionTransformer(width=128, layers=2, patch=16, embed=32, resolution=64)


def new_resnet():
    return ModifiedResNet(width=4, blocks=(1, 1, 2, 1), embed=32, resolution=128)


def write_images(photos, directory):
    for name, (photo, box, size) in CROPS.items():
        with Image.open(os.path.join(photos, photo)) as image:
            small = image.convert("RGB").crop(box).resize(size, Image.LANCZOS)
        small.save(os.path.join(directory, name + ".png"), optimize=True)
        small.save(os.path.join(directory, name + ".ppm"))  # for builds without codecs


@torch.no_grad()
def share_weights(visual):
    """To keep the file small the matrices of both blocks lie in the same storages: block 1 starts
    a few rows further on, and the second MLP layer is the first one transposed.  A reader that
    does not honour offset and strides of a tensor gets the numbers wrong.  Returns the views."""
    first, second = visual.transformer.resblocks
    shift, width = 16, visual.class_embedding.numel()
    views = {}

    def both(name, matrix):
        rows = matrix.shape[0]
        storage = torch.cat([matrix, torch.randn(shift, width) * matrix.std()]).half()
        for index, window in enumerate((storage[:rows], storage[shift:])):
            views["transformer.resblocks.%d.%s" % (index, name)] = window

    for norm in ("ln_1", "ln_2"):  # the same outlier channels, which the matrices expect
        gain = getattr(first, norm).weight
        getattr(second, norm).weight.copy_(gain * (torch.rand(width) * 0.4 + 0.8))
    both("attn.in_proj_weight", first.attn.in_proj_weight)
    both("attn.out_proj.weight", first.attn.out_proj.weight)
    both("mlp.c_fc.weight", first.mlp.c_fc.weight)
    for index in (0, 1):
        prefix = "transformer.resblocks.%d.mlp." % index
        views[prefix + "c_proj.weight"] = views[prefix + "c_fc.weight"].t()
    for name in ("conv1.weight", "proj", "positional_embedding"):
        views[name] = visual.state_dict()[name].half()
    return views


def write_vit(path, prompts_for):
    """fp16 matrices in shared storages, fp32 vectors."""
    torch.manual_seed(2)
    visual = randomize(new_vit(), 11)
    views = share_weights(visual)
    for name, tensor in views.items():
        dict(visual.named_parameters())[name].data.copy_(tensor)
    state = state_dict(visual, prompts_for(visual, 7))
    for name, tensor in views.items():
        state["clip_model.visual." + name] = tensor
    torch.save(state, path)


def write_resnet(path, prompts_for):
    visual = randomize(new_resnet(), 12)
    save_qualiclip(path, visual, prompts_for(visual, 2), with_text=True)


def line(kind, checkpoint, image, positions, feature, value):
    numbers = ["%.9g" % x for x in feature.tolist() + [float(value)]]
    return " ".join([kind, checkpoint, image, positions] + numbers) + "\n"


def cases(checkpoint, path, new_tower, spoilers, images):
    """The lines of one checkpoint; the right answers first."""
    visual = new_tower()
    prompts, scale = load_qualiclip(path, visual)
    visual, prompts = visual.double(), prompts.double()
    right = {}
    for positions in POSITIONS:
        for image, pixels in images.items():
            feature = embed(visual, pixels, positions)
            value = score(feature, prompts, scale)[0]
            right[image, positions] = feature
            yield line("right", checkpoint, image, positions, feature, value)
    for positions in POSITIONS:  # at the training size, grid and flat are the same
        features = torch.stack([right[image, positions] for image in images])
        nearest = float((features @ features.t() - 2 * torch.eye(len(features))).max())
        if not nearest < 0.99:
            sys.exit("%s: features of different images are alike (cosine %.4f)" % (checkpoint,
                                                                                 nearest))
    modes = [right[SPOILED_IMAGE, positions] for positions in POSITIONS]
    if not all(float((a - b).abs().max()) > 10 * TOLERANCE for a, b in combinations(modes, 2)):
        sys.exit("%s: positions make too little difference" % checkpoint)
    for name, (positions, spoil) in spoilers.items():
        wrong = copy.deepcopy(visual)
        with torch.no_grad():
            spoil(wrong)
        feature = embed(wrong, images[SPOILED_IMAGE], positions)
        distance = float((feature - right[SPOILED_IMAGE, positions]).abs().max())
        print("%-12s %-30s %.2e" % (checkpoint, name, distance))
        if not distance > 10 * TOLERANCE:
            sys.exit("%s: the mistake %s would pass (%.2e)" % (checkpoint, name, distance))
        yield line(name, checkpoint, SPOILED_IMAGE, positions, feature,
                   score(feature, prompts, scale)[0])


def main():
    if len(sys.argv) != 2:
        sys.exit(__doc__)
    directory = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "towers")
    os.makedirs(directory, exist_ok=True)
    write_images(sys.argv[1], directory)
    images = {name: load_pixels(os.path.join(directory, name + ".png")) for name in CROPS}

    def prompts_for(visual, pairs):
        features = torch.stack([embed(visual, pixels) for pixels in images.values()])
        return random_prompts(features, pairs, seed=5)

    with open(os.path.join(directory, "towers.txt"), "w") as out:
        out.write("# KIND CHECKPOINT IMAGE POSITIONS 32 numbers of the feature, SCORE;"
                  " made by test/reference/make_towers_golden.py\n")
        for checkpoint, write, new_tower, spoilers in (
                ("vit.pth", write_vit, new_vit, mistakes.VIT),
                ("resnet.pth", write_resnet, new_resnet, mistakes.RESNET)):
            path = os.path.join(directory, checkpoint)
            write(path, prompts_for)
            out.writelines(cases(checkpoint, path, new_tower, spoilers, images))


if __name__ == "__main__":
    main()
