"""The 25 non-stiff problems of DETEST, A1 to E5, on the interval from 0 to 20.

Hull, Enright, Fellen and Sedgwick, "Comparing numerical methods for ordinary differential equations", SIAM Journal on
Numerical Analysis 9(4), 1972; repeated in Enright and Pryce, "Two FORTRAN packages for assessing initial value
methods", ACM Transactions on Mathematical Software 13(1), 1987. The formulas are written for states of shape ``[n]``.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from reference.crosschecks.detest_systems import FIVE_BODIES_START, chain, five_bodies, masses, tridiagonal
from reference.libraries.neutral_field import NeutralField

START, END = 0.0, 20.0

Formula = Callable[..., Any]
"""``formula(xp, t, y, *constants) -> dy/dt``."""


class DetestField(NeutralField):
    """The vector field of one problem."""

    def __init__(self, formula: Formula, constants: Sequence[Tensor] = ()) -> None:
        super().__init__()
        self._formula = formula
        self._constants = tuple(constants)

    def formula(self, xp: Any, t: Any, y: Any, *numbers: Any) -> Any:
        """Return ``dy/dt`` for a state of shape ``[n]``."""
        return self._formula(xp, t, y, *numbers)

    def numbers(self) -> tuple[Tensor, ...]:
        """Return the constants of the formula."""
        return self._constants


@dataclass(frozen=True, eq=False)
class DetestProblem:
    """One problem.

    Attributes:
        name: ``A1`` to ``E5``.
        title: What it models, as the paper calls it.
        y0: Initial state at time 0, shape ``[n]``, in double precision.
        field: Its vector field.
    """

    name: str
    title: str
    y0: Tensor
    field: DetestField

    @property
    def times(self) -> Tensor:
        """The ends of the interval, shape ``[2]``."""
        return torch.tensor([START, END], dtype=torch.float64)


def problems(names: Sequence[str] = ()) -> list[DetestProblem]:
    """Return the problems in their order; all 25 unless some are named.

    Raises:
        ValueError: For a name that is not one of the 25.
    """
    every = {problem.name: problem for problem in _every()}
    for name in names:
        if name not in every:
            raise ValueError(f"no DETEST problem is called {name!r}; they are {', '.join(every)}")
    return [every[name] for name in names or every]


def _every() -> list[DetestProblem]:
    return [
        _problem("A1", "negative exponential", [1.0], lambda _xp, _t, y: -y),
        _problem("A2", "special case of the Riccati equation", [1.0], lambda _xp, _t, y: -(y**3) / 2),
        _problem("A3", "an oscillatory problem", [1.0], lambda xp, t, y: y * xp.cos(t)),
        _problem("A4", "a logistic curve", [1.0], lambda _xp, _t, y: y / 4 * (1 - y / 20)),
        _problem("A5", "a spiral curve", [4.0], lambda _xp, t, y: (y - t) / (y + t)),
        _problem("B1", "growth of two conflicting populations", [1.0, 3.0], _b1),
        _problem("B2", "a linear chemical reaction", [2.0, 0.0, 1.0], _linear, [_b2_matrix()]),
        _problem("B3", "a nonlinear chemical reaction", [1.0, 0.0, 0.0], _b3),
        _problem("B4", "integral surface of a torus", [3.0, 0.0, 0.0], _b4),
        _problem("B5", "Euler equations of a rigid body without external forces", [0.0, 1.0, 1.0], _b5),
        _problem("C1", "a radioactive decay chain", _first(10), _linear, [chain([1.0] * 9)]),
        _problem("C2", "another radioactive decay chain", _first(10), _linear, [chain(range(1, 10))]),
        _problem("C3", "from a parabolic partial differential equation", _first(10), _linear, [tridiagonal(10)]),
        _problem("C4", "as C3, with 51 equations", _first(51), _linear, [tridiagonal(51)]),
        _problem("C5", "five bodies: the motion of the outer planets", FIVE_BODIES_START, five_bodies, masses()),
        *(_orbit(f"D{number}", eccentricity) for number, eccentricity in enumerate((0.1, 0.3, 0.5, 0.7, 0.9), 1)),
        # J_{1/2}(z) = sqrt(2 / (pi z)) sin z and its derivative, at z = 1.
        _problem("E1", "from Bessel's equation of order 1/2", _bessel_start(), _e1),
        _problem("E2", "from Van der Pol's equation", [2.0, 0.0], _e2),
        _problem("E3", "from Duffing's equation", [0.0, 0.0], _e3),
        _problem("E4", "from the falling body equation", [30.0, 0.0], _e4),
        _problem("E5", "from a linear pursuit equation", [0.0, 0.0], _e5),
    ]


def _problem(
    name: str, title: str, y0: Sequence[float], formula: Formula, constants: Sequence[Tensor] = ()
) -> DetestProblem:
    return DetestProblem(name, title, torch.tensor(y0, dtype=torch.float64), DetestField(formula, constants))


def _first(size: int) -> list[float]:
    return [1.0, *[0.0] * (size - 1)]


def _linear(xp: Any, _t: Any, y: Any, matrix: Any) -> Any:
    return xp.matmul(matrix, y)


def _b1(xp: Any, _t: Any, y: Any) -> Any:
    meetings = y[0] * y[1]
    return xp.stack([2 * (y[0] - meetings), meetings - y[1]])


def _b2_matrix() -> Tensor:
    return torch.tensor([[-1.0, 1.0, 0.0], [1.0, -2.0, 1.0], [0.0, 1.0, -1.0]], dtype=torch.float64)


def _b3(xp: Any, _t: Any, y: Any) -> Any:
    square = y[1] * y[1]
    return xp.stack([-y[0], y[0] - square, square])


def _b4(xp: Any, _t: Any, y: Any) -> Any:
    radius = xp.sqrt(y[0] * y[0] + y[1] * y[1])
    return xp.stack([-y[1] - y[0] * y[2] / radius, y[0] - y[1] * y[2] / radius, y[0] / radius])


def _b5(xp: Any, _t: Any, y: Any) -> Any:
    return xp.stack([y[1] * y[2], -y[0] * y[2], -0.51 * y[0] * y[1]])


def _orbit(name: str, eccentricity: float) -> DetestProblem:
    speed = math.sqrt((1 + eccentricity) / (1 - eccentricity))
    return _problem(name, f"orbit of eccentricity {eccentricity}", [1 - eccentricity, 0.0, 0.0, speed], _kepler)


def _kepler(xp: Any, _t: Any, y: Any) -> Any:
    squared = y[0] * y[0] + y[1] * y[1]
    cubed = squared * xp.sqrt(squared)
    return xp.stack([y[2], y[3], -y[0] / cubed, -y[1] / cubed])


def _bessel_start() -> list[float]:
    scale = math.sqrt(2 / math.pi)
    return [scale * math.sin(1.0), scale * (math.cos(1.0) - math.sin(1.0) / 2)]


def _e1(xp: Any, t: Any, y: Any) -> Any:
    z = t + 1
    return xp.stack([y[1], -(y[1] / z + (1 - 0.25 / (z * z)) * y[0])])


def _e2(xp: Any, _t: Any, y: Any) -> Any:
    return xp.stack([y[1], (1 - y[0] * y[0]) * y[1] - y[0]])


def _e3(xp: Any, t: Any, y: Any) -> Any:
    return xp.stack([y[1], y[0] ** 3 / 6 - y[0] + 2 * xp.sin(2.78535 * t)])


def _e4(xp: Any, _t: Any, y: Any) -> Any:
    return xp.stack([y[1], 0.032 - 0.4 * y[1] * y[1]])


def _e5(xp: Any, t: Any, y: Any) -> Any:
    return xp.stack([y[1], xp.sqrt(1 + y[1] * y[1]) / (25 - t)])
