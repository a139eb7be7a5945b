"""Writes a GGUF file as clip.cpp's converter (models/convert_hf_to_gguf.py) does: its keys and their
order, its names of tensors, its types, and no key or tensor of ours.

    write("model.gguf", state, half=True, tokens=tokenizer.tokens)

`state` has OpenAI's names (visual.conv1.weight, transformer.resblocks.0.attn.in_proj_weight, ...),
with or without `clip_model.` before them.  What the converter does that one would not expect:
 - the kernel of the patch embedding is f16, even in a file of f32;
 - in a file of f16, so is every tensor of two dimensions whose name ends in `.weight`: the matrices,
   the positional embeddings and the token embedding;
 - the logit scale and the merges of the vocabulary are dropped;
 - `ffn_down` is the first layer of the MLP, `ffn_up` the second;
 - projections are stored as transformers has them, transposed against OpenAI's.
"""
import struct
from collections import OrderedDict

import numpy as np

HEAD_SIZE = 64
ALIGNMENT = 32
MEAN = (0.48145466, 0.4578275, 0.40821073)
DEVIATION = (0.26862954, 0.26130258, 0.27577711)

UINT32, FLOAT32, BOOL, STRING, ARRAY = 4, 6, 7, 8, 9
GGML_F32, GGML_F16 = 0, 1


# ------------------------------------------------------------------------------------- tensors

def _plain(state):
    """OpenAI's names, as numpy arrays of f32."""
    prefix = "clip_model."
    return {name[len(prefix):] if name.startswith(prefix) else name:
            np.asarray(tensor.detach().float().numpy()) for name, tensor in state.items()}


def _block(tensors, to, state, prefix):
    for part in "kvq":  # transformers' order is k, v, q; OpenAI stacks q, k, v
        row = "qkv".index(part)
        for kind in ("weight", "bias"):
            stacked = state[prefix + "attn.in_proj_" + kind]
            width = stacked.shape[0] // 3
            tensors["%s.attn_%s.%s" % (to, part, kind)] = stacked[row * width:(row + 1) * width]
    for ours, theirs in (("attn_out", "attn.out_proj"), ("ln1", "ln_1"), ("ffn_down", "mlp.c_fc"),
                         ("ffn_up", "mlp.c_proj"), ("ln2", "ln_2")):
        for kind in ("weight", "bias"):
            tensors["%s.%s.%s" % (to, ours, kind)] = state["%s%s.%s" % (prefix, theirs, kind)]


def _blocks(tensors, to, state, prefix):
    index = 0
    while "%s%d.ln_1.weight" % (prefix, index) in state:
        _block(tensors, "%s.blk.%d" % (to, index), state, "%s%d." % (prefix, index))
        index += 1
    return index


def _norm(tensors, to, state, name):
    for kind in ("weight", "bias"):
        tensors["%s.%s" % (to, kind)] = state["%s.%s" % (name, kind)]


def tensors_of(state, text=True, vision=True):
    """clip.cpp's names -> arrays of f32, in the order of its files."""
    state = _plain(state)
    tensors = OrderedDict()
    if text:
        tensors["t.token_embd.weight"] = state["token_embedding.weight"]
        tensors["t.position_embd.weight"] = state["positional_embedding"]
        _blocks(tensors, "t", state, "transformer.resblocks.")
        _norm(tensors, "t.post_ln", state, "ln_final")
    if vision:
        tensors["v.class_embd"] = state["visual.class_embedding"]
        tensors["v.patch_embd.weight"] = state["visual.conv1.weight"]
        tensors["v.position_embd.weight"] = state["visual.positional_embedding"]
        _norm(tensors, "v.pre_ln", state, "visual.ln_pre")
        _blocks(tensors, "v", state, "visual.transformer.resblocks.")
        _norm(tensors, "v.post_ln", state, "visual.ln_post")
        tensors["visual_projection.weight"] = state["visual.proj"].T
    if text:
        tensors["text_projection.weight"] = state["text_projection"].T
    return tensors


def is_half(name, array, half):
    """Whether clip.cpp stores the tensor of that (its) name in f16."""
    return array.ndim == 4 or (half and array.ndim == 2 and name.endswith(".weight"))


def round_as_stored(module, half):
    """Rounds a tower's parameters, in place, to what a file of f32 or f16 holds of them."""
    import torch
    with torch.no_grad():
        for parameter in module.parameters():
            if parameter.dim() == 4 or (half and parameter.dim() == 2):
                parameter.copy_(parameter.half().to(parameter.dtype))
    return module


