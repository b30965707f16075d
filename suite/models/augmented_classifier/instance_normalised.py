"""The depth-invariant convolutional field of three layers with instance normalisation (Massaroli et al. 2020)."""

from __future__ import annotations

from torch import Tensor, nn


def instance_normalised_layers(
    channels: int, hidden: int, out: int | None = None, *, normalise_input: bool = True
) -> nn.Sequential:
    """Return the layers of the released field.

    A normalisation of each channel over the pixels of one image; two 3 x 3 convolutions without biases, each followed
    by a softplus; a second such normalisation; and a 1 x 1 convolution with biases.

    Args:
        channels: Channels of the state.
        hidden: Channels between the convolutions.
        out: Channels of the result; as many as the state has when it is None.
        normalise_input: Whether the first normalisation is there. A channel that is constant over the image is divided
            by the square root of its epsilon alone, which makes the field steep where channels start at zero.
    """
    return nn.Sequential(
        nn.GroupNorm(channels, channels) if normalise_input else nn.Identity(),
        nn.Conv2d(channels, hidden, 3, padding=1, bias=False),
        nn.Softplus(),
        nn.Conv2d(hidden, hidden, 3, padding=1, bias=False),
        nn.Softplus(),
        nn.GroupNorm(hidden, hidden),
        nn.Conv2d(hidden, channels if out is None else out, 1),
    )


class DepthInvariantField(nn.Module):
    """``f(s, z) = layers(z)``: the same layers at every depth."""

    def __init__(self, layers: nn.Module) -> None:
        """Wrap the layers."""
        super().__init__()
        self.layers = layers

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        """Return the derivative at depth ``s`` (a scalar), which does not matter, and state ``z``."""
        del s
        derivative: Tensor = self.layers(z)
        return derivative


class ResidualStep(nn.Module):
    """``z -> z + layers(z)``: one step of Euler's method of the same field."""

    def __init__(self, layers: nn.Module) -> None:
        """Wrap the layers."""
        super().__init__()
        self.layers = layers

    def forward(self, z: Tensor) -> Tensor:
        """Map a state to one of the same shape."""
        result: Tensor = z + self.layers(z)
        return result
