"""Random weights that a wrong implementation cannot survive, and checkpoints made of them.

A freshly initialised network hides mistakes: gains of 1, biases of 0, running statistics of 0 and 1
let a forgotten term pass.  Here nothing is neutral, a few channels dominate as they do in trained
transformers, and still the features of different photos differ and the scores are spread.
"""
import math
from collections import OrderedDict

import torch
from torch import nn

from clip_reference import ModifiedResNet, VisionTransformer

OUTLIERS_PER_256_CHANNELS = 2


def _normal(generator, shape, deviation=1.0):
    return torch.randn(shape, generator=generator) * deviation


def _uniform(generator, shape, low, high):
    return torch.rand(shape, generator=generator) * (high - low) + low


def calibration_images(generator, count=6, size=96):
    """Images of soft coloured blobs under fine grain, in normalised units, unlike each other."""
    coarse = _normal(generator, (count, 3, 7, 7), 0.8)
    soft = nn.functional.interpolate(coarse, size=(size, size), mode="bicubic",
                                     align_corners=False)
    grain = _normal(generator, (count, 3, size, size)) * _uniform(generator, (count, 1, 1, 1),
                                                                  0.02, 0.6)
    return soft + grain + _normal(generator, (count, 3, 1, 1), 0.5)


# ----------------------------------------------------------------------------------------- ViT

