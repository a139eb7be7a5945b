"""Writes test/golden/checkpoints: small checkpoints by real PyTorch, and what the converter must
make of them.  Run by hand (python3-torch); tests read the committed files.

NAME.pth is a checkpoint.  NAME.expected has a line for each tensor of the model file, in any order:

    name  f32|matrix  shape  XXH64 of its f32 bytes  XXH64 of its f16 bytes

where the shape has the slowest dimension first, joined by x, and "matrix" marks those that --type
f16 stores smaller.  The numbers are computed here with numpy, by definition and in double precision,
and must be met to the bit.  Nothing of the library is used.
"""
import math
import os
import pathlib
import struct
import sys
import zipfile
from collections import OrderedDict

import numpy
import torch

HERE = pathlib.Path(__file__).parent / "checkpoints"
generator = torch.Generator().manual_seed(20261124)


# ------------------------------------------------------------------------------------ XXH64

PRIMES = (0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9, 0x85EBCA77C2B2AE63,
          0x27D4EB2F165667C5)
MASK = 2 ** 64 - 1


def rotate(x, bits):
    return ((x << bits) | (x >> (64 - bits))) & MASK


def mix(accumulator, word):
    return rotate((accumulator + word * PRIMES[1]) & MASK, 31) * PRIMES[0] & MASK


def xxh64(data):
    """From the public specification, seed 0; written apart from the library's."""
    size, at = len(data), 0
    if size >= 32:
        lanes = [(PRIMES[0] + PRIMES[1]) & MASK, PRIMES[1], 0, -PRIMES[0] & MASK]
        while at + 32 <= size:
            lanes = [mix(a, w) for a, w in zip(lanes, struct.unpack_from("<4Q", data, at))]
            at += 32
        value = sum(rotate(a, b) for a, b in zip(lanes, (1, 7, 12, 18))) & MASK
        for lane in lanes:
            value = ((value ^ mix(0, lane)) * PRIMES[0] + PRIMES[3]) & MASK
    else:
        value = PRIMES[4]
    value = (value + size) & MASK
    while at + 8 <= size:
        word, = struct.unpack_from("<Q", data, at)
        value = (rotate(value ^ mix(0, word), 27) * PRIMES[0] + PRIMES[3]) & MASK
        at += 8
    if at + 4 <= size:
        word, = struct.unpack_from("<I", data, at)
        value = (rotate(value ^ (word * PRIMES[0] & MASK), 23) * PRIMES[1] + PRIMES[2]) & MASK
        at += 4
    for byte in data[at:]:
        value = rotate(value ^ (byte * PRIMES[4] & MASK), 11) * PRIMES[0] & MASK
    value = (value ^ value >> 33) * PRIMES[1] & MASK
    value = (value ^ value >> 29) * PRIMES[2] & MASK
    return value ^ value >> 32


# ------------------------------------------------------------------------------------ towers

def normal(*shape, scale=1.0):
    return torch.randn(shape, generator=generator) * scale


def gains(size):
    """Around 1, with a few outlier channels and a negative one."""
    gain = 1 + normal(size, scale=0.3)
    gain[::17] *= 25
    gain[1] = -gain[1]
    return gain


def linear(state, name, outputs, inputs):
    state[name + ".weight"] = normal(outputs, inputs, scale=inputs ** -0.5)
    state[name + ".bias"] = normal(outputs, scale=0.2)


def norm(state, name, size):
    state[name + ".weight"] = gains(size)
    state[name + ".bias"] = normal(size, scale=0.3)


def batch_norm(state, name, size):
    norm(state, name, size)
    state[name + ".running_mean"] = normal(size, scale=2)
    state[name + ".running_var"] = torch.exp(normal(size, scale=1.5))
    state[name + ".num_batches_tracked"] = torch.tensor(1234)


