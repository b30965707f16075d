"""Errors of states of images, image by image."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True)
class TerminalError:
    """How far states at depth 1 are from the exact ones.

    Attributes:
        mean_relative: Mean of ``|z - exact| / |exact|`` over images, channels and pixels: a few entries near zero
            decide it.
        median_relative: The median of the same.
        channel_sum: The released code's "MAPE": summed over channels, then averaged over images and pixels.
        relative_l2: ``||z - exact|| / ||exact||`` over channels and pixels, averaged over images.
    """

    mean_relative: float
    median_relative: float
    channel_sum: float
    relative_l2: float


def terminal_error(found: Tensor, exact: Tensor) -> TerminalError:
    """Return the errors of states ``[n, channels, h, w]``."""
    distance = found.double() - exact
    # Per image, as the median of a large tensor needs a sort of it; the median of images' medians is as telling.
    relative = (distance.abs() / exact.abs().clamp(min=1e-12)).flatten(1)
    sizes = (torch.linalg.vector_norm(each.flatten(1), dim=1) for each in (distance, exact))
    return TerminalError(
        float(relative.mean()),
        float(relative.median(dim=1).values.median()),
        float(relative.mean()) * found.shape[1],
        float((next(sizes) / next(sizes)).mean()),
    )


def pixel_errors(found: Tensor, exact: Tensor) -> Tensor:
    """Return absolute errors ``[..., h, w]`` of states ``[..., channels, h, w]``, averaged over channels."""
    errors: Tensor = (found.double() - exact).abs().mean(dim=-3)
    return errors


@torch.no_grad()
def classes_of(head: nn.Module, states: Tensor) -> Tensor:
    """Return the class of the largest score of each state."""
    classes: Tensor = head(states.float()).argmax(dim=1)
    return classes


@torch.no_grad()
def probability_of(head: nn.Module, states: Tensor, classes: Tensor) -> float:
    """Return the mean probability that the scores of states give to some classes."""
    probabilities = functional.softmax(head(states.float()), dim=1)
    return float(probabilities.gather(1, classes.unsqueeze(1)).mean())
