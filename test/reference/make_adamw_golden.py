#!/usr/bin/python3
"""Prints the numbers of test_train_adamw.c: PyTorch's AdamW in f64, three steps, each at another rate,
of gradients whose norm PyTorch clips at 2 before each."""
import torch

WEIGHT_DECAY, LIMIT, RATES = 0.1, 2.0, (0.01, 0.03, 0.002)
GRADIENTS = ((0.5, -1.0, 0.0, 1e-6), (3.0, 4.0, -12.0, 1e-6), (-0.25, 0.125, 0.0, -2e-6))

values = torch.tensor([1.0, -2.0, 0.5, 0.0], dtype=torch.float64, requires_grad=True)
optimiser = torch.optim.AdamW([values], weight_decay=WEIGHT_DECAY)
for rate, gradient in zip(RATES, GRADIENTS):
    values.grad = torch.tensor(gradient, dtype=torch.float64)
    norm = torch.nn.utils.clip_grad_norm_([values], LIMIT)
    optimiser.param_groups[0]["lr"] = rate
    optimiser.step()
    print("%.9g" % norm, ", ".join("%.9g" % value for value in values.detach()))
