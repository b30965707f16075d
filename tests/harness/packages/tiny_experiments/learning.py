"""Cells that train, with every kind of state that a training loop may have."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import torch
from torch import nn

from suite.declarations import Cell, Experiment, Meter, Profile, Settings, setting


@dataclass(frozen=True)
class LearningSettings(Settings):
    """Sizes."""

    steps: int = setting(6, ours="enough to be interrupted in between")
    ledger: str = setting("", ours="given by a test that waits for a step")


def look_at_the_clock() -> float:
    """Return a number that is another one at every look."""
    return time.perf_counter()


class Learning(Experiment):
    """Two loops one after the other, of which the second goes on with the model of the first."""

    id = "tiny/learning"
    title = "Training"
    variants = ("trains", "names-alike", "chooses-by-time", "measures-alike")
    profiles: ClassVar[Mapping[Profile, Settings]] = {"smoke": LearningSettings()}
    headline = "loss"
    paper_cost = "nothing"

    def run(self, cell: Cell, meter: Meter) -> None:
        """Train with dropout, momentum, a schedule, a stream of data and a running sum."""
        settings = LearningSettings.of(cell.settings)
        with meter.initialisation():
            model = nn.Sequential(nn.Linear(2, 4), nn.Dropout(0.5), nn.Linear(4, 1))
        meter.record("begun", 1, "1")
        for _ in range({"chooses-by-time": 1, "measures-alike": 2}.get(cell.variant, 0)):
            meter.record("chosen", meter.measured_once("chosen", look_at_the_clock), "1")
        for number in range(2):
            optimiser = torch.optim.Adam(model.parameters(), lr=0.1)
            schedule = torch.optim.lr_scheduler.StepLR(optimiser, 2, gamma=0.5)
            sums = {"loss": 0.0}
            stream = meter.generator(f"points {number}")
            name = "loop" if cell.variant == "names-alike" else f"loop {number}"
            with meter.wall_time() as elapsed:
                for step in meter.resumable_steps(
                    settings.steps, name, model=model, optimiser=optimiser, schedule=schedule, sums=sums
                ):
                    points = torch.randn(8, 2, generator=stream)
                    optimiser.zero_grad()
                    loss = (model(points) - points.sum(1, keepdim=True)).square().mean()
                    loss.backward()
                    optimiser.step()
                    schedule.step()
                    sums["loss"] += loss.item()
                    meter.record("loss", loss.item(), "1", loop=number, step=step)
                    if settings.ledger and (number, step) == (1, 2):
                        Path(settings.ledger).touch()
            meter.record("total", sums["loss"], "1", loop=number)
            meter.record("elapsed", elapsed.value, "s", loop=number)
