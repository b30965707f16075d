"""The reflection of section 5.1 of Massaroli et al. 2020: data control learns it, a flow of one dimension cannot."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import nn

from suite.declarations import Cell, Experiment, Meter, Meters, Profile, Settings, setting
from suite.experiments.massaroli2020.reflection_grid import crossings, floor, grid, held_out_grid
from suite.experiments.massaroli2020.reflection_training import train_to_reflect, train_to_reflect_together
from suite.experiments.rounding import significant
from suite.models import parameter_count
from suite.models.augmentation import ZeroAugmentation
from suite.models.data_control import ConditionConcatenation
from suite.models.depth_varying import DepthConcatenation, DepthField, FourierBasis, GalerkinLinear, StackedField
from suite.models.scalar_maps import ControlledMap, FlowMap, ScalarMap

TUTORIAL = "the authors' library, tutorial 03_crossing_trajectories; the paper's own run was not at hand"
SUCCEEDING = ("augmented", "data-controlled")


@dataclass(frozen=True)
class ReflectionSettings(Settings):
    """Data, fields and training; the defaults are the paper profile."""

    points: int = setting(100, source=f"{TUTORIAL}: evenly spaced over [-1, 1], full batch")
    hidden: int = setting(64, source=f"{TUTORIAL}: one hidden layer of 64 units with tanh")
    harmonics: int = setting(2, ours="of the Galerkin layers, which the tutorial does not have here")
    pieces: int = setting(5, ours="of the stacked field, as in the authors' cookbook")
    tolerance: float = setting(1e-4, source=f"{TUTORIAL}: of dopri5, relative and absolute")
    learning_rate: float = setting(0.01, source=f"{TUTORIAL}: of Adam")
    iterations: int = setting(500, source=f"{TUTORIAL}: 500 to 550 for the models that fail")
    succeeding_iterations: int = setting(250, source=f"{TUTORIAL}: 200 to 250 for data control; here for augmented too")
    drawn_starts: int = setting(11, ours="paths in the picture")
    drawn_depths: int = setting(21, ours="depths of a path in the picture")
    path_tolerance: float = setting(1e-9, ours="of the paths whose order is compared and which are drawn")


class Reflection(Experiment):
    """``x -> -x`` on [-1, 1], by fields of one dimension, an augmented one and a data-controlled one.

    ``vanilla`` reads the state alone, ``depth-concatenated`` the depth too, and parameters of ``galerkin`` and
    ``stacked`` vary with it; their flows are increasing, so that no error is below ``floor``, that of the constant 0.
    ``augmented`` has one more dimension and a linear layer behind, ``data-controlled`` reads ``x`` beside the state.
    ``held_out_mse`` is on numbers between those of the training; ``excess`` is an error over the floor of its grid.
    """

    id = "massaroli2020/reflection"
    title = "Section 5.1: the reflection in one dimension, by data control and by flows"
    variants = ("vanilla", "depth-concatenated", "galerkin", "stacked", "augmented", "data-controlled")
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": ReflectionSettings(
            points=10, hidden=8, iterations=3, succeeding_iterations=3, drawn_starts=3, drawn_depths=5,
            path_tolerance=1e-5,
        ),
        "quick": ReflectionSettings(iterations=60, succeeding_iterations=120),
        "laptop": ReflectionSettings(iterations=200),
        "paper": ReflectionSettings(),
    }  # fmt: skip
    headline = "mse"
    paper_cost = "estimated, not measured: 5 minutes for all variants of one seed, all of it the host's"

    def run(self, cell: Cell, meter: Meter) -> None:
        """Train one model on the grid, and follow its paths."""
        settings, model = ReflectionSettings.of(cell.settings), _new_model(cell, meter)
        x = grid(settings.points, meter.device)
        with meter.wall_time() as seconds:
            course = train_to_reflect(model, x, _iterations(cell), settings.learning_rate, meter)
        _record_course(course, meter)
        meter.record("train_seconds", seconds.value, "s")
        _measure(cell, model, meter)

    def goes_together(self, cell: Cell) -> bool:
        """Return whether the field never jumps; each seed's solver then chooses its steps by itself."""
        return cell.variant != "stacked"

    def run_together(self, cells: Sequence[Cell], meters: Meters) -> None:
        """Train the models of all seeds at once on the grid, then follow the paths of each."""
        settings = ReflectionSettings.of(cells[0].settings)
        pairs = list(zip(cells, meters.each, strict=True))
        models = [_new_model(cell, meter) for cell, meter in pairs]
        x = grid(settings.points, meters.each[0].device)
        with meters.wall_time() as seconds:
            courses = train_to_reflect_together(models, x, _iterations(cells[0]), settings.learning_rate, meters)
        for (cell, meter), model, course in zip(pairs, models, courses, strict=True):
            _record_course(course, meter)
            meter.record("train_seconds", seconds.value, "s", together=len(cells))
            _measure(cell, model, meter)


