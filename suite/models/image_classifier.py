"""Image classifiers that share a stem and a head and differ in what transforms the state between them."""

from __future__ import annotations

from torch import Tensor, nn

from suite.models.normalisation import group_norm
from suite.models.residual_block import ResidualBlock
from suite.models.stems import stem


class ImageClassifier(nn.Module):
    """Stem, body and head: the networks of Chen et al. 2018, section 3.

    Attributes:
        stem: From image to state.
        body: From state to state: residual blocks, an ``ODEBlock``, or the identity.
        head: From state to class scores.
    """

    def __init__(self, body: nn.Module, *, channels: int, stem_kind: str, in_channels: int = 1) -> None:
        """Put a body on ``channels`` channels between a stem and a head for ten classes."""
        super().__init__()
        self.stem = stem(stem_kind, in_channels, channels)
        self.body = body
        self.head = nn.Sequential(
            group_norm(channels), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(channels, 10)
        )

    def forward(self, images: Tensor) -> Tensor:
        """Map images ``[batch, in_channels, 28, 28]`` to class scores ``[batch, 10]``."""
        scores: Tensor = self.head(self.body(self.stem(images)))
        return scores


def residual_body(channels: int, blocks: int) -> nn.Sequential:
    """Return a chain of residual blocks; the identity when there are none."""
    return nn.Sequential(*(ResidualBlock(channels, channels) for _ in range(blocks)))
