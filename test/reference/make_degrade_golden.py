#!/usr/bin/python3
"""Writes test/golden/degrade/: what NumPy and SciPy make of noise by the degradations' formulas.

cases.txt has one case a line: TYPE STRENGTH SEED WIDTH HEIGHT; expected.bin has the results, floats
R, G, B, R, ..., one image after the other.  The test makes the same noise (sizes.noise).  Types with
chance in them are not here, nor codecs.  All is computed in float64, by other means than in C:
splines, integrals, colour conversions as they are written down.
"""
import colorsys
import os

import numpy as np
import scipy
from scipy import integrate, interpolate, ndimage

import sizes

TO_XYZ = np.array([[0.412453, 0.357580, 0.180423], [0.212671, 0.715160, 0.072169],
                   [0.019334, 0.119193, 0.950227]])
WHITE = TO_XYZ.sum(1)  # D65 to five digits, (0.95046, 1, 1.08875): then greys have no colour at all


def to_lab(rgb):
    light = np.where(rgb > 0.04045, ((rgb + 0.055) / 1.055) ** 2.4, rgb / 12.92)
    t = light @ TO_XYZ.T / WHITE
    f = np.where(t > 0.008856, np.cbrt(t), 7.787 * t + 16 / 116)
    return np.stack([116 * f[..., 1] - 16, 500 * (f[..., 0] - f[..., 1]),
                     200 * (f[..., 1] - f[..., 2])], -1)


def from_lab(lab):
    y = (lab[..., 0] + 16) / 116
    f = np.stack([y + lab[..., 1] / 500, y, y - lab[..., 2] / 200], -1)
    t = np.where(f > 0.2068966, f ** 3, (f - 16 / 116) / 7.787)
    light = t * WHITE @ np.linalg.inv(TO_XYZ).T
    curved = 1.055 * np.maximum(light, 0.0031308) ** (1 / 2.4) - 0.055
    return np.clip(np.where(light > 0.0031308, curved, 12.92 * light), 0, 1)


def gaussian(plane, sigma, radius):
    # The truncation is a little more than the radius, so that rounding cannot lose a pixel.
    return ndimage.gaussian_filter(plane, sigma, mode="nearest", truncate=(radius + 0.1) / sigma)


def each_plane(image, function):
    return np.stack([function(image[..., c]) for c in range(3)], -1)


def gaussian_blur(image, sigma):
    return each_plane(image, lambda plane: gaussian(plane, sigma, int(np.ceil(2 * sigma))))


def disk(radius):
    reach = int(radius + 0.5)
    kernel = np.zeros((2 * reach + 1,) * 2)
    for y in range(-reach, reach + 1):
        for x in range(-reach, reach + 1):
            def height(across, y=y):
                half = np.sqrt(max(radius ** 2 - across ** 2, 0))
                return max(min(half, y + 0.5) - max(-half, y - 0.5), 0)
            kernel[y + reach, x + reach] = integrate.quad(height, x - 0.5, x + 0.5, limit=200)[0]
    return kernel / kernel.sum()


def lens_blur(image, radius):
    kernel = disk(radius)
    return each_plane(image, lambda plane: ndimage.correlate(plane, kernel, mode="nearest"))


def color_diffusion(image, amount):
    lab = to_lab(image)
    sigma = 1.5 * amount + 2
    for c in 1, 2:
        lab[..., c] = amount * gaussian(lab[..., c], sigma, int(np.ceil(2 * sigma)))
    return from_lab(lab)


def saturation_hsv(image, factor):
    result = np.empty_like(image)
    for y, x in np.ndindex(image.shape[:2]):
        hue, saturation, value = colorsys.rgb_to_hsv(*image[y, x])
        result[y, x] = colorsys.hsv_to_rgb(hue, saturation * factor, value)
    return result


def saturation_lab(image, factor):
    return from_lab(to_lab(image) * [1, factor, factor])


def curve(x, inner_x, inner_y):
    spline = interpolate.CubicSpline([0, *inner_x, 1], [0, *inner_y, 1])
    return np.clip(spline(x), 0, 1)


def brighten(image, amount):
    lab = to_lab(image)
    lab[..., 0] = 100 * curve(lab[..., 0] / 100, [0.5], [0.5 + amount / 2])
    return (2 * curve(image, [0.5], [0.5 + amount / 2]) + from_lab(lab)) / 3


def darken(image, amount):
    return curve(image, [0.5], [0.5 - amount / 2])


def mean_shift(image, amount):
    return image + amount


def quantization(image, bins):
    edges = np.linspace(0, 255, bins + 1)
    number = np.clip(np.digitize(np.round(image * 255), edges) - 1, 0, bins - 1)
    return (number - number.min()) / (number.max() - number.min())


def high_sharpen(image, amount):
    lab = to_lab(image)
    lab[..., 0] += amount * (lab[..., 0] - gaussian(lab[..., 0], 6, 6))
    return from_lab(lab)


def linear_contrast(image, amount):
    return curve(image, [0.3, 0.5, 0.7], [0.25 - amount / 4, 0.5, 0.75 + amount / 4])


def non_linear_contrast(image, half_range):
    return np.interp(image, [0, 1], [0.5 - half_range, 0.5 + half_range])


CASES = (
    (gaussian_blur, (0.1, 0.5, 5)), (lens_blur, (1, 2, 8)), (color_diffusion, (1, 12)),
    (saturation_hsv, (0.4, 0, -0.4)), (saturation_lab, (2, 9)), (brighten, (0.1, 1.1)),
    (darken, (0.05, 0.8)), (mean_shift, (0, 0.08, -0.15)), (quantization, (20, 13, 7)),
    (high_sharpen, (1, 12)), (linear_contrast, (0, 0.3, -0.4, -0.6)),
    (non_linear_contrast, (0.4, 0.05)),
)


def main():
    directory = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "golden", "degrade")
    os.makedirs(directory, exist_ok=True)
    width, height = 13, 9
    with open(os.path.join(directory, "cases.txt"), "w") as text, \
            open(os.path.join(directory, "expected.bin"), "wb") as values:
        text.write("# TYPE STRENGTH SEED WIDTH HEIGHT; made by test/reference/make_degrade_golden.py "
                   "with SciPy %s\n" % scipy.__version__)
        seed = 0
        for function, strengths in CASES:
            for strength in strengths:
                seed += 1
                image = sizes.noise(seed, width, height) / 255
                result = np.clip(function(image, strength), 0, 1)
                text.write("%s %g %d %d %d\n" % (function.__name__.replace("_", "-"), strength,
                                                 seed, width, height))
                values.write(result.astype("<f4").tobytes())


if __name__ == "__main__":
    main()
