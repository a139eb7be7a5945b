"""One CLIP under other people's names, and safetensors files of it: for tests of the converter.

A state dict here has OpenAI's names (`visual.conv1.weight`, `transformer.resblocks.0...`, without
`clip_model.`).  to_transformers() and to_open_clip() rename, split and transpose; the numbers stay.
write_safetensors(), write_sharded() and the write_..._config() make the files that are published.
"""
import json
import os
import struct
from collections import OrderedDict

import torch

BLOCK_NAMES = {"attn.out_proj": "self_attn.out_proj", "ln_1": "layer_norm1", "ln_2": "layer_norm2",
               "mlp.c_fc": "mlp.fc1", "mlp.c_proj": "mlp.fc2"}
VISION_NAMES = {
    "visual.conv1.weight": "vision_model.embeddings.patch_embedding.weight",
    "visual.class_embedding": "vision_model.embeddings.class_embedding",
    "visual.positional_embedding": "vision_model.embeddings.position_embedding.weight",
    "visual.ln_pre.weight": "vision_model.pre_layrnorm.weight",
    "visual.ln_pre.bias": "vision_model.pre_layrnorm.bias",
    "visual.ln_post.weight": "vision_model.post_layernorm.weight",
    "visual.ln_post.bias": "vision_model.post_layernorm.bias",
}
TEXT_NAMES = {
    "token_embedding.weight": "text_model.embeddings.token_embedding.weight",
    "positional_embedding": "text_model.embeddings.position_embedding.weight",
    "ln_final.weight": "text_model.final_layer_norm.weight",
    "ln_final.bias": "text_model.final_layer_norm.bias",
}
TEXT_PREFIXES = ("transformer.", "token_embedding.", "positional_embedding", "ln_final.",
                 "text_projection")


def without_prefix(state, prefix="clip_model."):
    """The state dict of a qualiclip.pth under OpenAI's own names."""
    return OrderedDict((name[len(prefix):] if name.startswith(prefix) else name, tensor)
                       for name, tensor in state.items())


def is_text(name):
    return name.startswith(TEXT_PREFIXES)


def _rename_block(renamed, to, rest, tensor):
    """attn.in_proj_weight becomes three; the others change their names."""
    if rest.startswith("attn.in_proj_"):
        for letter, part in zip("qkv", tensor.chunk(3)):
            renamed["%sself_attn.%s_proj.%s" % (to, letter, rest[len("attn.in_proj_"):])] = part
        return
    layer, suffix = rest.rsplit(".", 1)
    renamed[to + BLOCK_NAMES[layer] + "." + suffix] = tensor


def to_transformers(state, prefix="", position_ids=True):
    """The names of transformers' CLIPModel, or of CLIPVisionModelWithProjection where `state` has
    no text tower.  Only ViTs have them.  position_ids: the buffers of versions before 4.31."""
    renamed = OrderedDict()
    for name, tensor in state.items():
        if name in VISION_NAMES:
            renamed[VISION_NAMES[name]] = tensor
        elif name in TEXT_NAMES:
            renamed[TEXT_NAMES[name]] = tensor
        elif name == "visual.proj":
            renamed["visual_projection.weight"] = tensor.t()
        elif name == "text_projection":
            renamed["text_projection.weight"] = tensor.t()
        elif "transformer.resblocks." in name:
            tower, rest = name.split("transformer.resblocks.")
            number, rest = rest.split(".", 1)
            model = "vision_model" if tower else "text_model"
            _rename_block(renamed, "%s.encoder.layers.%s." % (model, number), rest, tensor)
        else:
            renamed[name] = tensor  # logit_scale, prompts_features
    for model in ("vision_model", "text_model"):
        table = renamed.get(model + ".embeddings.position_embedding.weight")
        if position_ids and table is not None:
            renamed[model + ".embeddings.position_ids"] = torch.arange(len(table))[None]
    return OrderedDict((prefix + name, tensor) for name, tensor in renamed.items())


def to_open_clip(state, custom_text=False, attn_mask=False):
    """OpenCLIP's names: OpenAI's, or (CustomTextCLIP) with the text tower under `text.`"""
    prefix = "text." if custom_text else ""
    renamed = OrderedDict((prefix + name if is_text(name) else name, tensor)
                          for name, tensor in state.items())
    if attn_mask and "positional_embedding" in state:
        context = len(state["positional_embedding"])
        renamed[prefix + "attn_mask"] = torch.full((context, context), float("-inf")).triu(1)
    return renamed


# ------------------------------------------------------------------------------------- files

TYPES = {torch.float64: "F64", torch.float32: "F32", torch.float16: "F16", torch.bfloat16: "BF16",
         torch.int64: "I64", torch.int32: "I32", torch.int16: "I16", torch.int8: "I8",
         torch.uint8: "U8", torch.bool: "BOOL"}


def tensor_bytes(tensor):
    tensor = tensor.detach().contiguous()
    if tensor.dtype == torch.bfloat16:
        tensor = tensor.view(torch.int16)
    return tensor.numpy().astype(tensor.numpy().dtype.newbyteorder("<")).tobytes()


