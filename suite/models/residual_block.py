"""The pre-activation residual block (He, Zhang, Ren and Sun, "Identity mappings in deep residual networks", 2016)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from suite.models.normalisation import group_norm


class ResidualBlock(nn.Module):
    """``x -> shortcut + conv3x3(relu(norm(conv3x3(relu(norm(x))))))``, with group in place of batch normalisation.

    The shortcut is the identity. Where the block changes the number of channels or the resolution, it is a 1 x 1
    convolution of the normalised and rectified input.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int = 1) -> None:
        """Build the block; convolutions have no biases, as a normalisation or the sum follows them."""
        super().__init__()
        self.norm1 = group_norm(in_channels)
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.norm2 = group_norm(out_channels)
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        projects = stride != 1 or in_channels != out_channels
        self.projection = nn.Conv2d(in_channels, out_channels, 1, stride=stride, bias=False) if projects else None

    def forward(self, x: Tensor) -> Tensor:
        """Map ``[batch, in_channels, h, w]`` to ``[batch, out_channels, ceil(h / stride), ceil(w / stride)]``."""
        activated = functional.relu(self.norm1(x))
        shortcut = x if self.projection is None else self.projection(activated)
        residual: Tensor = self.conv2(functional.relu(self.norm2(self.conv1(activated))))
        return shortcut + residual
