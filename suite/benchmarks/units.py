"""The unit of an airspeed-velocity ``track_`` benchmark."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

Benchmark = TypeVar("Benchmark", bound=Callable[..., float])


def measured_in(unit: str) -> Callable[[Benchmark], Benchmark]:
    """Give a ``track_`` method its unit, where airspeed-velocity looks for it."""

    def attach(benchmark: Benchmark) -> Benchmark:
        vars(benchmark)["unit"] = unit
        return benchmark

    return attach
