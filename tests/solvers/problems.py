"""Problems with a solution that another library, or a formula, gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cache

import mpmath
import numpy as np
import torch
from scipy.integrate import solve_ivp
from torch import Tensor

TODA_START = (2.0, 0.0)


def toda(t: Tensor, y: Tensor) -> Tensor:
    """The Toda oscillator ``x'' = 1 - exp(x)``: its error series is led by its first term early, for every method."""
    position, velocity = y.unbind(-1)
    return torch.stack([velocity, 1 - torch.exp(position)], dim=-1)


@cache
def toda_reference(span: float) -> Tensor:
    """Return the state after ``span`` from ``TODA_START``, by scipy's DOP853 at 1e-13; shape ``[2]``."""

    def field(t: float, y: np.ndarray) -> list[float]:
        return [y[1], 1 - np.exp(y[0])]

    end = solve_ivp(field, (0, span), TODA_START, method="DOP853", rtol=1e-13, atol=1e-13).y[:, -1]
    return torch.tensor(end)


@cache
def toda_taylor() -> Callable[[float], Tensor]:
    """Return the solution from ``TODA_START`` near 0 as a function of time, by mpmath's Taylor series to 30 digits."""
    with mpmath.workdps(30):
        series = mpmath.odefun(lambda t, y: [y[1], 1 - mpmath.exp(y[0])], 0, [mpmath.mpf(x) for x in TODA_START])

    def at(time: float) -> Tensor:
        with mpmath.workdps(30):
            return torch.tensor([float(entry) for entry in series(mpmath.mpf(time))], dtype=torch.float64)

    return at


def toda_start() -> Tensor:
    return torch.tensor(TODA_START, dtype=torch.float64)


def times(*values: float) -> Tensor:
    return torch.tensor(values, dtype=torch.float64)


def slope(sizes: Sequence[float], errors: Sequence[float], low: float, high: float) -> float:
    """Fit the log-log slope of the five smallest sizes whose error lies between ``low`` and ``high``."""
    kept = sorted((size, error) for size, error in zip(sizes, errors, strict=True) if low < error < high)
    assert len(kept) >= 5, f"only {len(kept)} errors lie between {low} and {high}: {errors}"
    logs = np.log(np.array(kept[:5]))
    return float(np.polyfit(logs[:, 0], logs[:, 1], 1)[0])
