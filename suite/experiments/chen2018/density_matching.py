"""Training flows on energies, and what of them is compared (Fig. 4 of Chen et al. 2018)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from suite.datasets.rezende_mohamed import ENERGIES, WINDOW, log_normaliser
from suite.declarations import Meter
from suite.experiments.chen2018.matched_flows import MatchedFlows
from suite.models.graphed_step import WARM_UP, GraphedStep, Losses

WINDOWS = 20
"""Parts of a training whose mean losses are recorded."""
BLOCK = 100
"""Iterations whose base samples are drawn and moved to the device together; a training is interrupted between two."""


@dataclass(frozen=True)
class Schedule:
    """How flows are trained.

    Attributes:
        optimiser: ``adam`` or ``rmsprop``.
        learning_rate: Of the first iteration.
        momentum: Of RMSprop.
        decay: Last over first learning rate; it falls geometrically.
        annealing: The share of the iterations in which the energy's weight grows from 0.01 to 1.
        iterations: Number of updates.
        batch_size: Fresh base samples of an update.
    """

    optimiser: str
    learning_rate: float
    momentum: float
    decay: float
    annealing: float
    iterations: int
    batch_size: int

    def energy_weight(self, iteration: int) -> float:
        """Return the weight of the energy at an iteration counted from 1."""
        ramp = self.annealing * self.iterations
        return min(1.0, 0.01 + iteration / ramp) if ramp else 1.0


def energies(z: Tensor, targets: Sequence[str]) -> Tensor:
    """Return ``U(z)`` of samples ``[sizes * targets, n, 2]``, each model's own, shape ``[sizes * targets, n]``."""
    by_target = z.unflatten(0, (-1, len(targets)))
    return torch.stack([ENERGIES[target](by_target[:, i]) for i, target in enumerate(targets)], dim=1).flatten(0, 1)


