"""The multi-layer perceptron with one hidden layer (LeCun, Bottou, Bengio and Haffner, 1998)."""

from __future__ import annotations

from torch import nn


def perceptron(inputs: int, hidden: int, classes: int) -> nn.Sequential:
    """Return a network from images of ``inputs`` pixels over one rectified hidden layer to class scores."""
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, hidden), nn.ReLU(), nn.Linear(hidden, classes))