def _iterations(cell: Cell) -> int:
    settings = ReflectionSettings.of(cell.settings)
    return settings.succeeding_iterations if cell.variant in SUCCEEDING else settings.iterations


def _new_model(cell: Cell, meter: Meter) -> ScalarMap:
    with meter.initialisation():
        return reflecting_model(cell.variant, ReflectionSettings.of(cell.settings)).double().to(meter.device)


def _record_course(course: Mapping[int, float], meter: Meter) -> None:
    for iteration, error in course.items():
        meter.record("train_mse", error, "1", iteration=iteration)


@torch.no_grad()
def _measure(cell: Cell, model: ScalarMap, meter: Meter) -> None:
    """Record the errors of a trained model, and follow its paths."""
    settings = ReflectionSettings.of(cell.settings)
    x, held_out = grid(settings.points, meter.device), held_out_grid(settings.points, meter.device)
    meter.record("parameters", parameter_count(model), "1")
    for name, numbers in (("", x), ("held_out_", held_out)):
        ends = model(numbers)
        error = float((ends + numbers).square().mean())
        meter.record(f"{name}mse", error, "1")
        meter.record(f"{name}floor", floor(numbers), "1")
        meter.record(f"{name}excess", error - floor(numbers), "1")
        if not name:
            meter.record("nfe_forward", model.nfe, "evaluations")
            meter.record("largest_end", float(ends.abs().max()), "1")
    _follow(model, settings, meter, drawn=cell.seed == 0)


def reflecting_model(variant: str, settings: ReflectionSettings) -> ScalarMap:
    """Return the untrained model of a variant."""
    hidden, tolerance = settings.hidden, settings.tolerance
    if variant == "data-controlled":
        return ControlledMap(ConditionConcatenation(_network(2, hidden, 1)), tolerance)
    if variant == "augmented":
        field = _network(2, hidden, 2)
        return FlowMap(field, tolerance, into=ZeroAugmentation(1), out=nn.Linear(2, 1))
    if variant == "stacked":
        return FlowMap(StackedField([_network(1, hidden, 1) for _ in range(settings.pieces)]), tolerance)
    if variant == "galerkin":
        basis = FourierBasis(settings.harmonics)
        field = DepthField(GalerkinLinear(1, hidden, basis), nn.Tanh(), GalerkinLinear(hidden, 1, basis))
        return FlowMap(field, tolerance)
    if variant == "depth-concatenated":
        return FlowMap(DepthField(DepthConcatenation(), *_network(2, hidden, 1).layers), tolerance)
    return FlowMap(_network(1, hidden, 1), tolerance)


def _network(inputs: int, hidden: int, outputs: int) -> DepthField:
    return DepthField(nn.Linear(inputs, hidden), nn.Tanh(), nn.Linear(hidden, outputs))


def _follow(model: ScalarMap, settings: ReflectionSettings, meter: Meter, *, drawn: bool) -> None:
    """Count neighbours that change their order on the way, and record some paths."""
    if isinstance(model, FlowMap):
        model.tolerance = settings.path_tolerance
    elif isinstance(model, ControlledMap):
        model.block.rtol = model.block.atol = settings.path_tolerance
    depths = tuple(index / (settings.drawn_depths - 1) for index in range(settings.drawn_depths))
    paths = model.path(grid(settings.points, meter.device), depths).squeeze(2)
    meter.record("crossings", crossings(paths), "pairs")
    if not drawn:
        return
    starts = grid(settings.drawn_starts, meter.device)
    for start, path in zip(starts.squeeze(1).tolist(), model.path(starts, depths).squeeze(2).T.tolist(), strict=True):
        for depth, value in zip(depths, path, strict=True):
            meter.record("state", significant(value, 4), "1", x=significant(start, 4), s=significant(depth, 4))
