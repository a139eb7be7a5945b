#!/usr/bin/python3
"""Makes test/golden/images: image files of every kind, and the pixels they must decode to.

    PATH=$PATH:.../libjpeg-turbo-progs/usr/bin  test/golden/make_images.py

Needs numpy, Pillow, PyTorch and cjpeg (libjpeg-turbo-progs).  The committed files were made with
Pillow 9.4.0 on libjpeg-turbo 2.1.5, cjpeg 2.1.5 and PyTorch 1.13. Other versions were not tried; a
difference would most likely be one of chroma upsampling (440.jpg, 411.jpg, 410.jpg).

  *.png            written by the few lines below, so that every colour type, depth, filter and
                   interlacing occurs; expected pixels follow from the samples, and Pillow is asked
                   whether it agrees wherever it keeps 8 bits
  *.jpg            written by Pillow and cjpeg; expected pixels are Pillow's convert("RGB")
  manifest.txt     a line for each file: name, channels (3 or 4), width, height
  expected.bin     the pixels of those files, one after the other, in the manifest's order
  grey16-every-value.png   0 to 65535 in 256 rows; the test knows what they must become
  pixel_table.bin  (v / 255 - mean) / std by PyTorch: 3 x 256 floats, little-endian
"""
import io
import os
import struct
import subprocess
import zlib

import numpy as np
import torch
from PIL import Image

HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "images")
random = np.random.RandomState(20240607)
entries = []


def keep(name, data, pixels):
    """pixels: height x width x channels, uint8"""
    with open(os.path.join(HERE, name), "wb") as file:
        file.write(data)
    entries.append((name, np.ascontiguousarray(pixels, dtype=np.uint8)))


# ------------------------------------------------------------------------------------------ PNG

GREY, RGB, PALETTE, GREY_ALPHA, RGBA = 0, 2, 3, 4, 6
CHANNELS = {GREY: 1, RGB: 3, PALETTE: 1, GREY_ALPHA: 2, RGBA: 4}
NAMES = {GREY: "grey", RGB: "rgb", PALETTE: "palette", GREY_ALPHA: "greyalpha", RGBA: "rgba"}
ADAM7 = [(0, 0, 8, 8), (4, 0, 8, 8), (0, 4, 4, 8), (2, 0, 4, 4), (0, 2, 2, 4), (1, 0, 2, 2),
         (0, 1, 1, 2)]  # x, y, step of x, step of y


def chunk(kind, data):
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def pack_row(row, depth):
    if depth == 16:
        return row.astype(">u2").tobytes()
    if depth == 8:
        return row.astype(np.uint8).tobytes()
    bits = "".join(format(int(v), "0%db" % depth) for v in row.ravel())
    bits += "0" * (-len(bits) % 8)
    return bytes(int(bits[i:i + 8], 2) for i in range(0, len(bits), 8))


def paeth(a, b, c):
    p = a + b - c
    return min((abs(p - a), 0, a), (abs(p - b), 1, b), (abs(p - c), 2, c))[2]


def filter_rows(samples, depth, kinds):
    """Rows of one pass, filtered with `kinds` in turn."""
    step = max(1, samples.shape[2] * depth // 8)
    out, above = b"", None
    for y, row in enumerate(samples):
        raw = pack_row(row, depth)
        above = above or bytes(len(raw))
        kind = kinds[y % len(kinds)]
        line = bytearray([kind])
        for i, value in enumerate(raw):
            a = raw[i - step] if i >= step else 0
            b = above[i]
            c = above[i - step] if i >= step else 0
            guess = (0, a, b, (a + b) // 2, paeth(a, b, c))[kind]
            line.append((value - guess) % 256)
        out += bytes(line)
        above = raw
    return out


def write_png(samples, color, depth, interlaced=False, palette=None, transparent=None, extra=(),
              filters=(0, 1, 2, 3, 4)):
    height, width, _ = samples.shape
    passes = ADAM7 if interlaced else [(0, 0, 1, 1)]
    data = b"".join(filter_rows(samples[y::dy, x::dx], depth, filters) for x, y, dx, dy in passes
                    if samples[y::dy, x::dx].size)
    png = b"\x89PNG\r\n\x1a\n"
    png += chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, color, 0, 0, interlaced))
    for kind, body in extra:
        png += chunk(kind, body)
    if palette is not None:
        png += chunk(b"PLTE", palette.tobytes())
    if transparent is not None:
        png += chunk(b"tRNS", transparent)
    return png + chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")


