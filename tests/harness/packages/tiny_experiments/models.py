"""A trained model, and experiments that use it or should not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from suite.declarations import Cell, Experiment, Meter, ModelSpec, Profile, Settings, setting

LINE = ModelSpec("tiny/training", "line")


@dataclass(frozen=True)
class TrainingSettings(Settings):
    """Size of the model."""

    width: int = setting(2, ours="small")


class Training(Experiment):
    """Draws a model and keeps it, unless the variant forgets or fails to."""

    id = "tiny/training"
    title = "A line"
    variants = ("line", "forgets", "fails")
    profiles: ClassVar[Mapping[Profile, Settings]] = {"smoke": TrainingSettings()}
    headline = "weight"
    paper_cost = "nothing"

    def build_model(self, cell: Cell) -> nn.Module:
        """Return a linear map."""
        settings = TrainingSettings.of(cell.settings)
        return nn.Linear(settings.width, 1)

    def run(self, cell: Cell, meter: Meter) -> None:
        """Keep the model as it is drawn."""
        with meter.initialisation():
            model = self.build_model(cell)
        if cell.variant == "fails":
            raise RuntimeError("no luck")
        if cell.variant == "line":
            meter.keep(model)
        meter.record("weight", float(next(model.parameters()).detach()[0, 0]), "1")


class Using(Experiment):
    """Reads the weight of models that others trained."""

    id = "tiny/using"
    title = "Use of a line"
    variants = ("declared", "other-seed", "undeclared", "of-forgetful", "of-failed")
    profiles: ClassVar[Mapping[Profile, Settings]] = {"smoke": TrainingSettings()}
    headline = "weight"
    paper_cost = "nothing"

    def needs(self, cell: Cell) -> Sequence[ModelSpec]:
        """Return what the variant says."""
        needed = {
            "undeclared": (),
            "of-forgetful": (ModelSpec("tiny/training", "forgets"),),
            "of-failed": (ModelSpec("tiny/training", "fails"),),
        }
        return needed.get(cell.variant, (LINE,))

    def run(self, cell: Cell, meter: Meter) -> None:
        """Record the weight, whether the model is in evaluation mode, and a draw from the global generator."""
        model = meter.trained(LINE, 7 if cell.variant == "other-seed" else None)
        meter.record("weight", float(next(model.parameters()).detach()[0, 0]), "1")
        meter.record("training", int(model.training), "1")
        meter.record("draw", float(torch.rand(())), "1")


@dataclass(frozen=True)
class DigitsSettings(Settings):
    """Nothing to set."""


class Digits(Experiment):
    """Counts the test images of a data set that has a stand-in."""

    id = "tiny/digits"
    title = "Data"
    variants = ("count", "undeclared")
    profiles: ClassVar[Mapping[Profile, Settings]] = {"smoke": DigitsSettings()}
    datasets = ("mnist",)
    headline = "test_size"
    paper_cost = "nothing"

    def run(self, cell: Cell, meter: Meter) -> None:
        """Record how many there are."""
        images = meter.dataset("mnist" if cell.variant == "count" else "cifar10").test_images
        meter.record("test_size", len(images), "images")


class Drawing(Experiment):
    """Records what each source of random numbers gives."""

    id = "tiny/drawing"
    title = "Random numbers"
    variants = ("a", "b")
    profiles: ClassVar[Mapping[Profile, Settings]] = {"smoke": DigitsSettings()}
    headline = "stream"
    paper_cost = "nothing"

    def run(self, cell: Cell, meter: Meter) -> None:
        """Draw from a stream twice, from initialisation, and from the global generator."""
        for draw in range(2):
            meter.record("stream", float(torch.rand((), generator=meter.generator("batches"))), "1", draw=draw)
        meter.record("other_stream", float(torch.rand((), generator=meter.generator("noise"))), "1")
        with meter.initialisation():
            meter.record("initialisation", float(torch.rand(())), "1")
        meter.record("global", float(torch.rand(())), "1")
