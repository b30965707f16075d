"""A smooth random vector field of one dimension, whose steepest slope is known."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class ScalarField(nn.Module):
    """``f(t, h) = sum_j a_j tanh(w_j h + v_j t + b_j)``: a network of one hidden layer on a state of one dimension.

    Attributes:
        output: The weights ``a``, shape ``[units]``.
        state: The weights ``w``, shape ``[units]``.
        time: The weights ``v``, shape ``[units]``.
        bias: The biases ``b``, shape ``[units]``.
    """

    output: Tensor
    state: Tensor
    time: Tensor
    bias: Tensor

    def __init__(self, output: Tensor, state: Tensor, time: Tensor, bias: Tensor) -> None:
        """Hold the weights, each of shape ``[units]``, which are not trained."""
        super().__init__()
        for name, weights in (("output", output), ("state", state), ("time", time), ("bias", bias)):
            self.register_buffer(name, weights)

    def forward(self, t: Tensor | float, h: Tensor) -> Tensor:
        """Return ``dh/dt``, of the shape of ``h``, at time ``t`` (a scalar)."""
        return (self._hidden(t, h) * self.output).sum(dim=-1)

    def slope(self, t: Tensor | float, h: Tensor) -> Tensor:
        """Return ``df/dh``, of the shape of ``h``, at time ``t`` (a scalar)."""
        return ((1 - self._hidden(t, h).square()) * self.output * self.state).sum(dim=-1)

    def times(self, factor: float) -> ScalarField:
        """Return the field that is everywhere ``factor`` times this one."""
        return ScalarField(factor * self.output, self.state, self.time, self.bias)

    def _hidden(self, t: Tensor | float, h: Tensor) -> Tensor:
        return torch.tanh(h.unsqueeze(-1) * self.state + t * self.time + self.bias)


def random_scalar_field(
    units: int, *, length: float, reach: float, duration: float, generator: torch.Generator
) -> ScalarField:
    """Draw a field in double precision whose steepest convergence, the largest ``-df/dh``, is 1.

    One unit, ``-tanh(h / reach)``, points inwards, so that paths stay near ``[-reach, reach]``; the ``units`` others,
    together of about its size, turn over somewhere inside this range, each at a place that moves with time.

    Args:
        units: Random units beside that one.
        length: Distance in ``h`` over which a unit turns over.
        reach: Half the width of the range of states.
        duration: Time in which the places move by about half of ``reach``.
        generator: The source of the weights, on the CPU.
    """
    output, speed = torch.randn(2, units, generator=generator, dtype=torch.float64)
    place = reach * (2 * torch.rand(units, generator=generator, dtype=torch.float64) - 1)
    one = torch.ones(1, dtype=torch.float64)
    field = ScalarField(
        output=torch.cat((output / units**0.5, -one)),
        state=torch.cat((one.expand(units) / length, one / reach)),
        time=torch.cat((speed * reach / (2 * duration * length), 0 * one)),
        bias=torch.cat((-place / length, 0 * one)),
    )
    return field.times(1 / steepest_convergence(field, reach=2 * reach, duration=duration))


def steepest_convergence(field: ScalarField, *, reach: float, duration: float) -> float:
    """Return the largest ``-df/dh`` for ``|h| <= reach`` and ``0 <= t <= duration``, on a fine grid."""
    states = torch.linspace(-reach, reach, 1601, dtype=torch.float64)
    times = torch.linspace(0, duration, 101, dtype=torch.float64)
    return max(-float(field.slope(t, states).min()) for t in times)