def safetensors_bytes(header, data):
    """The file of a header (a dict, or JSON as text or bytes) and what follows it."""
    if isinstance(header, dict):
        header = json.dumps(header, separators=(",", ":"))
    if isinstance(header, str):
        header = header.encode("utf-8")
    header += b" " * (-len(header) % 8)
    return struct.pack("<Q", len(header)) + header + data


def write_safetensors(path, state, metadata=None):
    """The largest element types first, then by name, as the safetensors library lays them out."""
    names = sorted(state, key=lambda name: (-state[name].element_size(), name))
    header, at = {"__metadata__": metadata or {"format": "pt"}}, 0
    for name in names:
        size = state[name].numel() * state[name].element_size()
        header[name] = {"dtype": TYPES[state[name].dtype], "shape": list(state[name].shape),
                        "data_offsets": [at, at + size]}
        at += size
    with open(path, "wb") as file:
        file.write(safetensors_bytes(header, b""))
        for name in names:
            file.write(tensor_bytes(state[name]))


def write_sharded(directory, state, shards=2):
    """model-00001-of-0000N.safetensors ... and model.safetensors.index.json."""
    os.makedirs(directory, exist_ok=True)
    total = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
    parts, at = [OrderedDict() for _ in range(shards)], 0
    for name, tensor in state.items():
        parts[min(at * shards // max(total, 1), shards - 1)][name] = tensor
        at += tensor.numel() * tensor.element_size()
    weight_map = {}
    for index, part in enumerate(parts):
        file = "model-%05d-of-%05d.safetensors" % (index + 1, shards)
        write_safetensors(os.path.join(directory, file), part)
        weight_map.update((name, file) for name in part)
    with open(os.path.join(directory, "model.safetensors.index.json"), "w") as out:
        json.dump({"metadata": {"total_size": total}, "weight_map": weight_map}, out, indent=1)


# ------------------------------------------------------------------------------------ configs

def _blocks(state, prefix):
    numbers = [int(name[len(prefix):].split(".")[0]) for name in state if name.startswith(prefix)]
    return max(numbers) + 1


def transformers_config(state, activation="quick_gelu", heads=None):
    """config.json of a CLIPModel, from a state dict under OpenAI's names."""
    width, _, patch, _ = state["visual.conv1.weight"].shape
    side = round((len(state["visual.positional_embedding"]) - 1) ** 0.5)
    config = {"architectures": ["CLIPModel"], "model_type": "clip", "logit_scale_init_value": 2.6592,
              "projection_dim": state["visual.proj"].shape[1]}
    config["vision_config"] = {
        "model_type": "clip_vision_model", "hidden_size": width, "patch_size": patch,
        "image_size": side * patch, "num_channels": 3, "hidden_act": activation,
        "layer_norm_eps": 1e-5, "num_attention_heads": heads or width // 64,
        "num_hidden_layers": _blocks(state, "visual.transformer.resblocks."),
        "intermediate_size": len(state["visual.transformer.resblocks.0.mlp.c_fc.weight"])}
    if "token_embedding.weight" in state:
        tokens, width = state["token_embedding.weight"].shape
        config["text_config"] = {
            "model_type": "clip_text_model", "hidden_size": width, "vocab_size": tokens,
            "max_position_embeddings": len(state["positional_embedding"]), "hidden_act": activation,
            "layer_norm_eps": 1e-5, "num_attention_heads": width // 64,
            "num_hidden_layers": _blocks(state, "transformer.resblocks."),
            "intermediate_size": len(state["transformer.resblocks.0.mlp.c_fc.weight"])}
    return config


def open_clip_config(state, quick_gelu=None, head_width=None):
    """open_clip_config.json; quick_gelu is left out where it is None, which means exact GELU."""
    config = {"embed_dim": int(state["visual.proj"].shape[1])}
    if quick_gelu is not None:
        config["quick_gelu"] = quick_gelu
    width, _, patch, _ = state["visual.conv1.weight"].shape
    side = round((len(state["visual.positional_embedding"]) - 1) ** 0.5)
    config["vision_cfg"] = {"image_size": side * patch, "patch_size": patch, "width": width,
                            "layers": _blocks(state, "visual.transformer.resblocks.")}
    if head_width:
        config["vision_cfg"]["head_width"] = head_width
    if "token_embedding.weight" in state:
        tokens, width = state["token_embedding.weight"].shape
        config["text_cfg"] = {"context_length": len(state["positional_embedding"]),
                              "vocab_size": tokens, "width": width, "heads": width // 64,
                              "layers": _blocks(state, "transformer.resblocks.")}
    return {"model_cfg": config,
            "preprocess_cfg": {"mean": [0.48145466, 0.4578275, 0.40821073],
                               "std": [0.26862954, 0.26130258, 0.27577711]}}


def write_json(path, value):
    with open(path, "w") as out:
        json.dump(value, out, indent=1)
