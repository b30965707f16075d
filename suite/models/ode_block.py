"""A block of continuous depth: the state at time 1 of an ODE that starts at the block's input."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Literal, cast, get_args

import torch
from torch import Tensor, nn

from suite.gradients import odeint_adjoint
from suite.models.autocast_field import AutocastField
from suite.solvers import CountedField, odeint

Gradient = Literal["direct", "adjoint"]
"""Backpropagation through the solver's operations, or the adjoint equation solved backwards in time."""


class ODEBlock(nn.Module):
    """``y(0) -> y(1)`` with ``dy/dt = field(t, y)`` (Chen et al. 2018, equations 2 and 3).

    Attributes:
        nfe_forward: Evaluations of the field in forward passes since the counts were reset.
        rtol: Relative tolerance; may be changed between calls.
        atol: Absolute tolerance; may be changed between calls.
        options: Options of the method; may be changed between calls.
    """

    def __init__(
        self,
        field: nn.Module,
        *,
        method: str = "dopri5",
        rtol: float = 1e-3,
        atol: float = 1e-3,
        gradient: Gradient = "adjoint",
        options: Mapping[str, Any] | None = None,
    ) -> None:
        """Wrap a vector field.

        Args:
            field: A module called as ``field(t, y)``.
            method: A method of ``suite.solvers``; a fixed-step one takes a single step of length 1, unless ``options``
                give it a ``step_size``.
            rtol: Relative tolerance.
            atol: Absolute tolerance.
            gradient: How to differentiate through the solve.
            options: Options of the method, such as ``{"step_size": 0.25}``; the reverse solve takes the same.

        Raises:
            ValueError: For an unknown way to differentiate.
        """
        super().__init__()
        if gradient not in get_args(Gradient):
            raise ValueError(f"unknown gradient {gradient!r}; the ways are {', '.join(get_args(Gradient))}")
        self.counted = CountedField(field)
        self.method = method
        self.rtol = rtol
        self.atol = atol
        self.gradient = gradient
        self.options = None if options is None else dict(options)
        self.nfe_forward = 0
        # On the host whatever the state's device is: the solver reads times there, and must not wait for a device.
        self.times = torch.tensor([0.0, 1.0])
        self._in_autocast: dict[tuple[str, torch.dtype], AutocastField] = {}

    @property
    def nfe_backward(self) -> int:
        """Evaluations of the field in backward passes since the counts were reset; direct gradients need none."""
        return int(self.counted.nfe) - self.nfe_forward

    def reset_counts(self) -> None:
        """Set the counts of evaluations to zero; call it between passes, not between a forward and its backward."""
        self.counted.reset()
        self.nfe_forward = 0

    @contextmanager
    def solved_by(
        self, method: str, *, rtol: float, atol: float, options: Mapping[str, Any] | None = None
    ) -> Iterator[None]:
        """Solve by another method inside the ``with`` block, as when a trained network is tested with it.

        Args:
            method: A method of ``suite.solvers``.
            rtol: Relative tolerance.
            atol: Absolute tolerance.
            options: Options of the method.
        """
        before = self.method, self.rtol, self.atol, self.options
        self.method, self.rtol, self.atol = method, rtol, atol
        self.options = None if options is None else dict(options)
        try:
            yield
        finally:
            self.method, self.rtol, self.atol, self.options = before

    def forward(self, y0: Tensor) -> Tensor:
        """Map the state at time 0 to the state at time 1, of the same shape.

        Under autocast the field is lowered and nothing else: the state is float32, in the solver and as the result.
        """
        device = y0.device.type
        if not torch.is_autocast_enabled(device):
            return self._solved(self.counted, y0)
        dtype = torch.get_autocast_dtype(device)
        # Made once, as whoever keeps something for a field, such as a graph of its step, knows the field by identity.
        if (device, dtype) not in self._in_autocast:
            self._in_autocast[device, dtype] = AutocastField(self.counted, device, dtype)
        with torch.autocast(device, enabled=False):
            return self._solved(self._in_autocast[device, dtype], y0.float())

    def _solved(self, field: nn.Module, y0: Tensor) -> Tensor:
        before = self.counted.nfe
        solve = odeint if self.gradient == "direct" else odeint_adjoint
        states = solve(field, y0, self.times, rtol=self.rtol, atol=self.atol, method=self.method, options=self.options)
        self.nfe_forward += self.counted.nfe - before
        return cast(Tensor, states)[-1]
