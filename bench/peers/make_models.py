"""The models that all peers run, made of one set of random weights each.

    make_models.py DIRECTORY QUALICLIP

Writes into DIRECTORY, for vit-b-32 and rn50: NAME-f32.gguf, NAME-bf16.gguf and NAME-q8.gguf, packed,
and NAME.gguf, which is not (ours); NAME.onnx and vit-b-32-int8.onnx (ONNX Runtime); NAME.pth (PyTorch).
"""
import os
import subprocess
import sys

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "test", "reference"))

import torch  # noqa: E402
from clip_reference import ModifiedResNet, VisionTransformer  # noqa: E402
from random_weights import fold_batchnorm, random_prompts, randomize, save_qualiclip  # noqa: E402

from onnx_graphs import resnet_graph, vit_graph  # noqa: E402

SEED = 14


def new_tower(name):
    if name == "rn50":
        return ModifiedResNet(64, (3, 4, 6, 3), 1024, 224)
    return VisionTransformer(768, 12, 32, 512, 224)


def write(path, model):
    with open(path, "wb") as file:
        file.write(model.SerializeToString())


def convert(program, base, suffix, kind, *options):
    subprocess.run([program, "convert", base + ".pth", "-o", base + suffix + ".gguf", "--type", kind,
                    *options], check=True)


@torch.no_grad()
def make(name, directory, program):
    base = os.path.join(directory, name)
    tower = randomize(new_tower(name), SEED)
    features = torch.nn.functional.normalize(torch.randn(3, tower.embed), dim=1)
    save_qualiclip(base + ".pth", tower, random_prompts(features, 7, 7))
    convert(program, base, "", "f32")
    for kind in ("f32", "bf16", "q8"):
        convert(program, base, "-" + kind, kind, "--packed")
    if name == "rn50":
        write(base + ".onnx", resnet_graph(fold_batchnorm(tower)))
    else:
        write(base + ".onnx", vit_graph(tower))
        write(base + "-int8.onnx", vit_graph(tower, int8=True))


if __name__ == "__main__":
    for tower_name in ("vit-b-32", "rn50"):
        make(tower_name, sys.argv[1], sys.argv[2])
