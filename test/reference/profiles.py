"""The scoring recipes in PyTorch: from pixels and two towers to the number that a profile gives.

A recipe is what is compared (texts), in which units (logit scale, temperature), at which size and
with which positions, and what is made of the similarities.  The sources of the facts are named
beside them.
"""
from dataclasses import dataclass
from itertools import product

import torch

import sizes
from clip_reference import embed

CONTEXT = 16  # learned vectors a prompt
START, END = 49406, 49407

_QUALICLIP = ("Good photo.", "Bad photo.", "Sharp image.", "Blurry image.", "Sharp edges.",
              "Blurry edges.", "High-resolution image.", "Low-resolution image.",
              "Noise-free image.", "Noisy image.", "High-quality image.", "Low-quality image.",
              "Good picture.", "Bad picture.")
_CLIP_IQA_PYIQA = ("Good image", "bad image", "Sharp image", "blurry image", "sharp edges",
                   "blurry edges", "High resolution image", "low resolution image",
                   "Noise-free image", "noisy image")
LEVELS = ("bad", "poor", "fair", "good", "perfect")
_SCENES = ("animal", "cityscape", "human", "indoor", "landscape", "night", "plant", "still_life",
           "others")
_DISTORTIONS = ("jpeg2000 compression", "jpeg compression", "noise", "blur", "color", "contrast",
                "overexposure", "underexposure", "spatial", "quantization", "other")


@dataclass(frozen=True)
class Profile:
    texts: tuple         # pairs: positive, negative, ...; levels: the worst level's first
    kind: str = "pairs"  # pairs | levels | texts
    scale: float = 0.0   # of the logits; 0: the checkpoint's
    temperature: float = 1.0
    size: str = "native"
    positions: str = "none"
    context: bool = False  # the texts stand between learned vectors


PROFILES = {
    # The official hub: the checkpoint brings the features of these texts.
    "qualiclip": Profile(_QUALICLIP),
    # pyiqa divides the logits by 2, with the same features.
    "qualiclip-pyiqa": Profile(_QUALICLIP, temperature=2.0),
    "clip-iqa": Profile(("Good photo.", "Bad photo.")),
    "clip-iqa-pyiqa": Profile(_CLIP_IQA_PYIQA),
    "qualiclip+": Profile(_QUALICLIP, temperature=2.0, context=True),
    # CLIP-IQA's own code adds a full stop to the prompts, and ".." is one token (852, not 269).
    "clip-iqa+": Profile(("Good photo..", "Bad photo.."), context=True),
    "liqe": Profile(tuple("a photo with %s quality" % level for level in LEVELS), kind="levels",
                    size="tiles", positions="grid"),
    "liqe-mix": Profile(tuple("a photo of a %s with %s artifacts, which is of %s quality" % (s, d, q)
                              for q, s, d in product(LEVELS, _SCENES, _DISTORTIONS)),
                        kind="levels", size="tiles", positions="grid"),
    # Its high part; the low part is another network.
    "grepq": Profile(("A good photo.", "A bad photo."), scale=10.0),
    # CLIP as it was trained; the texts are the user's.
    "clip": Profile((), kind="texts", size="crop224", positions="grid"),
}


# --------------------------------------------------------------------------------------- texts

@torch.no_grad()
def _run(tower, vectors):
    """Texts as vectors, each (tokens, width) and ending with its end token -> unit features.

    Under the causal mask nothing after the end token counts, so there is no padding; and texts of
    a length go together: 495 texts in a tenth of the time."""
    features = torch.empty(len(vectors), tower.text_projection.shape[1], dtype=vectors[0].dtype)
    for length in {len(one) for one in vectors}:
        chosen = [index for index, one in enumerate(vectors) if len(one) == length]
        features[chosen] = tower.run(torch.stack([vectors[index] for index in chosen]), length - 1)
    return features / features.norm(dim=1, keepdim=True)


@torch.no_grad()
def text_features(tower, ids):
    """Lists of token ids -> unit features (texts, embed)."""
    return _run(tower, [tower.token_embedding(torch.tensor(one)) for one in ids])


@torch.no_grad()
def context_features(tower, context, ids):
    """Texts in the middle of learned vectors, (16, width) for all or (texts, 16, width):
    start, eight vectors, the text's own tokens, eight vectors, end; as pyiqa's PromptLearner,
    for which the text is preceded by sixteen X and the padding is that of CLIP's tokenizer."""
    vectors = []
    for index, one in enumerate(ids):
        learned = context if context.dim() == 2 else context[index]
        own = tower.token_embedding(torch.tensor(one))
        vectors.append(torch.cat([own[:1], learned[:CONTEXT // 2], own[1:-1],
                                  learned[CONTEXT // 2:], own[-1:]]))
    return _run(tower, vectors)


def prompt_features(name, tower, tokenizer, context=None, texts=None):
    """The unit features of a profile's texts, or of the `texts` given."""
    profile = PROFILES[name]
    ids = [tokenizer.encode(text) for text in texts or profile.texts]
    if profile.context:
        return context_features(tower, context, ids)
    return text_features(tower, ids)


# -------------------------------------------------------------------------------------- scores

def image_features(visual, pixels, size, positions):
    """Unit features (crops, embed); one crop except for `tiles`."""
    return torch.stack([embed(visual, crop, positions) for crop in sizes.views(pixels, size)])


@torch.no_grad()
def scored(features, prompts, kind, scale, temperature=1.0):
    """Unit features of the crops (crops, embed) and of the texts -> (score, parts).

    parts: of pairs the positive prompts' probabilities, of levels those of the levels, of texts
    those of the texts.  Texts as such have no score: the first text's probability stands for it."""
    logits = (scale * features @ prompts.t()).mean(dim=0) / temperature
    if kind == "pairs":
        parts = torch.sigmoid(logits[0::2] - logits[1::2])
        return parts.mean(), parts
    probabilities = torch.softmax(logits, dim=0)
    if kind == "texts":
        return probabilities[0], probabilities
    parts = probabilities.reshape(len(LEVELS), -1).sum(dim=1)
    return (torch.arange(1, len(LEVELS) + 1, dtype=parts.dtype) * parts).sum(), parts


def profile_score(name, features, prompts, checkpoint_scale, temperature=None):
    profile = PROFILES[name]
    return scored(features, prompts, profile.kind, profile.scale or checkpoint_scale,
                  temperature or profile.temperature)


def profile_features(name, visual, pixels, size=None, positions=None):
    profile = PROFILES[name]
    return image_features(visual, pixels, size or profile.size, positions or profile.positions)
