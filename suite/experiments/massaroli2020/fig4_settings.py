"""Settings of Fig. 4 of Massaroli et al. 2020, and the densities that it is measured on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from suite.datasets.noisy_spirals import NoisySpirals
from suite.datasets.ring_of_gaussians import RingOfGaussians
from suite.datasets.two_circles_and_moons import TwoMoons
from suite.declarations import Settings, setting

TUTORIAL = "the authors' library, their CNF tutorial; not the paper's own run"


class Target(Protocol):
    """A density in the plane that is known and can be drawn from."""

    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Draw independent points, shape ``[count, 2]``."""
        ...

    def log_density(self, x: Tensor) -> Tensor:
        """Return the log-density in nats at ``x [n, 2]``, shape ``[n]``."""
        ...


@dataclass(frozen=True)
class Fig4Settings(Settings):
    """Targets, fields, training and measurements; the defaults are the paper profile.

    The paper's own targets and sizes are not known here: appendix C was not at hand.
    """

    moons_noise: float = setting(0.1, ours="two half circles of radius 1; the targets of the paper are not known here")
    spirals_noise: float = setting(0.1, ours="two arms of Archimedes' spiral that reach to a radius of 2")
    ring_modes: int = setting(8, ours="Gaussians on a circle; 6 and 7 of them in the authors' tutorials")
    ring_radius: float = setting(2.0, ours="as the arms of the spirals, so that the targets lie over each other")
    ring_deviation: float = setting(0.25, ours="an eighth of the radius, as 0.5 of 4 in the authors' tutorial")
    hidden: int = setting(64, source=f"units of each hidden layer, softplus: {TUTORIAL}")
    layers: int = setting(3, source=f"hidden layers: {TUTORIAL}")
    narrow_hidden: int = setting(
        36, ours="of each of three separate flows that together have about the parameters of the conditional one"
    )
    tolerance: float = setting(1e-4, source=f"of dopri5, relative and absolute, in training: {TUTORIAL}")
    gradient: str = setting("adjoint", source="section 2; smaller profiles differentiate through the solver")
    points_per_class: int = setting(
        342, source=f"about 1024 points in an iteration: {TUTORIAL}; ours: as many of each class, drawn anew"
    )
    iterations: int = setting(4_800, source=f"300 epochs of 16 batches: {TUTORIAL}")
    learning_rate: float = setting(2e-3, source=f"of AdamW: {TUTORIAL}")
    final_learning_rate: float = setting(0.02, ours="part of the learning rate that a cosine schedule ends at")
    weight_decay: float = setting(1e-5, source=f"of AdamW: {TUTORIAL}")
    checks: int = setting(20, ours="how often the validation likelihood is measured during training")
    validation_points: int = setting(500, ours="of each class, for the curves of training alone")
    test_points: int = setting(10_000, ours="of each class, never trained on")
    test_tolerance: float = setting(1e-5, ours="of the solves that are measured")
    mass_side: int = setting(240, ours="cells along a side of the grid over which densities are integrated")
    half_width: float = setting(4.5, ours="of that grid; 1e-4 of the standard normal base lie beyond 4")
    exact_points: int = setting(200, ours="of each class, whose log-determinants and ways back are compared")
    exact_tolerance: float = setting(1e-7, ours="of the solves in double precision that are compared with autograd")
    round_trip_tolerances: tuple[float, ...] = setting(
        (1e-3, 1e-4, 1e-5, 1e-6, 1e-7), ours="the training tolerances and others around them"
    )
    samples: int = setting(2_000, ours="samples of each class that are compared with data")
    picture_side: int = setting(32, ours="cells along a side of a picture of a density, recorded with seed 0")
    picture_half_width: float = setting(2.8, ours="of a picture")

    def targets(self) -> Mapping[str, Target]:
        """Return the density of each class by its name, in the order of the classes."""
        return {
            "moons": TwoMoons(self.moons_noise),
            "spirals": NoisySpirals(self.spirals_noise),
            "ring": RingOfGaussians(self.ring_modes, self.ring_radius, self.ring_deviation),
        }
