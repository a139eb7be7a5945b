"""Size rules with Pillow: what the library must show a tower, to the bit.

The rules are those of torchvision's Resize and CenterCrop, CLIP's own preprocessing, and of LIQE's
crops.  Also the noise that tests on both sides make for themselves.
"""
import numpy
from PIL import Image

TILE, STRIDE, TILES_MOST = 224, 32, 15


def noise(seed, width, height):
    """uint8 (height, width, 3); a quarter of it black or white, so that resizing overshoots."""
    i = numpy.arange(width * height * 3, dtype=numpy.uint64)
    mask = numpy.uint64(0xFFFFFFFF)
    h = (i + numpy.uint64(seed * 0x9E3779B1 & 0xFFFFFFFF)) * numpy.uint64(2654435761) & mask
    h ^= h >> numpy.uint64(15)
    h = h * numpy.uint64(2246822519) & mask
    h ^= h >> numpy.uint64(13)
    value = h >> numpy.uint64(24)
    extreme = numpy.where(h & numpy.uint64(0x400), 255, 0)
    value = numpy.where(h & numpy.uint64(0x300), value, extreme)
    return value.astype(numpy.uint8).reshape(height, width, 3)


def resize(pixels, width, height):
    return numpy.array(Image.fromarray(pixels).resize((width, height), Image.BICUBIC))


def crop(pixels, size):
    """Short side to `size`, then the middle."""
    height, width = pixels.shape[:2]
    short, long = sorted((width, height))
    longer = int(size * long / short)
    full = (size, longer) if width <= height else (longer, size)
    left, top = (int(round((side - size) / 2.0)) for side in full)
    return resize(pixels, *full)[top:top + size, left:left + size]


def long_side(pixels, size):
    """Long side to `size`, unless it is no longer than that."""
    height, width = pixels.shape[:2]
    short, long = sorted((width, height))
    if long <= size:
        return pixels
    other = max(1, int(numpy.floor(short * size / long + 0.5)))
    return resize(pixels, *((other, size) if width < height else (size, other)))


def tiles(pixels):
    """At most 15 of the crops of 224 x 224 that lie on a grid of 32 pixels."""
    height, width = pixels.shape[:2]
    every = [pixels[y:y + TILE, x:x + TILE]
             for y in range(0, height - TILE + 1, STRIDE)
             for x in range(0, width - TILE + 1, STRIDE)]
    if len(every) <= TILES_MOST:
        return every
    step = len(every) // TILES_MOST
    return [every[i * step] for i in range(TILES_MOST)]


def views(pixels, rule):
    """The crops that a rule, as the command line has it, makes of an image."""
    if rule == "native":
        return [pixels]
    if rule == "tiles":
        return tiles(pixels)
    if rule.startswith("crop"):
        return [crop(pixels, int(rule[4:]))]
    if rule.startswith("long="):
        return [long_side(pixels, int(rule[5:]))]
    raise ValueError("size rule %r" % rule)
