"""The moderate systems of DETEST, class C: their matrices, and the outer planets of C5."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor

GRAVITATION = 2.95912208286
"""Gaussian constant squared, in astronomical units cubed over solar masses and squared units of 100 days."""
CENTRAL_MASS = 1.00000597682
"""Sun and inner planets, in solar masses."""
PLANET_MASSES = (0.000954786104043, 0.000285583733151, 0.0000437273164546, 0.0000517759138449, 0.00000277777777778)
"""Jupiter, Saturn, Uranus, Neptune, Pluto."""

_POSITIONS = (
    (3.42947415189, 3.35386959711, 1.35494901715),
    (6.64145542550, 5.97156957878, 2.18231499728),
    (11.2630437207, 14.6952576794, 6.27960525067),
    (-30.1552268759, 1.65699966404, 1.43785752721),
    (-21.1238353380, 28.4465098142, 15.3882659679),
)
_VELOCITIES = (
    (-0.557160570446, 0.505696783289, 0.230578543901),
    (-0.415570776342, 0.365682722812, 0.169143213293),
    (-0.325325669158, 0.189706021964, 0.0877265322780),
    (-0.0240476254170, -0.287659532608, -0.117219543175),
    (-0.176860753121, -0.216393453025, -0.0148647893090),
)
FIVE_BODIES_START = tuple(number for rows in (_POSITIONS, _VELOCITIES) for row in rows for number in row)
"""Positions of the five planets relative to the sun, then their velocities, shape ``[30]``."""


def chain(rates: Iterable[float]) -> Tensor:
    """Return the matrix of a decay chain: each member turns into the next at its rate, and the last stays."""
    decays = torch.tensor([*rates, 0.0], dtype=torch.float64)
    return torch.diag(decays[:-1], -1) - torch.diag(decays)


def tridiagonal(size: int) -> Tensor:
    """Return the matrix of second differences: -2 on the diagonal and 1 beside it."""
    beside = torch.ones(size - 1, dtype=torch.float64)
    return torch.diag(beside, 1) + torch.diag(beside, -1) - 2 * torch.eye(size, dtype=torch.float64)


def masses() -> tuple[Tensor, Tensor]:
    """Return the masses of the planets, shape ``[5]``, and the identity matrix of that size."""
    return torch.tensor(PLANET_MASSES, dtype=torch.float64), torch.eye(len(PLANET_MASSES), dtype=torch.float64)


def five_bodies(xp: Any, t: Any, y: Any, planets: Any, identity: Any) -> Any:
    """Return the derivative of positions and velocities ``[30]`` of planets relative to the sun.

    Each is drawn by the sun, by the other planets, and against their pull on the sun.
    """
    del t
    bodies = len(PLANET_MASSES)
    positions = xp.reshape(y[: 3 * bodies], (bodies, 3))
    to_others = positions[None, :, :] - positions[:, None, :]
    # The identity keeps the distance of a planet to itself from dividing by zero; that difference is zero anyway.
    apart = xp.sum(to_others * to_others, axis=-1) + identity
    distance = xp.sqrt(xp.sum(positions * positions, axis=-1))
    from_sun = positions / (distance**3)[:, None]
    pulls = xp.sum((planets / (apart * xp.sqrt(apart)))[:, :, None] * to_others, axis=1)
    # A planet's own pull on the sun is in the first term, with the central mass.
    on_sun = xp.matmul(planets[None, :] * (1 - identity), from_sun)
    accelerations = GRAVITATION * (pulls - on_sun - (CENTRAL_MASS + planets)[:, None] * from_sun)
    return xp.concatenate([y[3 * bodies :], xp.reshape(accelerations, (3 * bodies,))])
