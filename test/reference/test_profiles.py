#!/usr/bin/python3
"""Are the recipes right?  Each is checked against another way of saying the same thing, and the
mistakes that one could make must move the score by more than the comparisons tolerate."""
import os
import unittest

import numpy
import torch
from PIL import Image

import sizes
from clip_reference import (TextTransformer, VisionTransformer, embed, embed_text, load_pixels,
                            normalise, resample_positions)
from clip_tokenizer import Tokenizer, read_merges
from profiles import (LEVELS, PROFILES, context_features, profile_features, profile_score, scored,
                      text_features)
from random_weights import random_prompts, randomize, randomize_text

HERE = os.path.dirname(os.path.abspath(__file__))
PHOTO = os.path.join(HERE, "..", "photos", "dandelions-slight-blur.png")
SCORE_TOLERANCE = 1e-4


def golden_tokenizer():
    return Tokenizer(read_merges(os.path.join(HERE, "..", "golden", "tokenizer", "merges.txt"),
                                 461))


def numbered(height, width):
    """An image whose pixels tell their place."""
    rows, columns = numpy.mgrid[0:height, 0:width]
    return numpy.stack([rows % 256, columns % 256, rows // 256 * 16 + columns // 256],
                       axis=2).astype(numpy.uint8)


class Sizes(unittest.TestCase):
    def test_crop224(self):
        for (height, width), (middle, left, top) in {
                (300, 161): ((417, 224), 0, 96),    # (417 - 224) / 2 = 96.5: to the even 96
                (200, 355): ((224, 397), 86, 0),    # 86.5: to the even 86
                (200, 357): ((224, 399), 88, 0),    # 87.5: to the even 88
                (224, 224): ((224, 224), 0, 0),
                (224, 1000): ((224, 1000), 388, 0),
                (1000, 999): ((224, 224), 0, 0)}.items():
            pixels = numbered(height, width)
            resized = pixels if (height, width) == middle else \
                sizes.resize(pixels, middle[1], middle[0])
            cropped, = sizes.views(pixels, "crop224")
            self.assertEqual(cropped.shape, (224, 224, 3))
            self.assertTrue((cropped == resized[top:top + 224, left:left + 224]).all())

    def test_resize_is_bicubic_and_antialiased(self):
        """Down by an odd factor, the middle of a target pixel is that of a source pixel: the
        weights of a = -0.5, stretched by the factor, worked out here."""
        pixels = numpy.random.default_rng(1).integers(80, 170, (33, 5, 3)).astype(numpy.uint8)
        small = sizes.resize(pixels, 5, 11)

        def weight(x, a=-0.5):
            x = abs(x)
            if x < 1:
                return (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1
            return a * x ** 3 - 5 * a * x ** 2 + 8 * a * x - 4 * a if x < 2 else 0.0

        weights = numpy.array([weight((row - 16) / 3) for row in range(33)])
        expected = (pixels * (weights / weights.sum())[:, None, None]).sum(axis=0)
        self.assertLess(abs(small[5] - expected).max(), 0.51)

    def test_long(self):
        for (height, width), size, expected in (
                ((10, 5), 5, (5, 3)),        # 2.5 is rounded up
                ((5, 10), 5, (3, 5)),
                ((100, 3), 10, (10, 1)),     # 0.3: at least 1
                ((300, 161), 300, (300, 161)),
                ((300, 161), 3000, (300, 161)),
                ((768, 432), 512, (512, 288))):
            result, = sizes.views(numbered(height, width), "long=%d" % size)
            self.assertEqual(result.shape[:2], expected)

    def test_tiles_are_those_of_unfold(self):
        for height, width in ((224, 224), (224, 300), (255, 256), (320, 352), (448, 640),
                              (700, 224)):
            pixels = numbered(height, width)
            x = torch.from_numpy(pixels.copy()).permute(2, 0, 1)[None]
            x = x.unfold(2, 224, 32).unfold(3, 224, 32).permute(0, 2, 3, 1, 4, 5)
            x = x.reshape(-1, 3, 224, 224)
            count = min(15, len(x))
            chosen = [max(1, len(x) // count) * i for i in range(count)]
            found = sizes.tiles(pixels)
            self.assertEqual(len(found), count)
            for tile, index in zip(found, chosen):
                self.assertTrue((tile == x[index].permute(1, 2, 0).numpy()).all())
        self.assertEqual(sizes.tiles(numbered(223, 500)), [])


class Positions(unittest.TestCase):
    def test_flat_is_one_dimensional_and_moves_the_class_row(self):
        """The width is kept, so nothing is interpolated along it: each column by itself, with the
        cubic of a = -0.75, half-pixel centres and clamped ends."""
        table = torch.randn(1 + 49, 6, generator=torch.Generator().manual_seed(2))
        rows, columns = 3, 7
        flat = resample_positions(table, rows, columns, "flat")
        target = 1 + rows * columns

        def weight(x, a=-0.75):
            x = abs(x)
            if x <= 1:
                return (a + 2) * x ** 3 - (a + 3) * x ** 2 + 1
            return a * x ** 3 - 5 * a * x ** 2 + 8 * a * x - 4 * a if x < 2 else 0.0

        for row in range(target):
            centre = (row + 0.5) * 50 / target - 0.5
            first = int(numpy.floor(centre)) - 1
            expected = sum(weight(centre - tap) * table[min(max(tap, 0), 49)]
                           for tap in range(first, first + 4))
            self.assertLess(float((flat[row] - expected).abs().max()), 1e-5)
        self.assertGreater(float((flat[0] - table[0]).abs().max()), 0.1)


class Texts(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.tokenizer = golden_tokenizer()
        cls.tower = randomize_text(TextTransformer(64, 2, len(cls.tokenizer.tokens), 16), 8)

    def test_what_follows_the_end_does_not_count(self):
        ids = [self.tokenizer.encode(text) for text in ("Good photo.", "", "a b c d e f g")]
        features = text_features(self.tower, ids)
        for index, one in enumerate(ids):
            self.assertLess(float((embed_text(self.tower, one) - features[index]).abs().max()),
                            1e-6)

    def test_context_is_pyiqas(self):
        """The text after sixteen X, tokenized and padded to 77, then cut and put together anew,
        the feature taken where the tokens of that text have their end."""
        texts = ["Good photo.", "a photo with perfect quality"]
        ids = [self.tokenizer.encode(text) for text in texts]
        for shared in (False, True):
            learned = torch.randn((16, 64) if shared else (2, 16, 64),
                                  generator=torch.Generator().manual_seed(5))
            found = context_features(self.tower, learned, ids)
            for index, text in enumerate(texts):
                tokens = self.tokenizer.encode("X " * 16 + text)
                length = len(self.tokenizer.encode(text)) - 2
                padded = torch.tensor(tokens + [0] * (77 - len(tokens)))
                with torch.no_grad():
                    vectors = self.tower.token_embedding(padded)
                    context = learned if shared else learned[index]
                    suffix = vectors[17:]
                    vectors = torch.cat([vectors[:1], context[:8], suffix[:length], context[8:],
                                         suffix[length:]])
                    feature = self.tower.run(vectors, padded.argmax())
                feature = feature / feature.norm()
                self.assertLess(float((feature - found[index]).abs().max()), 1e-6)

    def test_context_mistakes_are_seen(self):
        ids = [self.tokenizer.encode("Good photo.")]
        learned = torch.randn((16, 64), generator=torch.Generator().manual_seed(5))
        right = context_features(self.tower, learned, ids)
        with torch.no_grad():
            embedding = self.tower.token_embedding(torch.tensor(ids[0]))
            before = torch.cat([embedding[:1], learned, embedding[1:]])
            wrong = {"all before the text": self.tower.run(before, len(before) - 1),
                     "no learned vectors": self.tower.run(embedding, len(embedding) - 1)}
        wrong["halves exchanged"] = context_features(self.tower, learned.roll(8, 0), ids)[0]
        wrong["the other full stop"] = context_features(
            self.tower, learned, [self.tokenizer.encode("Good photo..")])[0]
        for mistake, feature in wrong.items():
            self.assertGreater(float((feature / feature.norm() - right[0]).abs().max()), 1e-3,
                               mistake)

    def test_numbers_of_texts(self):
        expected = {"qualiclip": 14, "qualiclip-pyiqa": 14, "clip-iqa": 2, "clip-iqa-pyiqa": 10,
                    "qualiclip+": 14, "clip-iqa+": 2, "liqe": 5, "liqe-mix": 495, "grepq": 2,
                    "clip": 0}
        self.assertEqual({name: len(profile.texts) for name, profile in PROFILES.items()},
                         expected)
        mix = PROFILES["liqe-mix"].texts
        self.assertEqual(len(set(mix)), 495)
        self.assertEqual(mix[0], "a photo of a animal with jpeg2000 compression artifacts, "
                                 "which is of bad quality")
        self.assertEqual(mix[99 * 2 + 11 * 7 + 3], "a photo of a still_life with blur artifacts, "
                                                   "which is of fair quality")


class Scores(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.visual = randomize(VisionTransformer(128, 2, 32, 32, 224), 1).double()
        cls.pixels = load_pixels(PHOTO)
        cls.features = profile_features("liqe", cls.visual, cls.pixels)
        generator = torch.Generator().manual_seed(3)
        mean = cls.features.mean(dim=0)
        noise = torch.randn((495, 32), generator=generator).double()
        cls.prompts = torch.nn.functional.normalize(
            mean / mean.norm() + 0.05 * noise / noise.norm(dim=1, keepdim=True), dim=1)

    def test_pairs_are_two_way_softmaxes(self):
        feature = embed(self.visual, self.pixels)
        prompts = random_prompts(feature[None], 7, 1)
        for name, temperature in (("qualiclip", 1.0), ("qualiclip-pyiqa", 2.0)):
            value, parts = profile_score(name, feature[None], prompts, 100.0)
            logits = (100.0 * prompts @ feature / temperature).reshape(7, 2)
            expected = torch.softmax(logits, dim=1)[:, 0]
            self.assertLess(float((parts - expected).abs().max()), 1e-6)
            self.assertAlmostEqual(float(value), float(expected.mean()), places=6)

    def test_grepq_has_its_own_scale(self):
        feature = embed(self.visual, self.pixels)
        prompts = random_prompts(feature[None], 1, 1)
        found, _ = profile_score("grepq", feature[None], prompts, 100.0)
        expected = torch.sigmoid(10 * ((prompts[0] - prompts[1]) @ feature))
        self.assertAlmostEqual(float(found), float(expected), places=6)

    def test_liqe_by_hand(self):
        value, levels = profile_score("liqe", self.features, self.prompts[:5], 100.0)
        logits = torch.stack([100.0 * self.prompts[:5] @ feature for feature in self.features])
        weights = logits.mean(dim=0).exp()  # doubles: no overflow
        expected = sum((i + 1) * float(weights[i] / weights.sum()) for i in range(5))
        self.assertAlmostEqual(float(value), expected, places=4)
        self.assertAlmostEqual(float(levels.sum()), 1.0, places=5)
        self.assertTrue(1.0 < float(value) < 5.0)

    def test_mix_sums_over_what_is_not_quality(self):
        value, levels = profile_score("liqe-mix", self.features, self.prompts, 100.0)
        joint = torch.softmax(100.0 * self.prompts @ self.features.mean(dim=0), dim=0)
        by_level = [0.0] * 5
        for text, probability in zip(PROFILES["liqe-mix"].texts, joint.tolist()):
            by_level[LEVELS.index(text.split()[-2])] += probability
        self.assertLess(max(abs(a - b) for a, b in zip(by_level, levels.tolist())), 1e-6)
        self.assertAlmostEqual(float(value), sum((i + 1) * p for i, p in enumerate(by_level)),
                               places=5)

    def test_mistakes_are_seen(self):
        five = self.prompts[:5]
        right, _ = profile_score("liqe", self.features, five, 100.0)
        each = torch.stack([profile_score("liqe", feature[None], five, 100.0)[0]
                            for feature in self.features])
        by_column = self.pixels.transpose(1, 0, 2)
        columns = torch.stack([embed(self.visual, tile.transpose(1, 0, 2), "grid")
                               for tile in sizes.tiles(by_column)])
        wrong = {"scores averaged, not logits": each.mean(),
                 "first tile only": each[0],
                 "crops taken by column": profile_score("liqe", columns, five, 100.0)[0],
                 "one crop left out": profile_score("liqe", self.features[:-1], five, 100.0)[0],
                 "levels from 0": right - 1,
                 "levels turned round": profile_score("liqe", self.features, five.flip(0),
                                                      100.0)[0],
                 "no positions": profile_score(
                     "liqe", profile_features("liqe", self.visual, self.pixels,
                                              positions="none"), five, 100.0)[0]}
        for mistake, value in wrong.items():
            self.assertGreater(abs(float(value - right)), 2 * SCORE_TOLERANCE, mistake)

    def test_sizes_and_positions_are_seen(self):
        """Any two differ by more than is tolerated: taking one for another cannot pass."""
        found = {}
        for size in ("native", "crop224", "long=512", "tiles"):
            for positions in ("none", "grid", "flat"):
                feature = profile_features("clip-iqa", self.visual, self.pixels, size, positions)
                found[size, positions] = feature.mean(dim=0)
        # At the training size `flat` and `grid` are the original's own positions, both.
        for size in ("crop224", "tiles"):
            flat = found.pop((size, "flat"))
            self.assertLess(float((flat - found[size, "grid"]).abs().max()), 1e-6)
        names = sorted(found)
        for index, one in enumerate(names):
            for other in names[:index]:
                self.assertGreater(float((found[one] - found[other]).abs().max()), 2e-4,
                                   (one, other))

    def test_other_filters_are_seen(self):
        right = profile_features("clip", self.visual, self.pixels)[0]
        height, width = self.pixels.shape[:2]
        image = Image.fromarray(self.pixels)
        for wrong in (image.resize((398, 224), Image.BILINEAR),
                      image.resize((398, 224), Image.LANCZOS)):
            pixels = numpy.array(wrong)[:, 87:87 + 224]
            self.assertGreater(float((embed(self.visual, pixels, "grid") - right).abs().max()),
                               4e-5)
        x = torch.nn.functional.interpolate(normalise(self.pixels, torch.float64), size=(224, 398),
                                            mode="bicubic", align_corners=False)
        with torch.no_grad():
            feature = self.visual(x[..., 87:87 + 224], "grid")[0]
        self.assertGreater(float((feature / feature.norm() - right).abs().max()), 4e-5)
        self.assertEqual((height, width), (432, 768))

    def test_clip_is_a_softmax_of_texts(self):
        feature = profile_features("clip", self.visual, self.pixels)
        value, parts = profile_score("clip", feature, self.prompts[:3], 100.0)
        expected = torch.softmax(100.0 * self.prompts[:3] @ feature[0], dim=0)
        self.assertTrue(torch.allclose(parts, expected))
        self.assertEqual(float(value), float(parts[0]))

    def test_extreme_logits(self):
        axes = torch.eye(4)
        value, parts = scored(axes[:1], axes[:2], "pairs", 1e6)
        self.assertEqual((float(value), parts.tolist()), (1.0, [1.0]))
        value, parts = scored(axes[:1], torch.cat([axes[1:], axes[:1], axes[1:2]]), "levels", 1e6)
        self.assertEqual((float(value), float(parts[3])), (4.0, 1.0))


if __name__ == "__main__":
    unittest.main()
