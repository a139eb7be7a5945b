#!/usr/bin/python3
"""Is the reference itself right?  Checks it against PyTorch's own modules and known identities."""
import os
import tempfile
import unittest

import torch
from torch import nn
from torch.nn import functional as F

import clip_reference
from clip_reference import (ModifiedResNet, QuickGELU, VisionTransformer, embed, multi_head,
                            normalise, resample_positions, score)
from random_weights import (fold_batchnorm, load_qualiclip, random_prompts, randomize,
                            round_matrices, save_qualiclip, to_bfloat16)


def tiny_vit():
    return randomize(VisionTransformer(128, 2, 16, 32, 64), 1)


def tiny_resnet():
    return randomize(ModifiedResNet(4, (1, 1, 2, 1), 32, 128), 1)


def pixels(height, width, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return torch.randint(0, 256, (height, width, 3), generator=generator).to(torch.uint8).numpy()


class Attention(unittest.TestCase):
    def test_self_attention_is_that_of_torch(self):
        ours = tiny_vit().transformer.resblocks[0].attn
        theirs = nn.MultiheadAttention(128, 2, batch_first=True).eval()
        theirs.load_state_dict(ours.state_dict())
        x = torch.randn(1, 11, 128, generator=torch.Generator().manual_seed(3))
        with torch.no_grad():
            expected = theirs(x, x, x, need_weights=False)[0][0]
            self.assertLess(float((ours(x[0]) - expected).abs().max()), 2e-6)

    def test_block_is_that_of_torch_with_gelu(self):
        visual = randomize(VisionTransformer(128, 1, 16, 32, 64, activation=nn.GELU), 4)
        ours = visual.transformer.resblocks[0]
        theirs = nn.TransformerEncoderLayer(128, 2, 512, 0.0, activation=F.gelu, norm_first=True,
                                            batch_first=True)
        names = {"self_attn.": "attn.", "norm1.": "ln_1.", "norm2.": "ln_2.",
                 "linear1.": "mlp.c_fc.", "linear2.": "mlp.c_proj."}
        state = {}
        for name in theirs.state_dict():
            for prefix, our_prefix in names.items():
                if name.startswith(prefix):
                    state[name] = ours.state_dict()[our_prefix + name[len(prefix):]]
        theirs.load_state_dict(state)
        x = torch.randn(1, 9, 128, generator=torch.Generator().manual_seed(3))
        with torch.no_grad():
            expected = theirs.train()(x)[0]
            self.assertLess(float((ours(x[0]) - expected).abs().max()), 5e-5)

    def test_pool_is_that_of_torch(self):
        pool = tiny_resnet().attnpool
        x = torch.randn(1, 128, 3, 5, generator=torch.Generator().manual_seed(3))
        tokens = x.flatten(2).permute(2, 0, 1)
        tokens = torch.cat([tokens.mean(dim=0, keepdim=True), tokens])
        with torch.no_grad():
            expected, _ = F.multi_head_attention_forward(
                tokens, tokens, tokens, 128, 2, None,
                torch.cat([pool.q_proj.bias, pool.k_proj.bias, pool.v_proj.bias]), None, None,
                False, 0.0, pool.c_proj.weight, pool.c_proj.bias, training=False,
                need_weights=False, use_separate_proj_weight=True,
                q_proj_weight=pool.q_proj.weight, k_proj_weight=pool.k_proj.weight,
                v_proj_weight=pool.v_proj.weight)
            self.assertLess(float((pool(x, "none")[0] - expected[0, 0]).abs().max()), 1e-5)

    def test_pool_needs_the_query_of_token_0_only(self):
        pool = tiny_resnet().double().attnpool
        x = torch.randn(1, 128, 3, 5, generator=torch.Generator().manual_seed(3)).double()
        tokens = x[0].flatten(1).t()
        tokens = torch.cat([tokens.mean(dim=0, keepdim=True), tokens])
        with torch.no_grad():
            query = pool.q_proj(tokens[0]).reshape(2, 64)
            heads = []
            for head, q in enumerate(query):
                rows = slice(64 * head, 64 * head + 64)
                # The bias of the keys adds the same to every logit: it cannot matter.
                logits = tokens @ (pool.k_proj.weight[rows].t() @ q) / 8
                mixed = torch.softmax(logits, 0) @ tokens
                heads.append(pool.v_proj.weight[rows] @ mixed + pool.v_proj.bias[rows])
            short = pool.c_proj(torch.cat(heads))
            self.assertLess(float((pool(x, "none")[0] - short).abs().max()), 1e-12)


    def test_heads_one_by_one_are_the_same(self):
        query, key, value = torch.randn(3, 9, 192, generator=torch.Generator().manual_seed(3))
        expected = multi_head(query, key, value)
        before, clip_reference.MANY_TOKENS = clip_reference.MANY_TOKENS, 8
        try:
            self.assertLess(float((multi_head(query, key, value) - expected).abs().max()), 1e-6)
        finally:
            clip_reference.MANY_TOKENS = before


class Pieces(unittest.TestCase):
    def test_quick_gelu(self):
        x = torch.tensor([-1.0, 0.0, 2.0])
        expected = torch.tensor([-0.1542042, 0.0, 1.9356586])
        self.assertLess(float((QuickGELU()(x) - expected).abs().max()), 1e-6)

    def test_positions_at_training_size_are_the_originals(self):
        table = torch.randn(1 + 16, 8)
        self.assertTrue(torch.equal(resample_positions(table, 4, 4, "grid"), table))
        self.assertLess(float((resample_positions(table, 4, 4, "flat") - table).abs().max()), 1e-6)
        self.assertIsNone(resample_positions(table, 4, 4, "none"))

    def test_positions_keep_token_0_in_grid_only(self):
        table = torch.randn(1 + 16, 8)
        self.assertTrue(torch.equal(resample_positions(table, 2, 7, "grid")[0], table[0]))
        self.assertFalse(torch.equal(resample_positions(table, 2, 7, "flat")[0], table[0]))

    def test_bicubic_weights(self):
        """a = -0.75, half-pixel centres, border clamped: 2 positions to 3, worked out by hand.
        The middle lies half way; the outer ones a sixth beyond the border positions."""
        table = torch.tensor([[9.0], [1.0], [2.0], [1.0], [2.0]])
        row = resample_positions(table, 2, 3, "grid")[1:4, 0]

        def weight(distance, a=-0.75):
            d = abs(distance)
            if d <= 1:
                return (a + 2) * d ** 3 - (a + 3) * d ** 2 + 1
            return a * d ** 3 - 5 * a * d ** 2 + 8 * a * d - 4 * a if d < 2 else 0.0

        for index in range(3):
            centre = (index + 0.5) * 2 / 3 - 0.5
            expected = sum(weight(centre - tap) * (1.0, 2.0)[min(max(tap, 0), 1)]
                           for tap in range(-3, 5))
            self.assertAlmostEqual(float(row[index]), expected, places=5)

    def test_normalisation(self):
        white = normalise(pixels(2, 2) * 0 + 255)
        self.assertAlmostEqual(float(white[0, 0, 0, 0]), (1 - 0.48145466) / 0.26862954, places=5)
        self.assertAlmostEqual(float(white[0, 2, 1, 1]), (1 - 0.40821073) / 0.27577711, places=5)

    def test_score_survives_extreme_logits(self):
        prompts = torch.eye(4)
        value, pairs = score(torch.tensor([1.0, -1.0, -1.0, 1.0]), prompts, 1e6)
        self.assertEqual(pairs.tolist(), [1.0, 0.0])
        self.assertEqual(float(value), 0.5)


class Towers(unittest.TestCase):
    def test_keys_are_those_of_clip(self):
        keys = set(tiny_vit().state_dict())
        for key in ("class_embedding", "positional_embedding", "proj", "conv1.weight",
                    "ln_pre.bias", "transformer.resblocks.1.attn.in_proj_bias",
                    "transformer.resblocks.0.mlp.c_proj.weight", "ln_post.weight"):
            self.assertIn(key, keys)
        self.assertEqual(len(keys), 8 + 2 * 12)
        keys = set(tiny_resnet().state_dict())
        for key in ("bn1.running_var", "layer1.0.downsample.0.weight", "layer3.1.bn3.bias",
                    "layer2.0.downsample.1.num_batches_tracked", "attnpool.c_proj.bias",
                    "attnpool.positional_embedding"):
            self.assertIn(key, keys)
        self.assertNotIn("layer3.1.downsample.0.weight", keys)

    def test_incomplete_patches_are_dropped(self):
        visual, image = tiny_vit(), pixels(47, 70)
        self.assertTrue(torch.equal(embed(visual, image), embed(visual, image[:32, :64])))

    def test_sizes_floor_at_every_pooling(self):
        shape = []
        visual = tiny_resnet()
        visual.attnpool.register_forward_hook(lambda _, inputs, __: shape.append(inputs[0].shape))
        embed(visual, pixels(51, 97))
        self.assertEqual(tuple(shape[0][2:]), (1, 3))

    def test_folded_batchnorm_is_the_same_function(self):
        visual, image = tiny_resnet().double(), pixels(51, 97)
        before = embed(visual, image)
        after = embed(fold_batchnorm(visual), image)
        self.assertLess(float((before - after).abs().max()), 1e-10)
        self.assertEqual(float(visual.bn1.running_mean.abs().max()), 0.0)

    def test_bfloat16_is_rounded_once(self):
        plain = torch.randn(2000, generator=torch.Generator().manual_seed(1))
        self.assertTrue(torch.equal(to_bfloat16(plain.double()),
                                    plain.to(torch.bfloat16).double()))
        step = 2.0 ** -8
        for above, expected in ((0.0, 1.0), (2.0 ** -30, 1 + 2 * step), (-2.0 ** -30, 1.0)):
            tie = torch.tensor([1 + step + above], dtype=torch.float64)
            self.assertEqual(to_bfloat16(tie).tolist(), [expected])
            self.assertEqual(to_bfloat16(-tie).tolist(), [-expected])

    def test_random_weights_stress_and_do_not_degenerate(self):
        for visual in (tiny_vit(), tiny_resnet()):
            visual = visual.double()
            features = torch.stack([embed(visual, pixels(64, 64, seed) // (1 + seed))
                                    for seed in range(3)])
            cosines = features @ features.t() - 2 * torch.eye(3)
            self.assertLess(float(cosines.max()), 0.99)
            for name, tensor in visual.state_dict().items():
                if name.endswith("bias"):
                    self.assertTrue(bool((tensor != 0).all()), name)
            _, pairs = score(features, random_prompts(features, 7, 1))
            self.assertTrue(0.02 < float(pairs.min()) and float(pairs.max()) < 0.98)

    def test_checkpoints_return_what_was_saved(self):
        visual = round_matrices(tiny_vit())
        prompts = random_prompts(torch.eye(32)[:2], 2, 1)
        with tempfile.TemporaryDirectory() as directory:
            path = os.path.join(directory, "a.pth")
            save_qualiclip(path, visual, prompts, 50.0, with_text=True)
            again = VisionTransformer(128, 2, 16, 32, 64)
            loaded, scale = load_qualiclip(path, again)
            self.assertAlmostEqual(scale, 50.0, places=4)
            self.assertTrue(torch.equal(loaded, prompts))
            image = pixels(64, 64)
            self.assertTrue(torch.equal(embed(again, image), embed(visual, image)))


if __name__ == "__main__":
    unittest.main()
