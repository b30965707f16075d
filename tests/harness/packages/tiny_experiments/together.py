"""Cells that can train together with those of other seeds, and every way in which that can go wrong."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import Tensor, nn

from suite.declarations import Cell, Experiment, Meter, Meters, Profile, Settings, setting
from suite.models.replicas import Replicas, elementwise


@dataclass(frozen=True)
class TogetherSettings(Settings):
    """Sizes."""

    steps: int = setting(6, ours="enough to be interrupted in between")
    ledger: str = setting("", ours="given by the test")


class Together(Experiment):
    """Fits a line to a stream of points of the seed's own.

    ``diverges`` does so with seed 1, ``draws`` takes random numbers that are nobody's when seeds are together, ``dies``
    then ends its process, and ``never`` does not go together.
    """

    id = "tiny/together"
    title = "Seeds together"
    variants = ("trains", "diverges", "draws", "dies", "never", "timed")
    profiles: ClassVar[Mapping[Profile, Settings]] = {"smoke": TogetherSettings()}
    seeds: ClassVar[Mapping[Profile, int]] = {"smoke": 3}
    headline = "loss"
    alone = ("timed",)
    paper_cost = "nothing"

    def build_model(self, cell: Cell) -> nn.Module:
        """Return a line."""
        del cell
        return nn.Linear(2, 1)

    def run(self, cell: Cell, meter: Meter) -> None:
        """Fit by itself."""
        self._note(cell, 1)
        model = self._begun(cell, meter)
        optimiser = torch.optim.Adam(model.parameters(), lr=0.1)
        stream, sums = meter.generator("points"), {"loss": 0.0}
        with meter.wall_time() as elapsed:
            for step in meter.resumable_steps(_steps(cell), "loop", model=model, optimiser=optimiser, sums=sums):
                points = torch.randn(8, 2, generator=stream)
                loss = _loss(model(points), points).mean()
                optimiser.zero_grad()
                loss.backward()
                optimiser.step()
                sums["loss"] += loss.item()
                _record(loss.item(), step, cell, meter)
        meter.record("elapsed", elapsed.value, "s")
        self._end(model, sums["loss"], meter)

    def goes_together(self, cell: Cell) -> bool:
        """Return whether the variant does."""
        return cell.variant != "never"

    def run_together(self, cells: Sequence[Cell], meters: Meters) -> None:
        """Fit all lines at once."""
        self._note(cells[0], len(cells))
        if cells[0].variant == "draws":
            torch.rand(())
        if cells[0].variant == "dies":
            os._exit(3)
        models = [self._begun(cell, meter) for cell, meter in zip(cells, meters.each, strict=True)]
        replicas = Replicas(models)
        optimiser = elementwise(torch.optim.Adam(replicas.parameters(), lr=0.1))
        streams = [meter.generator("points") for meter in meters.each]
        sums = {cell.seed: 0.0 for cell in cells}
        with meters.wall_time() as elapsed:
            for step in meters.resumable_steps(
                _steps(cells[0]), "loop", model=replicas, optimiser=optimiser, sums=sums
            ):
                points = torch.stack([torch.randn(8, 2, generator=stream) for stream in streams])
                losses = _loss(replicas(points), points).mean(1)
                optimiser.zero_grad()
                losses.sum().backward()
                optimiser.step()
                for cell, meter, loss in zip(cells, meters.each, losses.tolist(), strict=True):
                    sums[cell.seed] += loss
                    _record(loss, step, cell, meter)
        replicas.put_back()
        for cell, model, meter in zip(cells, models, meters.each, strict=True):
            meter.record("elapsed", elapsed.value, "s", together=len(cells))
            self._end(model, sums[cell.seed], meter)

    def _begun(self, cell: Cell, meter: Meter) -> nn.Module:
        with meter.initialisation():
            model = self.build_model(cell)
        meter.record("begun", 1, "1")
        return model

    def _end(self, model: nn.Module, total: float, meter: Meter) -> None:
        meter.record("total", total, "1")
        meter.keep(model)

    def _note(self, cell: Cell, count: int) -> None:
        ledger = TogetherSettings.of(cell.settings).ledger
        if ledger:
            with Path(ledger).open("a") as file:
                file.write(f"{cell.variant} {count}\n")


def _steps(cell: Cell) -> int:
    return TogetherSettings.of(cell.settings).steps


def _loss(lines: Tensor, points: Tensor) -> Tensor:
    return (lines - points.sum(-1, keepdim=True)).square().squeeze(-1)


def _record(loss: float, step: int, cell: Cell, meter: Meter) -> None:
    meter.record("loss", loss, "1", step=step)
    if cell.variant == "diverges" and cell.seed == 1 and step == 2:
        raise FloatingPointError("the loss is not finite at step 2")