class History:
    """The course of a training: the mean loss of every model over each part of the iterations.

    Attributes:
        parts: For each part that is over, its last iteration and the means, shape ``[models]``.
    """

    def __init__(self, iterations: int, models: int, device: torch.device) -> None:
        """Begin before the first iteration.

        Args:
            iterations: Of the whole training, which has ``WINDOWS`` parts.
            models: Whose losses are added.
            device: Where they are.
        """
        self.parts: list[tuple[int, Tensor]] = []
        self._ends = sorted({max(1, iterations * part // WINDOWS) for part in range(1, WINDOWS + 1)})
        self._total, self._since = torch.zeros(models, device=device), 0

    def add(self, iteration: int, losses: Tensor) -> float | None:
        """Take the losses of an iteration, counted from 1; return the mean over the models where a part ends.

        Raises:
            FloatingPointError: When a loss of the part is not finite.
        """
        self._total += losses
        if iteration != self._ends[len(self.parts)]:
            return None
        mean = (self._total / (iteration - self._since)).cpu()
        if not bool(mean.isfinite().all()):
            raise FloatingPointError(f"training diverged: a loss is not finite before iteration {iteration}")
        self.parts.append((iteration, mean))
        self._total, self._since = torch.zeros_like(self._total), iteration
        return float(mean.mean())

    def state_dict(self) -> dict[str, Any]:
        """Return the parts and the sum of the unfinished one."""
        return {"parts": list(self.parts), "total": self._total, "since": self._since}

    def load_state_dict(self, state_dict: dict[str, Any], /) -> None:
        """Go on from a state that :meth:`state_dict` returned."""
        self.parts = list(state_dict["parts"])
        self._total.copy_(state_dict["total"])
        self._since = state_dict["since"]


def train(
    flows: MatchedFlows, targets: Sequence[str], schedule: Schedule, meter: Meter, *, label: str = ""
) -> list[tuple[int, Tensor]]:
    """Minimise ``E_q[log q(z) + U(z)]`` of every model by itself.

    Returns:
        For each part of the training, its last iteration and the mean loss over it of every model, ``[models]``.

    Raises:
        FloatingPointError: When a loss is not finite.
    """
    optimiser = _optimiser(flows, schedule)
    update = GraphedStep(losses_of(flows, targets), optimiser)
    history = History(schedule.iterations, len(flows.parameters_of_each), meter.device)
    generator = meter.generator("base")
    blocks = math.ceil(schedule.iterations / BLOCK)
    for block in meter.resumable_steps(
        blocks, f"training{label}", model=flows.ensemble, optimiser=optimiser, history=history
    ):
        done = block * BLOCK
        count = min(BLOCK, schedule.iterations - done)
        drawn = torch.randn(count, schedule.batch_size, 2, generator=generator).to(meter.device, non_blocking=True)
        for iteration, base in enumerate(drawn, start=done + 1):
            for group in optimiser.param_groups:
                group["lr"] = schedule.learning_rate * schedule.decay ** (iteration / schedule.iterations)
            _, losses = update(base, base.new_full((), schedule.energy_weight(iteration)))
            mean = history.add(iteration, losses)
            if mean is not None:
                meter.progress(iteration, schedule.iterations, f"iterations{label}", loss=mean)
    return history.parts


def losses_of(flows: MatchedFlows, targets: Sequence[str]) -> Losses:
    """Return the losses of an update by base samples ``[n, 2]`` and the weight of the energy, of shape ``[]``.

    They are the sum over the models, which is minimised, and the loss of every model with the whole energy.
    """

    def losses(base: Tensor, energy_weight: Tensor) -> tuple[Tensor, Tensor]:
        z, log_q = flows.push(base)
        entropy, energy = log_q.mean(dim=1), energies(z, targets).mean(dim=1)
        # The models share no parameter, so the gradient of the sum is each one's own.
        return (entropy + energy_weight * energy).sum(), entropy + energy

    return losses


def seconds_of_updates(
    flows: MatchedFlows, targets: Sequence[str], schedule: Schedule, repeats: int, meter: Meter
) -> list[float]:
    """Return the seconds of each of some updates, after those to warm up; the models are changed by them."""
    update = GraphedStep(losses_of(flows, targets), _optimiser(flows, schedule))
    base = torch.randn(schedule.batch_size, 2, generator=meter.generator("timing")).to(meter.device)
    whole = base.new_ones(())
    for _ in range(1 if update.fallback else WARM_UP + 1):
        update(base, whole)
    seconds = []
    for _ in range(repeats):
        with meter.wall_time() as reading:
            update(base, whole)
        seconds.append(reading.value)
    return seconds


@dataclass(frozen=True)
class Match:
    """How well models match their targets on held-out samples; each of shape ``[models]``.

    Attributes:
        loss: ``E_q[log q + U]`` in nats, which the figure plots. U3 and U4 bound it from below only in a window.
        window_divergence: KL divergence in nats between model and target, both restricted to the window and normalised.
        window_mass: Probability that the model gives to the window.
        reach: The largest coordinate of a sample.
    """

    loss: Tensor
    window_divergence: Tensor
    window_mass: Tensor
    reach: Tensor


def match(flows: MatchedFlows, targets: Sequence[str], base: Tensor) -> Match:
    """Measure the match on samples of the base density, ``[n, 2]``.

    With ``p = exp(-U)/Z`` and ``q`` restricted to the window W, the divergence is
    ``E[log q + U | z in W] - log q(W) + log Z_W``.
    """
    z, log_q = flows.push_accurately(base)
    free_energy = (log_q + energies(z, targets)).double()
    largest = z.abs().amax(dim=-1)
    inside = (largest <= WINDOW).double()
    mass = inside.mean(dim=1)
    normalisers = torch.tensor([log_normaliser(target) for target in targets], dtype=torch.float64)
    normalisers = normalisers.to(z.device).repeat(len(z) // len(targets))
    divergence = (free_energy * inside).mean(dim=1) / mass - mass.log() + normalisers
    return Match(free_energy.mean(dim=1).cpu(), divergence.cpu(), mass.cpu(), largest.amax(dim=1).cpu())


def mass_on_grid(flows: MatchedFlows, reach: Tensor, points: int) -> Tensor:
    """Return the integral of every model's density over a square of ``points^2`` cells that holds its samples.

    Args:
        flows: The models.
        reach: The largest coordinate of each model's samples, ``[models]``; the square is a quarter wider.
        points: Cells along each side.
    """
    device = next(flows.ensemble.parameters()).device
    half_widths = 1.25 * reach
    centres = (torch.arange(points) + 0.5) * (2 / points) - 1
    unit = torch.cartesian_prod(centres, centres)
    grid = (half_widths.view(-1, 1, 1) * unit).to(device, torch.float32)
    area = (2 * half_widths.double() / points).square()
    return flows.log_density(grid).double().cpu().logsumexp(dim=1).exp() * area


def _optimiser(flows: MatchedFlows, schedule: Schedule) -> torch.optim.Optimizer:
    parameters = flows.ensemble.parameters()
    if schedule.optimiser == "rmsprop":
        return torch.optim.RMSprop(parameters, lr=schedule.learning_rate, momentum=schedule.momentum)
    return torch.optim.Adam(parameters, lr=schedule.learning_rate)
