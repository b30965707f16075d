"""The vector field of a trained ODE-Net as a formula that numpy, torch and jax share."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor, nn

from reference.libraries.neutral_field import NeutralField
from suite.models.convolutional_field import ConvolutionalField


class TrainedField(NeutralField):
    """A :class:`~suite.models.convolutional_field.ConvolutionalField` in double precision.

    torch evaluates the module itself. The formula writes a 3 x 3 convolution as nine products, one for each neighbour:
    ``sum_k W_k Y S_k`` with ``Y`` the image as ``[channels, pixels]`` and ``S_k`` the matrix that moves every pixel to
    its k-th neighbour, and nothing beyond the border.
    """

    def __init__(self, field: ConvolutionalField, height: int, width: int) -> None:
        super().__init__()
        self.field = field.double().requires_grad_(False)
        self.groups = (field.norm1.num_groups, field.norm2.num_groups, field.norm3.num_groups)
        self.eps = (field.norm1.eps, field.norm2.eps, field.norm3.eps)
        self._numbers = (
            _shifts(height, width),
            *(number.detach() for norm in (field.norm1, field.norm2, field.norm3) for number in _affine(norm)),
            *(number.detach() for layer in (field.conv1, field.conv2) for number in _kernel(layer.conv)),
        )

    def numbers(self) -> tuple[Tensor, ...]:
        """Return the shifts, the scales and shifts of the three norms, and the weights and biases of both layers."""
        return self._numbers

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        """Return the derivative of states ``[batch, channels, height, width]``."""
        derivative: Tensor = self.field(t, y)
        return derivative

    def formula(self, xp: Any, t: Any, y: Any, *numbers: Any) -> Any:
        """Return the derivative of states ``[batch, channels, height, width]``."""
        shifts, scale1, shift1, scale2, shift2, scale3, shift3, weight1, bias1, weight2, bias2 = numbers
        flat = xp.reshape(y, (y.shape[0], y.shape[1], -1))
        hidden = _relu(self._normalised(xp, 0, flat, scale1, shift1))
        hidden = _convolution(xp, t, hidden, weight1, bias1, shifts)
        hidden = _relu(self._normalised(xp, 1, hidden, scale2, shift2))
        hidden = _convolution(xp, t, hidden, weight2, bias2, shifts)
        return xp.reshape(self._normalised(xp, 2, hidden, scale3, shift3), y.shape)

    def _normalised(self, xp: Any, which: int, y: Any, scale: Any, shift: Any) -> Any:
        grouped = xp.reshape(y, (y.shape[0], self.groups[which], -1))
        centred = grouped - xp.mean(grouped, axis=-1)[:, :, None]
        variance = xp.mean(centred * centred, axis=-1)[:, :, None]
        return xp.reshape(centred / xp.sqrt(variance + self.eps[which]), y.shape) * scale[:, None] + shift[:, None]


def _relu(y: Any) -> Any:
    return y * (y > 0)


def _convolution(xp: Any, t: Any, y: Any, weight: Any, bias: Any, shifts: Any) -> Any:
    """Convolve ``[batch, channels, pixels]`` with ``[9, channels, 1 + channels]``; the first input channel is time."""
    of_state = xp.sum(xp.matmul(weight[:, :, 1:], xp.matmul(y[:, None], shifts)), axis=1)
    of_time = xp.sum(weight[:, :, :1] * xp.sum(shifts, axis=1)[:, None, :], axis=0)
    return of_state + t * of_time + bias[:, None]


def _affine(norm: nn.GroupNorm) -> tuple[Tensor, Tensor]:
    return norm.weight, norm.bias


def _kernel(layer: nn.Conv2d) -> tuple[Tensor, Tensor]:
    """Return the weights ``[9, out, in]``, neighbours in the order of rows, and the biases ``[out]``."""
    if layer.bias is None:
        raise TypeError("the convolutions of an ODE-Net's field have biases")
    return layer.weight.flatten(2).permute(2, 0, 1), layer.bias


def _shifts(height: int, width: int) -> Tensor:
    """Return nine matrices ``[9, pixels, pixels]``: column ``p`` of the k-th selects the k-th neighbour of pixel p."""
    pixels = torch.eye(height * width, dtype=torch.float64).reshape(height * width, 1, height, width)
    windows = nn.functional.unfold(pixels, 3, padding=1)
    return windows.permute(1, 0, 2)
