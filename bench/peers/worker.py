"""PyTorch as a peer.  Protocol and settings: peers.py.

Takes normalised floats, which spares it the conversion of pixels.  The towers are those of the
reference with what it does one image at a time done for a batch, as OpenAI's CLIP does.
"""
import json
import os
import sys
import time

settings = dict(argument.split("=", 1) for argument in sys.argv[1:])
threads, batch, width, height = (int(settings[name])
                                 for name in ("threads", "batch", "width", "height"))
ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "test", "reference"))

import numpy  # noqa: E402
import torch  # noqa: E402
from torch import nn  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from clip_reference import (ModifiedResNet, VisionTransformer, multi_head,  # noqa: E402
                            normalise)


class BatchedVit(nn.Module):
    def __init__(self, tower):
        super().__init__()
        self.tower = tower
        self.blocks = tower.transformer.resblocks

    def forward(self, images):
        tower = self.tower
        patches = tower.conv1(images).flatten(2).transpose(1, 2)
        token = tower.class_embedding.expand(patches.shape[0], 1, -1)
        x = tower.ln_pre(torch.cat([token, patches], dim=1))
        for block in self.blocks:
            x = block(x)
        return F.normalize(tower.ln_post(x[:, 0]) @ tower.proj, dim=1)


class BatchedResNet(nn.Module):
    def __init__(self, tower):
        super().__init__()
        self.tower = tower

    def forward(self, images):
        tower, pool = self.tower, self.tower.attnpool
        x = tower.stem(images)
        x = tower.layer4(tower.layer3(tower.layer2(tower.layer1(x))))
        x = x.flatten(2).transpose(1, 2)
        mean = x.mean(dim=1, keepdim=True)
        x = torch.cat([mean, x], dim=1)
        key, value, query = pool.k_proj(x), pool.v_proj(x), pool.q_proj(mean)
        heads = [t.reshape(t.shape[0], t.shape[1], -1, 64).transpose(1, 2)
                 for t in (query, key, value)]
        weights = torch.softmax(pool.scale * heads[0] @ heads[1].transpose(-1, -2), dim=-1)
        mixed = (weights @ heads[2]).transpose(1, 2).flatten(1)
        return F.normalize(pool.c_proj(mixed), dim=1)


def peak_megabytes():
    with open("/proc/self/status") as status:
        return next(float(line.split()[1]) / 1024 for line in status if line.startswith("VmHWM"))


def load():
    if settings["tower"] == "rn50":
        tower, batched = ModifiedResNet(64, (3, 4, 6, 3), 1024, 224), BatchedResNet
    else:
        tower, batched = VisionTransformer(768, 12, 32, 512, 224), BatchedVit
    prefix = "clip_model.visual."
    state = torch.load(settings["model"])
    tower.load_state_dict({name[len(prefix):]: value for name, value in state.items()
                           if name.startswith(prefix)})
    return batched(tower).eval()


def optimise(model, images):
    """TorchScript with constants folded, BatchNorm too, and layouts of oneDNN's where it has them."""
    return torch.jit.optimize_for_inference(torch.jit.freeze(torch.jit.trace(model, images)))


@torch.no_grad()
def main():
    torch.set_num_threads(threads)
    pixels = numpy.fromfile(settings["pixels"], numpy.uint8).reshape(height, width, 3)
    images = normalise(pixels).repeat(batch, 1, 1, 1)
    before, start = peak_megabytes(), time.perf_counter()
    model = load()
    if settings.get("jit"):
        model = optimise(model, images)
    opened = time.perf_counter()
    feature = model(images)
    first = time.perf_counter()
    print(json.dumps({"open_ms": 1e3 * (opened - start), "first_ms": 1e3 * (first - opened),
                      "base_mb": before, "version": torch.__version__}), flush=True)
    for line in sys.stdin:
        if line == "run\n":
            begin = time.perf_counter()
            feature = model(images)
            print(time.perf_counter() - begin, flush=True)
        elif line == "feature\n":
            print(*feature[0].tolist(), flush=True)
        elif line == "memory\n":
            print(peak_megabytes(), flush=True)
        else:
            break


main()