def vit(width, layers, patch, mlp, embed, grid):
    state = OrderedDict()
    state["visual.class_embedding"] = normal(width)
    state["visual.positional_embedding"] = normal(1 + grid * grid, width, scale=0.1)
    state["visual.proj"] = normal(width, embed, scale=width ** -0.5)
    # Numbers below 2^-14 and below 2^-24 meet the subnormals of f16.
    state["visual.conv1.weight"] = normal(width, 3, patch, patch) * torch.exp(
        normal(width, 1, 1, 1, scale=4) - 8)
    norm(state, "visual.ln_pre", width)
    for i in range(layers):
        block = "visual.transformer.resblocks.%d." % i
        state[block + "attn.in_proj_weight"] = normal(3 * width, width, scale=width ** -0.5)
        state[block + "attn.in_proj_bias"] = normal(3 * width, scale=0.2)
        linear(state, block + "attn.out_proj", width, width)
        norm(state, block + "ln_1", width)
        linear(state, block + "mlp.c_fc", mlp, width)
        linear(state, block + "mlp.c_proj", width, mlp)
        norm(state, block + "ln_2", width)
    norm(state, "visual.ln_post", width)
    return state


def convolution(state, conv, normalisation, outputs, inputs, kernel):
    state[conv + ".weight"] = normal(outputs, inputs, kernel, kernel,
                                     scale=(inputs * kernel * kernel) ** -0.5)
    batch_norm(state, normalisation, outputs)


