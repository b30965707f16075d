"""The time-dependent convolutional vector field of the ODE-Net (authors' re-do of Chen et al. 2018, section 3)."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional

from suite.models.normalisation import group_norm


class TimeConvolution(nn.Module):
    """A 3 x 3 convolution that sees the time as one more input channel, the first, constant over the image."""

    def __init__(self, channels: int) -> None:
        """Build a convolution from ``channels + 1`` to ``channels`` channels, with biases."""
        super().__init__()
        self.conv = nn.Conv2d(channels + 1, channels, 3, padding=1)

    def forward(self, t: Tensor | float, x: Tensor) -> Tensor:
        """Map ``[batch, channels, h, w]`` to the same shape at time ``t`` (a scalar).

        The time's share is ``t`` times the convolution of one channel of ones, the same for every image. Adding it
        spares the copy of ``x`` into ``channels + 1`` channels, an odd number that convolution kernels are slow at.
        """
        weight = self.conv.weight
        ones = x.new_ones(1, 1, *x.shape[2:])
        of_state = functional.conv2d(x, weight[:, 1:], self.conv.bias, padding=1)
        return of_state + t * functional.conv2d(ones, weight[:, :1], padding=1)


class ConvolutionalField(nn.Module):
    """``f(t, y) = norm(conv(t, relu(norm(conv(t, relu(norm(y)))))))`` with 3 x 3 convolutions that see the time."""

    def __init__(self, channels: int) -> None:
        """Build the field on states of ``channels`` channels."""
        super().__init__()
        self.norm1 = group_norm(channels)
        self.conv1 = TimeConvolution(channels)
        self.norm2 = group_norm(channels)
        self.conv2 = TimeConvolution(channels)
        self.norm3 = group_norm(channels)

    def forward(self, t: Tensor | float, y: Tensor) -> Tensor:
        """Return ``dy/dt`` of shape ``[batch, channels, h, w]`` at time ``t`` (a scalar) and state ``y``."""
        hidden = self.conv1(t, functional.relu(self.norm1(y)))
        derivative: Tensor = self.norm3(self.conv2(t, functional.relu(self.norm2(hidden))))
        return derivative
