"""Callbacks: methods of the vector field that are told of every step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from suite.solvers.stage_sum import Time
from suite.solvers.times import number
from suite.solvers.user_warning import warn_user

Callback = Callable[[Tensor, Any, Tensor], object]
"""``callback(t0, y0, dt)``: where a step starts, the state there as the user sees it, and the size of the step."""

CALLBACK_NAMES = ("callback_step", "callback_accept_step", "callback_reject_step")
"""Every callback there is."""


@dataclass(frozen=True, eq=False)
class Callbacks:
    """What a vector field wants to be told of, with torchdiffeq's names and arguments.

    ``callback_step`` is called before every step is tried, ``callback_accept_step`` and ``callback_reject_step`` after
    it. The size of a step is positive, also backwards in time. Times are 0-dimensional double-precision tensors.

    Attributes:
        found: The callbacks by name.
        unpack: Makes the state that the user sees from a packed one.
    """

    found: Mapping[str, Callback]
    unpack: Callable[[Tensor], Any]

    @classmethod
    def of(cls, vector_field: object, unpack: Callable[[Tensor], Any], suffix: str = "") -> Callbacks | None:
        """Return the callbacks of a vector field, None where it has none.

        Args:
            vector_field: The user's vector field.
            unpack: Makes the state that the user sees from a packed one.
            suffix: End of the names: ``"_adjoint"`` for those of a reverse solve.
        """
        found = {name: getattr(vector_field, name + suffix, None) for name in CALLBACK_NAMES}
        given = {name: callback for name, callback in found.items() if callback is not None}
        return cls(given, unpack) if given else None

    def supported(self, what: str, *names: str) -> Callbacks | None:
        """Return those that a way to integrate calls, None where there are none; warn of the others.

        Args:
            what: The way to integrate, for the warning.
            names: What it calls.
        """
        others = sorted(self.found.keys() - set(names))
        if others:
            warn_user(f"{what} does not call {', '.join(others)}")
        known = {name: callback for name, callback in self.found.items() if name in names}
        return Callbacks(known, self.unpack) if known else None

    def step(self, start: Time, y: Tensor, size: Time) -> None:
        """Tell of a step that is going to be tried."""
        self._call("callback_step", start, y, size)

    def accept_step(self, start: Time, y: Tensor, size: Time) -> None:
        """Tell of a step that was accepted."""
        self._call("callback_accept_step", start, y, size)

    def reject_step(self, start: Time, y: Tensor, size: Time) -> None:
        """Tell of a step that was rejected."""
        self._call("callback_reject_step", start, y, size)

    def _call(self, name: str, start: Time, y: Tensor, size: Time) -> None:
        callback = self.found.get(name)
        if callback is not None:
            times = torch.tensor([number(start), abs(number(size))], dtype=torch.float64, device=y.device)
            callback(times[0], self.unpack(y), times[1])