def resnet(width, blocks, embed, grid):
    state = OrderedDict()
    for i, (outputs, inputs) in enumerate([(width // 2, 3), (width // 2, width // 2),
                                           (width, width // 2)], 1):
        convolution(state, "visual.conv%d" % i, "visual.bn%d" % i, outputs, inputs, 3)
    inputs = width
    for stage, count in enumerate(blocks):
        planes = width << stage
        for i in range(count):
            name = "visual.layer%d.%d." % (stage + 1, i)
            convolution(state, name + "conv1", name + "bn1", planes, inputs, 1)
            convolution(state, name + "conv2", name + "bn2", planes, planes, 3)
            convolution(state, name + "conv3", name + "bn3", 4 * planes, planes, 1)
            if i == 0:
                convolution(state, name + "downsample.0", name + "downsample.1", 4 * planes,
                            inputs, 1)
            inputs = 4 * planes
    if grid:
        state["visual.attnpool.positional_embedding"] = normal(1 + grid * grid, inputs, scale=0.1)
    for name, outputs in (("k_proj", inputs), ("q_proj", inputs), ("v_proj", inputs),
                          ("c_proj", embed)):
        linear(state, "visual.attnpool." + name, outputs, inputs)
    return state


def text_tower():
    """What a converter of image towers passes over."""
    state = OrderedDict()
    state["positional_embedding"] = normal(7, 8)
    state["text_projection"] = normal(8, 8)
    state["token_embedding.weight"] = normal(11, 8)
    state["transformer.resblocks.0.ln_1.weight"] = normal(8)
    state["ln_final.weight"] = normal(8)
    state["input_resolution"] = torch.tensor(224)
    state["context_length"] = torch.tensor(77)
    state["vocab_size"] = torch.tensor(49408)
    return state


def prompts(pairs, embed):
    return torch.nn.functional.normalize(normal(2 * pairs, embed), dim=1)


def prefixed(state):
    return OrderedDict(("clip_model." + name, tensor) for name, tensor in state.items())


# ------------------------------------------------------------------------- what must come out

def numbers(tensor):
    return tensor.detach().double().numpy()


def fold(state, conv, normalisation):
    gain, bias, mean, variance = (
        numbers(state[normalisation + suffix])
        for suffix in (".weight", ".bias", ".running_mean", ".running_var"))
    factor = gain / numpy.sqrt(variance + 1e-5)
    weight = numbers(state[conv + ".weight"]) * factor[:, None, None, None]
    return weight.transpose(0, 2, 3, 1), bias - mean * factor


def expect_vit(state, layers):
    expected = {}

    def both(to, source):
        expected[to + ".weight"] = numbers(state[source + ".weight"])
        expected[to + ".bias"] = numbers(state[source + ".bias"])

    expected["v.class_embd"] = numbers(state["visual.class_embedding"])
    expected["v.position_embd.weight"] = numbers(state["visual.positional_embedding"])
    expected["visual_projection.weight"] = numbers(state["visual.proj"]).T
    expected["v.patch_embd.weight"] = numbers(state["visual.conv1.weight"])
    both("v.pre_ln", "visual.ln_pre")
    both("v.post_ln", "visual.ln_post")
    for i in range(layers):
        source, to = "visual.transformer.resblocks.%d." % i, "v.blk.%d." % i
        weights = numpy.split(numbers(state[source + "attn.in_proj_weight"]), 3)
        biases = numpy.split(numbers(state[source + "attn.in_proj_bias"]), 3)
        for part, name in enumerate("qkv"):
            expected[to + "attn_%s.weight" % name] = weights[part]
            expected[to + "attn_%s.bias" % name] = biases[part]
        both(to + "attn_out", source + "attn.out_proj")
        both(to + "ln1", source + "ln_1")
        both(to + "ln2", source + "ln_2")
        both(to + "ffn_down", source + "mlp.c_fc")
        both(to + "ffn_up", source + "mlp.c_proj")
    return expected


def expect_resnet(state, blocks):
    expected = {}

    def folded(to, conv, normalisation):
        expected[to + ".weight"], expected[to + ".bias"] = fold(state, conv, normalisation)

    for i in range(3):
        folded("v.stem.%d" % i, "visual.conv%d" % (i + 1), "visual.bn%d" % (i + 1))
    for stage, count in enumerate(blocks):
        for block in range(count):
            source = "visual.layer%d.%d." % (stage + 1, block)
            to = "v.stage.%d.%d." % (stage, block)
            for i in (1, 2, 3):
                folded(to + "conv%d" % i, source + "conv%d" % i, source + "bn%d" % i)
            if block == 0:
                folded(to + "shortcut", source + "downsample.0", source + "downsample.1")
    pool = "visual.attnpool."
    if pool + "positional_embedding" in state:
        expected["v.attn_pool.position_embd.weight"] = numbers(state[pool + "positional_embedding"])
    for to, source in (("attn_q", "q_proj"), ("attn_k", "k_proj"), ("attn_v", "v_proj"),
                       ("attn_out", "c_proj")):
        for suffix in (".weight", ".bias"):
            expected["v.attn_pool." + to + suffix] = numbers(state[pool + source + suffix])
    return expected


def is_matrix(name):
    return name.endswith("weight") and "position" not in name and "ln" not in name.split(".")[-2]


def write_expected(name, expected):
    with open(HERE / (name + ".expected"), "w") as file:
        for tensor, values in sorted(expected.items()):
            single = numpy.ascontiguousarray(values, dtype="<f4")
            half = numpy.ascontiguousarray(single.astype("<f2"))
            file.write("%s %s %s %016x %016x\n" % (
                tensor, "matrix" if is_matrix(tensor) else "f32",
                "x".join(str(size) for size in values.shape), xxh64(single.tobytes()),
                xxh64(half.tobytes())))


# --------------------------------------------------------------------------------- checkpoints

def openai_types(state):
    """As OpenAI ships them: matrices and convolutions f16, norms and embeddings f32."""
    return OrderedDict(
        (name, tensor.half() if tensor.dim() >= 2 and "embedding" not in name else tensor)
        for name, tensor in state.items())


def make_views(state):
    """The same numbers, stored in every way that a tensor can be a view of a storage."""
    views = OrderedDict()
    vectors = [name for name, tensor in state.items()
               if tensor.dim() == 1 and tensor.is_floating_point()]
    shared = torch.cat([torch.full((3,), math.nan)] + [state[name] for name in vectors]
                       + [torch.full((2,), math.inf)])
    at = 3
    for name in vectors:  # one storage, with offsets; what lies between is never looked at
        views[name] = shared[at:at + state[name].numel()]
        at += state[name].numel()
    for name, tensor in state.items():
        if name in views:
            continue
        if name.endswith("attn.in_proj_weight"):  # stored as (inputs, 3 * width)
            views[name] = tensor.t().contiguous().t()
        elif name == "visual.proj":  # each second column of a wider matrix
            wide = torch.full((tensor.shape[0], 2 * tensor.shape[1]), math.nan)
            wide[:, 1::2] = tensor
            views[name] = wide[:, 1::2]
        elif name == "visual.conv1.weight":
            views[name] = tensor.contiguous(memory_format=torch.channels_last)
        elif name == "visual.positional_embedding":  # all rows the same
            views[name] = tensor[3:4].clone().expand_as(tensor)
        elif name.endswith("mlp.c_fc.weight"):
            views[name] = torch.nn.Parameter(tensor.double() * (1 + 2 ** -40))
        elif name.endswith("mlp.c_proj.weight"):
            views[name] = tensor.bfloat16()
        else:
            views[name] = tensor
    return views


def repack(source, target, change=lambda name, data: data, add=(), compression=zipfile.ZIP_STORED):
    """Copies an archive, with entries changed."""
    with zipfile.ZipFile(source) as old, zipfile.ZipFile(target, "w", compression) as new:
        for entry in old.infolist():
            new.writestr(zipfile.ZipInfo(entry.filename), change(entry.filename, old.read(entry)),
                         compress_type=compression)
        for name, data in add:
            new.writestr(zipfile.ZipInfo(name), data, compress_type=compression)


class Call:
    """Pickles as a call of a function, which Python's own reader would carry out."""

    def __init__(self, function, *arguments):
        self.function, self.arguments = function, arguments

    def __reduce__(self):
        return self.function, self.arguments


def save(state, name, **options):
    torch.save(state, HERE / (name + ".pth"), **options)


def main():
    HERE.mkdir(exist_ok=True)

    state = vit(128, 2, 8, 96, 32, 4)
    features = prompts(7, 32)
    save(OrderedDict(prefixed({**state, **text_tower(), "logit_scale": torch.tensor(4.6)}),
                     prompts_features=features), "vit")
    write_expected("vit", {**expect_vit(state, 2), "qualiclip.prompts": numbers(features)})

    half = openai_types(vit(64, 1, 4, 32, 16, 3))
    save(OrderedDict({**half, **text_tower(), "logit_scale": torch.tensor(3.0).half()}), "vit_half")
    write_expected("vit_half", expect_vit(half, 1))

    views = make_views(vit(64, 2, 4, 32, 16, 3))
    features = prompts(2, 16)
    save({"params": {**views, "prompts_features": features}, "epoch": 12, "rate": 1e-4,
          "betas": [0.9, 0.99], "best": None, "huge": 2 ** 80, "done": True,
          "size": torch.Size([3, 4]), "device": torch.device("cpu")}, "vit_views",
         pickle_protocol=4)
    write_expected("vit_views", {**expect_vit(views, 2), "qualiclip.prompts": numbers(features)})

    blocks = (1, 2, 1, 1)
    state = resnet(4, blocks, 24, 3)
    features = prompts(1, 24)
    save(OrderedDict(prefixed({**state, "logit_scale": torch.tensor(math.log(4))}),
                     prompts_features=features), "resnet")
    write_expected("resnet", {**expect_resnet(state, blocks),
                              "qualiclip.prompts": numbers(features)})

    # The same numbers in other containers.
    def swap(name, data):
        return numpy.frombuffer(data, "<f4").byteswap().tobytes() if "/data/" in name else data

    tiny = vit(64, 1, 2, 8, 4, 2)
    save(tiny, "tiny")
    write_expected("tiny", expect_vit(tiny, 1))
    repack(HERE / "tiny.pth", HERE / "tiny_big_endian.pth", swap, [("tiny/byteorder", b"big")])
    repack(HERE / "tiny.pth", HERE / "tiny_deflated.pth", compression=zipfile.ZIP_DEFLATED)
    torch.save({"a": torch.zeros(2)}, HERE / "legacy.pth", _use_new_zipfile_serialization=False)

    # Hostile: calls, shapes without numbers behind them.
    save({"a": Call(os.system, "touch calls_system_was_executed")}, "calls_system")
    save({"a": Call(eval, "1 + 1")}, "calls_eval", pickle_protocol=4)
    one = torch.zeros(1)
    huge = OrderedDict((name, one.expand(tensor.shape))
                       for name, tensor in vit(4096, 1, 2, 64, 64, 2).items())
    save(huge, "expanded")


if __name__ == "__main__":
    sys.exit(main())
