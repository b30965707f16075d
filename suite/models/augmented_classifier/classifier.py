"""Classifiers without a backbone: an augmentation, a flow and a small head (Massaroli et al. 2020, Table 1)."""

from __future__ import annotations

from torch import Tensor, nn

CLASSES = 10


def pooled_head(channels: int, pooled_channels: int, size: int) -> nn.Sequential:
    """Return a 1 x 1 convolution, the mean over a ``size`` x ``size`` grid of patches, and a linear layer.

    Args:
        channels: Channels of the state.
        pooled_channels: Channels that the convolution leaves.
        size: Rows and columns of the grid.
    """
    return nn.Sequential(
        nn.Conv2d(channels, pooled_channels, 1),
        nn.AdaptiveAvgPool2d(size),
        nn.Flatten(),
        nn.Linear(pooled_channels * size**2, CLASSES),
    )


class AugmentedClassifier(nn.Module):
    """``h_y(flow(h_x(x)))``: image to state, state to state, state to class scores.

    Attributes:
        augmentation: The input network ``h_x``, from image to state.
        body: From state to state: an ``ODEBlock``, or what is compared with it.
        head: The output network ``h_y``, from state to class scores.
    """

    def __init__(self, augmentation: nn.Module, body: nn.Module, head: nn.Module) -> None:
        """Put the three together."""
        super().__init__()
        self.augmentation = augmentation
        self.body = body
        self.head = head

    def forward(self, images: Tensor) -> Tensor:
        """Map images ``[batch, channels, height, width]`` to class scores ``[batch, 10]``."""
        scores: Tensor = self.head(self.body(self.augmentation(images)))
        return scores