def _randomize_norm(norm, generator, typical=1.0):
    """Gains away from 1, one in eight negative, a few channels 20 to 50 times as large."""
    width = norm.weight.numel()
    gain = _uniform(generator, (width,), 0.5, 1.5)
    gain *= torch.where(torch.rand(width, generator=generator) < 0.125, -1.0, 1.0)
    chosen = torch.randperm(width, generator=generator)[
        :max(2, width * OUTLIERS_PER_256_CHANNELS // 256)]
    gain[chosen] *= _uniform(generator, (len(chosen),), 20, 50)
    norm.weight.copy_(gain * typical)
    norm.bias.copy_(_normal(generator, (width,), 0.2 * typical))
    return chosen


def _randomize_consumer(weight, bias, generator, outliers, strength):
    """A linear layer after a LayerNorm.  Outlier channels are weighted down to a few times the
    others' part, as training does; or every softmax would saturate and every error explode."""
    outputs, inputs = weight.shape
    matrix = _normal(generator, (outputs, inputs), strength / math.sqrt(inputs))
    matrix[:, outliers] *= 0.12
    weight.copy_(matrix)
    bias.copy_(_normal(generator, (outputs,), 0.3))


def _randomize_blocks(blocks, width, generator):
    for block in blocks:
        outliers = _randomize_norm(block.ln_1, generator)
        attention = block.attn
        _randomize_consumer(attention.in_proj_weight, attention.in_proj_bias, generator, outliers,
                            1.0)
        attention.out_proj.weight.copy_(_normal(generator, (width, width), 1 / math.sqrt(width)))
        attention.out_proj.bias.copy_(_normal(generator, (width,), 0.1))
        outliers = _randomize_norm(block.ln_2, generator)
        mlp = block.mlp
        _randomize_consumer(mlp.c_fc.weight, mlp.c_fc.bias, generator, outliers, 1.0)
        mlp.c_proj.weight.copy_(_normal(generator, mlp.c_proj.weight.shape,
                                        1 / math.sqrt(len(blocks) * width)))
        mlp.c_proj.bias.copy_(_normal(generator, (width,), 0.1))


@torch.no_grad()
def randomize_text(tower, seed):
    """Fills a TextTransformer; different texts come out at different angles."""
    generator = torch.Generator().manual_seed(seed)
    width = tower.positional_embedding.shape[1]
    tower.token_embedding.weight.copy_(
        _normal(generator, tower.token_embedding.weight.shape, 1.0))
    tower.positional_embedding.copy_(_normal(generator, tower.positional_embedding.shape, 0.3))
    _randomize_blocks(tower.transformer.resblocks, width, generator)
    outliers = _randomize_norm(tower.ln_final, generator)
    tower.text_projection.copy_(_normal(generator, tower.text_projection.shape,
                                        1 / math.sqrt(width)))
    tower.text_projection[outliers] *= 0.12
    return tower.eval()


@torch.no_grad()
def _randomize_vit(visual, generator):
    width = visual.class_embedding.numel()
    inputs = visual.conv1.weight[0].numel()
    # Tokens before ln_pre have a variance of some 1e-4: its epsilon counts, and so does that of
    # ln_1, since the gain of ln_pre is small.
    visual.conv1.weight.copy_(_normal(generator, visual.conv1.weight.shape,
                                      0.012 / math.sqrt(inputs)))
    visual.class_embedding.copy_(_normal(generator, (width,), 0.01))
    visual.positional_embedding.copy_(_normal(generator, visual.positional_embedding.shape, 0.005))
    _randomize_norm(visual.ln_pre, generator, typical=0.02)
    _randomize_blocks(visual.transformer.resblocks, width, generator)
    outliers = _randomize_norm(visual.ln_post, generator)
    visual.proj.copy_(_normal(generator, visual.proj.shape, 1 / math.sqrt(width)))
    visual.proj[outliers] *= 0.12


# ---------------------------------------------------------------------------------------- ResNet

def _randomize_batchnorm(norm, generator, typical):
    """Gains that are not 1, some negative, a few large; statistics are set by _calibrate()."""
    channels = norm.weight.numel()
    gain = _uniform(generator, (channels,), 0.5, 1.5)
    gain *= torch.where(torch.rand(channels, generator=generator) < 0.125, -1.0, 1.0)
    gain[torch.randperm(channels, generator=generator)[:max(1, channels // 128)]] *= 4
    norm.weight.copy_(gain * typical)
    norm.bias.copy_(_normal(generator, (channels,), 0.3))


def _calibrate(visual, generator):
    """Running statistics as of images seen, then pushed off, so that they are far from 0 and 1 and
    yet leave the activations in range."""
    norms = [module for module in visual.modules() if isinstance(module, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 1.0
    visual.train()
    visual.layer4(visual.layer3(visual.layer2(visual.layer1(
        visual.stem(calibration_images(generator))))))
    visual.eval()
    for norm in norms:
        channels = norm.running_var.numel()
        deviation = norm.running_var.sqrt()
        norm.running_mean.add_(_normal(generator, (channels,), 0.3) * deviation)
        norm.running_var.mul_(_uniform(generator, (channels,), 0.5, 2.0))
        norm.momentum = 0.1


@torch.no_grad()
def _randomize_resnet(visual, generator):
    for module in visual.modules():
        if isinstance(module, nn.Conv2d):
            inputs = module.weight[0].numel()
            # Small enough that the variances, and with them epsilon, are of some 1e-3.
            module.weight.copy_(_normal(generator, module.weight.shape,
                                        0.03 / math.sqrt(inputs)))
            # The mean over a filter's inputs taken out: or rectified channels drown the picture.
            if module.kernel_size != (1, 1) or inputs > 3:
                module.weight.sub_(module.weight.mean(dim=(1, 2, 3), keepdim=True) * 0.8)
        elif isinstance(module, nn.BatchNorm2d):
            _randomize_batchnorm(module, generator, 1.0)
    for stage in (visual.layer1, visual.layer2, visual.layer3, visual.layer4):
        for block in stage:  # the residual branch adds to the stream, it does not replace it
            block.bn3.weight.mul_(0.4)
    _calibrate(visual, generator)
    pool = visual.attnpool
    channels = pool.q_proj.bias.numel()
    pool.positional_embedding.copy_(_normal(generator, pool.positional_embedding.shape, 0.8))
    for projection in (pool.q_proj, pool.k_proj, pool.v_proj, pool.c_proj):
        strength = 1.5 if projection in (pool.q_proj, pool.k_proj) else 1.0
        matrix = _normal(generator, projection.weight.shape, strength / math.sqrt(channels))
        matrix -= matrix.mean(dim=1, keepdim=True) * 0.8
        projection.weight.copy_(matrix)
        projection.bias.copy_(_normal(generator, projection.bias.shape, 0.2))


def randomize(visual, seed):
    """Fills a tower in place and returns it, ready to be used."""
    generator = torch.Generator().manual_seed(seed)
    if isinstance(visual, VisionTransformer):
        _randomize_vit(visual, generator)
    elif isinstance(visual, ModifiedResNet):
        _randomize_resnet(visual, generator)
    else:
        raise TypeError("randomize: a VisionTransformer or a ModifiedResNet is expected")
    return visual.eval()


def random_prompts(features, pairs, seed, logit_scale=100.0):
    """Unit vectors (2 * pairs, embed) about the mean of some images' unit features, so spread that
    the differences of logits are of order 1 and no probability is near 0 or 1."""
    generator = torch.Generator().manual_seed(seed)
    mean = nn.functional.normalize(features.mean(dim=0), dim=0)
    spread = 1.5 / logit_scale * math.sqrt(mean.numel() / 2)
    noise = nn.functional.normalize(
        torch.randn((2 * pairs, mean.numel()), generator=generator), dim=1).to(mean.dtype)
    return nn.functional.normalize(mean + spread * noise, dim=1)


# ----------------------------------------------------------------------------------- checkpoints

def to_bfloat16(doubles):
    """f64 -> numbers of bf16 as f64, rounded once: torch goes by way of f32, which in one of some
    100,000 weights makes a tie where there was none.  Not for numbers below the normal ones."""
    bits = doubles.view(torch.int64)
    dropped = 52 - 7
    bits = bits + (1 << dropped - 1) - 1 + (bits >> dropped & 1)
    return (bits >> dropped << dropped).view(torch.float64)


@torch.no_grad()
def fold_batchnorm(visual, rounded=lambda doubles: doubles):
    """The same ResNet with BatchNorm moved into the convolutions' weights, as the converter does:
    what is left of each BatchNorm is the addition of its bias.  In place.

    rounded: of the weights in double precision, before they are stored in the towers' own."""
    pairs = [(visual, "conv%d" % i, "bn%d" % i) for i in (1, 2, 3)]
    for stage in (visual.layer1, visual.layer2, visual.layer3, visual.layer4):
        for block in stage:
            pairs += [(block, "conv%d" % i, "bn%d" % i) for i in (1, 2, 3)]
            if block.downsample is not None:
                pairs.append((block.downsample, "0", "1"))
    for parent, conv_name, norm_name in pairs:
        conv, norm = getattr(parent, conv_name), getattr(parent, norm_name)
        factor = norm.weight.double() / (norm.running_var.double() + norm.eps).sqrt()
        conv.weight.copy_(rounded(conv.weight.double() * factor.view(-1, 1, 1, 1)))
        norm.bias.copy_(norm.bias.double() - norm.running_mean.double() * factor)
        norm.running_mean.zero_()
        norm.running_var.fill_(1)
        norm.weight.fill_(1)
        norm.eps = 0.0
    return visual


@torch.no_grad()
def round_matrices(visual, dtype=torch.float16):
    """Every matrix and convolution through f16 or bf16, in place: what a file of `--type f16` or
    `--type bf16` holds."""
    if isinstance(visual, ModifiedResNet):
        # The converter makes f16 of the f32 that it would write, and bf16 of the doubles.
        fold_batchnorm(visual, *([to_bfloat16] if dtype == torch.bfloat16 else []))
    for name, parameter in visual.named_parameters():
        if name in ("proj", "text_projection") or name.endswith("weight") and parameter.dim() > 1:
            parameter.copy_(parameter.to(dtype))
    return visual


def state_dict(visual, prompts, logit_scale=100.0):
    """The flat dictionary of the official qualiclip.pth."""
    state = OrderedDict()
    state["clip_model.logit_scale"] = torch.tensor(math.log(logit_scale))
    for name, tensor in visual.state_dict().items():
        state["clip_model.visual." + name] = tensor
    state["prompts_features"] = prompts
    return state


def text_tower(width=8, layers=1, tokens=16, embed=8):
    """Keys of a text tower, which a converter of image towers has to pass over."""
    state = OrderedDict()
    state["clip_model.positional_embedding"] = torch.zeros(77, width)
    state["clip_model.text_projection"] = torch.zeros(width, embed)
    state["clip_model.token_embedding.weight"] = torch.zeros(tokens, width)
    for layer in range(layers):
        block = "clip_model.transformer.resblocks.%d." % layer
        state[block + "attn.in_proj_weight"] = torch.zeros(3 * width, width)
        state[block + "attn.in_proj_bias"] = torch.zeros(3 * width)
        state[block + "ln_1.weight"] = torch.ones(width)
        state[block + "ln_1.bias"] = torch.zeros(width)
    state["clip_model.ln_final.weight"] = torch.ones(width)
    state["clip_model.ln_final.bias"] = torch.zeros(width)
    return state


def save_qualiclip(path, visual, prompts, logit_scale=100.0, half=False, with_text=False):
    """Writes a checkpoint under the keys and in the container of the official qualiclip.pth.

    half: all floating-point tensors as f16 (their values are to be exact in it, or to be rounded)."""
    state = state_dict(visual, prompts, logit_scale)
    if with_text:
        state.update(text_tower())
    if half:
        for name, tensor in state.items():
            if tensor.is_floating_point() and tensor.dim() > 0:
                state[name] = tensor.half()
    torch.save(state, path)


def load_qualiclip(path, visual):
    """Fills `visual` (positions may be absent) and returns (prompts, logit_scale)."""
    state = torch.load(path, map_location="cpu")
    prefix = "clip_model.visual."
    missing, unknown = visual.load_state_dict(
        {name[len(prefix):]: tensor.float() for name, tensor in state.items()
         if name.startswith(prefix)}, strict=False)
    if unknown or any(not name.endswith("positional_embedding") for name in missing):
        raise ValueError("%s: missing %s, unknown %s" % (path, missing, unknown))
    visual.eval()
    return state["prompts_features"].float(), math.exp(float(state["clip_model.logit_scale"]))