def to_8_bits(samples, depth):
    most = (1 << depth) - 1
    return (samples.astype(np.int64) * 255 + most // 2) // most


def expected_pixels(samples, color, depth, palette, alphas, key):
    """RGB or RGBA; alphas: of palette entries; key: the transparent grey or colour."""
    if color == PALETTE:
        pixels = palette[samples[:, :, 0]]
        alpha = None if alphas is None else np.concatenate(
            [alphas, np.full(256 - len(alphas), 255)])[samples[:, :, 0]]
    else:
        values = to_8_bits(samples, depth)
        has_alpha = color in (GREY_ALPHA, RGBA)
        colors = values[:, :, :-1] if has_alpha else values
        pixels = np.repeat(colors, 3, axis=2) if colors.shape[2] == 1 else colors
        alpha = values[:, :, -1] if has_alpha else None
        if key is not None:
            alpha = np.where((samples == key).all(axis=2), 0, 255)
    return pixels if alpha is None else np.dstack([pixels, alpha])


def add_png(name, samples, color, depth, interlaced=False, palette=None, alphas=None, key=None,
            **more):
    transparent = None
    if alphas is not None:
        transparent = bytes(alphas.tolist())
    if key is not None:
        transparent = b"".join(struct.pack(">H", int(v)) for v in key)
    data = write_png(samples, color, depth, interlaced, palette, transparent, **more)
    pixels = expected_pixels(samples, color, depth, palette, alphas, key)
    if depth <= 8:
        mode = "RGBA" if pixels.shape[2] == 4 else "RGB"
        seen = np.asarray(Image.open(io.BytesIO(data)).convert(mode))
        # Pillow compares a transparent grey of 1 to 4 bits with the widened value.
        if key is None or depth == 8:
            assert np.array_equal(seen, pixels), name
        assert np.array_equal(seen[:, :, :3], pixels[:, :, :3]), name
    keep(name, data, pixels)


def make_pngs():
    width, height = 13, 7
    kinds = [(GREY, d) for d in (1, 2, 4, 8, 16)] + [(RGB, d) for d in (8, 16)]
    kinds += [(PALETTE, d) for d in (1, 2, 4, 8)]
    kinds += [(c, d) for c in (GREY_ALPHA, RGBA) for d in (8, 16)]
    for color, depth in kinds:
        samples = random.randint(0, 1 << depth, (height, width, CHANNELS[color]))
        palette = alphas = key = None
        if color == PALETTE:
            palette = random.randint(0, 256, (1 << depth, 3)).astype(np.uint8)
        for interlaced in (False, True):
            name = "%s%d%s.png" % (NAMES[color], depth, "-interlaced" if interlaced else "")
            add_png(name, samples, color, depth, interlaced, palette)
        if color in (GREY_ALPHA, RGBA):
            continue
        # A transparent colour.  At 16 bits a neighbour with the same upper byte is opaque.
        if color == PALETTE:
            alphas = random.randint(0, 256, max(1, (1 << depth) * 3 // 4))
        else:
            key = samples[2, 3].copy()
            samples[4, 5] = key
            samples[4, 6] = key ^ 1
        add_png("%s%d-trns.png" % (NAMES[color], depth), samples, color, depth,
                depth == 4, palette, alphas, key)
    add_png("grey8-1x1.png", np.array([[[77]]]), GREY, 8)
    add_png("rgba8-1x1-interlaced.png", np.array([[[1, 2, 3, 4]]]), RGBA, 8, True)
    add_png("rgb8-3x1-interlaced.png", random.randint(0, 256, (1, 3, 3)), RGB, 8, True)
    with open(os.path.join(HERE, "grey16-every-value.png"), "wb") as file:
        file.write(write_png(np.arange(65536).reshape(256, 256, 1), GREY, 16, filters=(2,)))
    profile = b"name\0\0" + zlib.compress(b"not an ICC profile")
    add_png("rgb8-gamma.png", random.randint(0, 256, (height, width, 3)), RGB, 8,
            extra=[(b"gAMA", struct.pack(">I", 100000)), (b"iCCP", profile),
                   (b"sBIT", b"\x05\x06\x05"), (b"tEXt", b"Title\0a text"),
                   (b"bKGD", b"\0\1\0\2\0\3")])


# ----------------------------------------------------------------------------------------- JPEG

def scene(width, height, channels):
    """Slopes, edges and noise: what rounding and upsampling show up on."""
    y, x = np.mgrid[0:height, 0:width]
    planes = []
    for c in range(channels):
        plane = 127 + 90 * np.sin(x / (3.0 + c)) * np.cos(y / (4.0 - c / 2))
        plane += 70 * ((x // 5 + y // 7 + c) % 2) - 35 + random.normal(0, 12, x.shape)
        planes.append(np.clip(plane, 0, 255))
    return np.dstack(planes).astype(np.uint8)


def pillow_jpeg(pixels, mode, **options):
    image = Image.frombytes(mode, (pixels.shape[1], pixels.shape[0]), pixels.tobytes())
    out = io.BytesIO()
    image.save(out, "JPEG", **options)
    return out.getvalue()


def cjpeg(pixels, *options):
    height, width, _ = pixels.shape
    ppm = b"P6 %d %d 255\n" % (width, height) + pixels.tobytes()
    return subprocess.run(["cjpeg", *options], input=ppm, stdout=subprocess.PIPE,
                          check=True).stdout


def without_marker(data, code):
    at = 2
    while data[at + 1] != code:
        at += 2 + struct.unpack(">H", data[at + 2:at + 4])[0]
    return data[:at] + data[at + 2 + struct.unpack(">H", data[at + 2:at + 4])[0]:]


def with_adobe(data, transform):
    """The file with an Adobe marker in the place of any that it had."""
    for code in (0xE0, 0xEE):
        if bytes([0xFF, code]) in data[:64]:
            data = without_marker(data, code)
    marker = b"\xff\xee\0\x0eAdobe\0\x64\0\0\0\0" + bytes([transform])
    return data[:2] + marker + data[2:]


def with_component_ids(data, ids):
    data = bytearray(data)
    frame = data.index(b"\xff\xc0") + 10
    scan = data.index(b"\xff\xda") + 5
    for i, value in enumerate(ids):
        data[frame + 3 * i] = value
        data[scan + 2 * i] = value
    return bytes(data)


def add_jpeg(name, data):
    image = Image.open(io.BytesIO(data))
    keep(name, data, np.asarray(image.convert("RGB")))


def check_cmyk_formula():
    """The formula in codec_jpeg.c, for each ink and black that there is."""
    ink, black = np.mgrid[0:256, 0:256]
    inks = np.dstack([255 - ink, 255 - ink, 255 - ink, 255 - black]).astype(np.uint8)
    seen = np.asarray(Image.frombytes("CMYK", (256, 256), inks.tobytes()).convert("RGB"))
    assert np.array_equal(seen[:, :, 0], black - ((255 - ink) * black + 127) // 255)
    assert (seen == seen[:, :, :1]).all()


def make_jpegs():
    check_cmyk_formula()
    rgb = scene(35, 27, 3)
    add_jpeg("grey.jpg", pillow_jpeg(rgb[:, :, 0], "L", quality=80))
    for name, subsampling in (("444", 0), ("422", 1), ("420", 2)):
        add_jpeg(name + ".jpg", pillow_jpeg(rgb, "RGB", quality=85, subsampling=subsampling))
        add_jpeg(name + "-progressive.jpg", pillow_jpeg(rgb, "RGB", quality=60, progressive=True,
                                                        subsampling=subsampling))
    add_jpeg("440.jpg", cjpeg(rgb, "-sample", "1x2"))
    add_jpeg("411.jpg", cjpeg(rgb, "-sample", "4x1"))
    add_jpeg("410.jpg", cjpeg(rgb, "-sample", "4x2"))
    add_jpeg("restart.jpg", cjpeg(rgb, "-restart", "1B", "-sample", "2x2"))
    add_jpeg("restart-progressive.jpg", cjpeg(rgb, "-restart", "2", "-progressive"))
    add_jpeg("arithmetic.jpg", cjpeg(rgb, "-arithmetic"))
    add_jpeg("arithmetic-progressive.jpg", cjpeg(rgb, "-arithmetic", "-progressive"))
    with open("/tmp/make_images.scans", "w") as script:
        script.write("0;\n1;\n2;\n")
    add_jpeg("one-scan-a-component.jpg", cjpeg(rgb, "-scans", script.name))
    os.remove(script.name)
    add_jpeg("quality-1.jpg", pillow_jpeg(rgb, "RGB", quality=1))
    add_jpeg("quality-100.jpg", pillow_jpeg(random.randint(0, 256, (16, 24, 3)).astype(np.uint8),
                                            "RGB", quality=100, subsampling=2))
    for width, height in ((1, 1), (2, 1), (1, 17), (17, 16), (8, 8), (9, 33)):
        add_jpeg("420-%dx%d.jpg" % (width, height),
                 pillow_jpeg(scene(width, height, 3), "RGB", quality=90))

    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned by 90 degrees, which nobody here does
    add_jpeg("orientation-6.jpg", pillow_jpeg(rgb, "RGB", quality=85, exif=exif))

    # Three components that are RGB as they stand, by Adobe's marker or by their names.
    plain = pillow_jpeg(rgb, "YCbCr", quality=90, subsampling=0)
    add_jpeg("rgb-adobe.jpg", with_adobe(plain, 0))
    add_jpeg("rgb-by-name.jpg", with_component_ids(without_marker(plain, 0xE0), b"RGB"))
    add_jpeg("ycc-adobe.jpg", with_adobe(plain, 1))

    cmyk = scene(35, 27, 4)
    inks = pillow_jpeg(cmyk, "CMYK", quality=85)
    noise = random.randint(0, 256, (32, 40, 4)).astype(np.uint8)
    add_jpeg("cmyk.jpg", inks)
    add_jpeg("cmyk-no-adobe.jpg", without_marker(inks, 0xEE))
    add_jpeg("cmyk-noise.jpg", pillow_jpeg(noise, "CMYK", quality=100))
    add_jpeg("ycck.jpg", with_adobe(inks, 2))
    add_jpeg("ycck-420-progressive.jpg",
             with_adobe(pillow_jpeg(cmyk, "CMYK", quality=85, subsampling=2, progressive=True), 2))


def make_pixel_table():
    mean = torch.tensor([0.48145466, 0.4578275, 0.40821073])
    std = torch.tensor([0.26862954, 0.26130258, 0.27577711])
    bytes_ = torch.arange(256, dtype=torch.uint8).expand(3, 256)
    table = (bytes_.to(torch.float32).div(255) - mean[:, None]) / std[:, None]
    with open(os.path.join(HERE, "pixel_table.bin"), "wb") as file:
        file.write(table.numpy().astype("<f4").tobytes())


def main():
    os.makedirs(HERE, exist_ok=True)
    make_pngs()
    make_jpegs()
    make_pixel_table()
    with open(os.path.join(HERE, "manifest.txt"), "w") as manifest, \
            open(os.path.join(HERE, "expected.bin"), "wb") as expected:
        for name, pixels in entries:
            height, width, channels = pixels.shape
            manifest.write("%s %d %d %d\n" % (name, channels, width, height))
            expected.write(pixels.tobytes())


main()
