#!/usr/bin/python3
"""Makes the photos of this directory: a good one, worsened copies of it, and two crops.

    test/photos/make_photos.py  dandelions.jpg  kodak/05.png  FOLDER

The two originals are named in README.md; FOLDER is the held-out one of weights/photos/fetch.sh.  Needs numpy and Pillow; made with Pillow 9.4.0.
"""
import os
import sys

import numpy as np
from PIL import Image, ImageFilter

HELD_OUT = ("blue-periwinkle", "oakland-zoo-otters", "perched-osprey", "roman-colosseum")
HERE = os.path.dirname(os.path.abspath(__file__))


def save(image, name, **options):
    image.save(os.path.join(HERE, name), **options)


def with_noise(image, deviation):
    pixels = np.asarray(image, dtype=np.float64)
    noise = np.random.RandomState(1).normal(0, deviation, pixels.shape)
    return Image.fromarray(np.clip(np.rint(pixels + noise), 0, 255).astype(np.uint8))


def centre(image, width, height):
    """Scaled down until it just fills width x height, and cut to that."""
    scale = max(width / image.width, height / image.height)
    image = image.resize((max(width, round(image.width * scale)),
                          max(height, round(image.height * scale))), Image.LANCZOS)
    left, top = (image.width - width) // 2, (image.height - height) // 2
    return image.crop((left, top, left + width, top + height))


def main(photo_path, film_path, held_out):
    photo = Image.open(photo_path).convert("RGB").resize((768, 432), Image.LANCZOS)
    save(photo, "dandelions.jpg", quality=92)
    # Blurred copies as PNG: the built-in model takes the fine grain that JPEG adds for detail.
    save(photo.filter(ImageFilter.GaussianBlur(1)), "dandelions-slight-blur.png", optimize=True)
    save(photo, "dandelions-jpeg-quality-20.jpg", quality=20)
    save(photo.filter(ImageFilter.GaussianBlur(3)), "dandelions-strong-blur.png", optimize=True)
    save(with_noise(photo, 25), "dandelions-heavy-noise.jpg", quality=85, subsampling=0)

    film = Image.open(film_path).convert("RGB")
    save(film.crop((300, 100, 300 + 161, 100 + 300)), "bikes-161x300.png", optimize=True)
    save(film.crop((60, 200, 60 + 224, 200 + 224)), "bikes-224x224.png", optimize=True)

    for name in HELD_OUT:
        photo = Image.open(os.path.join(held_out, name + ".jpg")).convert("RGB")
        save(centre(photo, 384, 256), "held-out-%s.png" % name, optimize=True)


main(*sys.argv[1:])