# ---------------------------------------------------------------------------------------- keys

def _text(value):
    data = value.encode("utf-8")
    return struct.pack("<Q", len(data)) + data


def _value(kind, value):
    if kind == STRING:
        return _text(value)
    return struct.pack({UINT32: "<I", FLOAT32: "<f", BOOL: "<?"}[kind], value)


def _key(name, kind, value):
    return _text(name) + struct.pack("<I", kind) + _value(kind, value)


def _array(name, kind, values):
    return (_text(name) + struct.pack("<IIQ", ARRAY, kind, len(values))
            + b"".join(_value(kind, value) for value in values))


def _tower_keys(tower, tensors, prefix, epsilon):
    """The keys that both towers have, in the converter's order."""
    width = tensors[prefix + ".post_ln.weight"].shape[0]
    blocks = sum(name.startswith(prefix + ".blk.") and name.endswith(".ln1.weight")
                 for name in tensors)
    projection = tensors["text_projection.weight" if prefix == "t" else "visual_projection.weight"]
    return [_key("clip.%s.embedding_length" % tower, UINT32, width),
            _key("clip.%s.feed_forward_length" % tower, UINT32,
                 tensors[prefix + ".blk.0.ffn_down.weight"].shape[0]),
            _key("clip.%s.projection_dim" % tower, UINT32, projection.shape[0]),
            _key("clip.%s.attention.head_count" % tower, UINT32, width // HEAD_SIZE),
            _key("clip.%s.attention.layer_norm_epsilon" % tower, FLOAT32, epsilon),
            _key("clip.%s.block_count" % tower, UINT32, blocks)]


def _keys(tensors, half, tokens, gelu, name, text, vision):
    kind = "two-tower" if text and vision else "text-only" if text else "vision-only"
    keys = [_key("general.architecture", STRING, "clip"),
            _key("clip.has_text_encoder", BOOL, text),
            _key("clip.has_vision_encoder", BOOL, vision),
            _key("general.file_type", UINT32, int(half)),
            _key("general.name", STRING, name),
            _key("general.description", STRING, kind + " CLIP model")]
    if text:
        keys.append(_key("clip.text.context_length", UINT32,
                         tensors["t.position_embd.weight"].shape[0]))
        keys += _tower_keys("text", tensors, "t", 1e-5)
        keys.append(_array("tokenizer.ggml.tokens", STRING, tokens))
    if vision:
        patch = tensors["v.patch_embd.weight"].shape[-1]
        grid = round((tensors["v.position_embd.weight"].shape[0] - 1) ** 0.5)
        keys += [_key("clip.vision.image_size", UINT32, grid * patch),
                 _key("clip.vision.patch_size", UINT32, patch)]
        keys += _tower_keys("vision", tensors, "v", 1e-5)
        keys += [_array("clip.vision.image_mean", FLOAT32, MEAN),
                 _array("clip.vision.image_std", FLOAT32, DEVIATION)]
    return keys + [_key("clip.use_gelu", BOOL, gelu)]


# ---------------------------------------------------------------------------------------- file

def _pad(size):
    return -size % ALIGNMENT


def write(path, state, half=True, tokens=(), gelu=False, name="clip.cpp", text=True, vision=True,
          version=3):
    """version: clip.cpp's files are of version 2 (to autumn 2023) or 3, alike but for the number.
    tokens: the vocabulary in the order of its ids."""
    tensors = OrderedDict((tensor, array.astype(np.float16 if is_half(tensor, array, half)
                                                else np.float32))
                          for tensor, array in tensors_of(state, text, vision).items())
    keys = _keys(tensors, half, tokens, gelu, name, text, vision)
    table, offset = [], 0
    for tensor, array in tensors.items():
        table.append(_text(tensor) + struct.pack("<I", array.ndim)
                     + struct.pack("<%dQ" % array.ndim, *reversed(array.shape))
                     + struct.pack("<IQ", GGML_F16 if array.dtype == np.float16 else GGML_F32,
                                   offset))
        offset += array.nbytes + _pad(array.nbytes)
    head = (b"GGUF" + struct.pack("<IQQ", version, len(tensors), len(keys))
            + b"".join(keys) + b"".join(table))
    with open(path, "wb") as file:
        file.write(head + bytes(_pad(len(head))))
        for array in tensors.values():
            file.write(np.ascontiguousarray(array).tobytes() + bytes(_pad(array.nbytes)))
