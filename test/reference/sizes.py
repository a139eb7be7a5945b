"""From an image to the pixels that are scored: the library's --size in Pillow and numpy.

uint8 (height, width, 3) in, a list of such arrays out: one, or for `tiles` up to fifteen crops.
"""
import numpy
from PIL import Image

CROP = 224
TILES, TILE_STRIDE = 15, 32


def resize(pixels, width, height):
    """Pillow's antialiased bicubic; an image of that size already is left alone by Pillow too."""
    return numpy.array(Image.fromarray(pixels).resize((width, height), Image.BICUBIC))


def short_side(pixels, size):
    """torchvision's Resize: the short side becomes `size`, the long one is cut to an integer."""
    height, width = pixels.shape[:2]
    if min(height, width) == size:
        return pixels
    longer = int(size * max(height, width) / min(height, width))
    return resize(pixels, longer, size) if width > height else resize(pixels, size, longer)


def centre_crop(pixels, size):
    """torchvision's CenterCrop: Python's round, which takes a half to the even neighbour."""
    height, width = pixels.shape[:2]
    top, left = int(round((height - size) / 2.0)), int(round((width - size) / 2.0))
    return pixels[top:top + size, left:left + size]


def long_side(pixels, size):
    """The long side brought down to `size`, never enlarged; a half is rounded up."""
    height, width = pixels.shape[:2]
    longer = max(height, width)
    if longer <= size:
        return pixels
    height, width = (max(1, (2 * side * size + longer) // (2 * longer))
                     for side in (height, width))
    return resize(pixels, width, height)


def tiles(pixels):
    """LIQE's crops as pyiqa takes them: a stride-32 grid row by row, and of it every n-th."""
    height, width = pixels.shape[:2]
    if min(height, width) < CROP:
        raise ValueError("%d x %d: LIQE needs %d pixels a side" % (width, height, CROP))
    corners = [(top, left) for top in range(0, height - CROP + 1, TILE_STRIDE)
               for left in range(0, width - CROP + 1, TILE_STRIDE)]
    count = min(len(corners), TILES)
    step = len(corners) // count
    return [pixels[top:top + CROP, left:left + CROP]
            for top, left in corners[:step * count:step]]


def apply(pixels, size):
    """size: native, crop224, long=N or tiles."""
    if size == "native":
        return [pixels]
    if size == "crop224":
        return [centre_crop(short_side(pixels, CROP), CROP)]
    if size == "tiles":
        return tiles(pixels)
    if size.startswith("long="):
        return [long_side(pixels, int(size[len("long="):]))]
    raise ValueError("size: %r" % size)
