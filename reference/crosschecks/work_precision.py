"""Work and precision of six libraries: error against evaluations and against time, on DETEST and on a trained field."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import ClassVar

import torch
from torch import Tensor

from reference.crosschecks import detest
from reference.crosschecks.trained_field import TrainedField
from reference.crosschecks.walling import walled
from reference.crosschecks.work_at_error import work_at
from reference.libraries.diffrax import Diffrax
from reference.libraries.neutral_field import NeutralField
from reference.libraries.prepared import Prepared, prepare
from reference.libraries.scipy import Scipy
from reference.libraries.suite import Suite
from reference.libraries.torchdiffeq import Torchdiffeq
from reference.libraries.torchdyn import Torchdyn
from reference.libraries.torchode import Torchode
from suite.declarations import (
    Axis,
    Cell,
    Experiment,
    Library,
    LibraryMissingError,
    Meter,
    ModelSpec,
    Profile,
    Settings,
    setting,
)
from suite.models import ImageClassifier, ODEBlock
from suite.models.convolutional_field import ConvolutionalField

_ODE_NET = ModelSpec("chen2018/table1", "ode-net")
_DECADES = (1e-1, 1e-2, 1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10, 1e-11, 1e-12)

LIBRARIES: Mapping[str, Library] = {
    library.name: library for library in (Suite(), Torchdiffeq(), Torchdyn(), Torchode(), Diffrax(), Scipy())
}

FAILURES = (ArithmeticError, AssertionError, RuntimeError, ValueError)
"""What libraries raise where a solve cannot go on."""

SCIPY_METHODS = {"bosh3": "bosh3", "dopri5": "dopri5", "tsit5": "dopri5", "dopri8": "dopri8"}
"""scipy's method of the same order: RK23, RK45 and DOP853."""

TARGETS = (1e-3, 1e-6, 1e-9)
"""Errors at which the work of curves is compared."""

WITNESSES = (("suite", "dopri8"), ("suite", "tsit5"), ("scipy", "lsoda"))
"""Solvers that share no code with the reference, scipy's DOP853, and hardly a coefficient with each other."""


@dataclass(frozen=True)
class WorkPrecisionSettings(Settings):
    """Problems, methods and tolerances."""

    problems: tuple[str, ...] = setting(
        tuple(problem.name for problem in detest.problems()),
        source="Hull et al. 1972, all of DETEST",
    )
    methods: tuple[str, ...] = setting(
        ("bosh3", "dopri5", "tsit5", "dopri8"), ours="adaptive methods of orders 3, 5 and 8 that several libraries have"
    )
    tolerances: tuple[float, ...] = setting(_DECADES, ours="every decade, absolute and relative")
    trained_methods: tuple[str, ...] = setting(("bosh3", "dopri5", "tsit5"), ours="methods on the trained field")
    trained_tolerances: tuple[float, ...] = setting(
        _DECADES[:6], ours="tolerances on the trained ODE-Net's field, whose kinks spoil higher accuracy"
    )
    trained_reference: float = setting(
        1e-10, ours="tolerance of the reference on the trained field, by RK45: a high order does not pay at its kinks"
    )
    witness_tolerances: tuple[float, ...] = setting(
        (1e-9, 1e-10, 1e-11, 1e-12), ours="tolerances of the solvers that check the reference"
    )
    repeats: int = setting(5, ours="timed runs of a solve, of which the fastest counts")
    seconds: float = setting(0.5, ours="seconds after which a solve is not timed again")
    most_evaluations: int = setting(200_000, ours="evaluations after which a solve is given up, which is recorded")


@dataclass(frozen=True, eq=False)
class Problem:
    """An initial value problem in double precision with the state at its end.

    Attributes:
        name: How records name it.
        field: Vector field.
        y0: Initial state.
        times: Both ends, shape ``[2]``.
        end: The state at the end, by scipy at a tolerance tighter than any that is measured.
    """

    name: str
    field: NeutralField
    y0: Tensor
    times: Tensor
    end: Tensor

    def error(self, states: Tensor) -> float:
        """Return ``max |y - end| / (1 + |end|)`` at the last time: with one tolerance for both, a multiple of it."""
        return float(((states[-1] - self.end).abs() / (1 + self.end.abs())).max())


class WorkPrecision(Experiment):
    """Global error at the end of the interval against evaluations of the field and against time.

    The problems are not random, so one seed says all. The reference is scipy's DOP853 at a tolerance of 2.5e-14 (RK45
    for the trained field); the variant ``reference`` measures it: its distance from an independent solver, and
    whether the curves of independent solvers flatten at one error. For scipy's own DOP853 it is the same code.

    ``nfe_at_error`` is read off a line through the logarithms of a curve's errors and evaluations.
    ``scipy_error_over_tolerance`` is that of scipy's method of the same order at the same tolerance.

    A library that is not installed has one row, ``installed`` = 0. A solve that fails has ``solved`` = 0 and a reason.
    """

    id = "crosscheck/work-precision"
    title = "Work and precision on the 25 DETEST problems and on a trained field, six libraries"
    variants = ("reference", "scipy", "diffrax", "torchode", "torchdyn", "torchdiffeq", "suite")
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": WorkPrecisionSettings(
            problems=("A3", "D3"),
            methods=("dopri5",),
            tolerances=(1e-3, 1e-6),
            trained_methods=("dopri5",),
            trained_tolerances=(1e-1,),
            trained_reference=1e-4,
            witness_tolerances=(1e-6, 1e-8),
            repeats=1,
            most_evaluations=20_000,
        ),
        "quick": WorkPrecisionSettings(
            problems=("A3", "A4", "B1", "C1", "D5", "E2"),
            methods=("dopri5", "tsit5", "dopri8"),
            tolerances=(1e-3, 1e-5, 1e-7, 1e-9),
            trained_methods=("dopri5",),
            trained_tolerances=(1e-1, 1e-2, 1e-3),
            trained_reference=1e-7,
            repeats=2,
            seconds=0.1,
            most_evaluations=50_000,
        ),
        "laptop": WorkPrecisionSettings(
            methods=("dopri5", "tsit5", "dopri8"),
            trained_methods=("dopri5",),
            trained_tolerances=(1e-1, 1e-2, 1e-3, 1e-4),
            trained_reference=1e-8,
            repeats=3,
            seconds=0.1,
            most_evaluations=50_000,
        ),
        "paper": WorkPrecisionSettings(),
    }
    seeds: ClassVar[Mapping[Profile, int]] = {"smoke": 1, "quick": 1, "laptop": 1, "paper": 1}
    datasets = ("mnist",)
    headline = "error_over_tolerance"
    alone = variants
    paper_cost = "estimated, not measured: 1 hour on one core; a GPU does not help, the problems are small"

    def needs(self, cell: Cell) -> Sequence[ModelSpec]:
        """Every cell takes the field of Table 1's trained ODE-Net."""
        del cell
        return (_ODE_NET,)

    def run(self, cell: Cell, meter: Meter) -> None:
        """Measure one library, or the reference, on every problem."""
        settings = WorkPrecisionSettings.of(cell.settings)
        if cell.variant == "reference":
            _check_reference(settings, meter)
            return
        library = LIBRARIES[cell.variant]
        try:
            meter.record("installed", 1.0, "1", version=library.version())
        except LibraryMissingError as missing:
            meter.record("installed", 0.0, "1", reason=str(missing))
            return
        problems = [*(_detest(name) for name in settings.problems), _trained(settings, meter)]
        for done, problem in enumerate(problems):
            trained = problem.name == _ODE_NET.variant
            methods = settings.trained_methods if trained else settings.methods
            tolerances = settings.trained_tolerances if trained else settings.tolerances
            for method in (name for name in methods if name in library.methods):
                _measure(library, problem, method, tolerances, settings, meter)
            meter.progress(done + 1, len(problems), "problems")


def _measure(
    library: Library,
    problem: Problem,
    method: str,
    tolerances: Sequence[float],
    settings: WorkPrecisionSettings,
    meter: Meter,
) -> None:
    with suppress(*FAILURES):
        _prepared(library, problem, method, max(tolerances), settings).run()  # what is compiled, is compiled here
    curve: list[tuple[float, int]] = []
    for tolerance in tolerances:
        axes: dict[str, Axis] = {"problem": problem.name, "method": method, "tolerance": tolerance}
        try:
            solve = _prepared(library, problem, method, tolerance, settings)
            seconds = min(_timed(solve, settings))
            error = problem.error(solve.states)
            if not error < float("inf"):
                raise FloatingPointError("a state that is not finite")
        except FAILURES as failure:
            meter.record("solved", 0.0, "1", **axes, reason=type(failure).__name__)
            continue
        meter.record("solved", 1.0, "1", **axes)
        meter.record("error", error, "1", **axes)
        meter.record("error_over_tolerance", error / tolerance, "1", **axes)
        meter.record("nfe", solve.nfe, "evaluations", **axes)
        meter.record("seconds", seconds, "s", **axes)
        curve.append((error, solve.nfe))
        with suppress(*FAILURES):
            theirs = _scipy_error(problem, SCIPY_METHODS[method], tolerance)
            meter.record("scipy_error_over_tolerance", theirs / tolerance, "1", **axes)
    for target, nfe in work_at(TARGETS, curve).items():
        meter.record("nfe_at_error", nfe, "evaluations", problem=problem.name, method=method, target=target)


@lru_cache(maxsize=2048)
def _scipy_error(problem: Problem, method: str, tolerance: float) -> float:
    states = LIBRARIES["scipy"].odeint(
        problem.field, problem.y0, problem.times, method=method, rtol=tolerance, atol=tolerance
    )
    return problem.error(states)


def _prepared(
    library: Library, problem: Problem, method: str, tolerance: float, settings: WorkPrecisionSettings
) -> Prepared:
    return prepare(
        library, problem.field, problem.y0, problem.times, method=method, rtol=tolerance, atol=tolerance,
        most_evaluations=settings.most_evaluations,
    )  # fmt: skip


def _timed(solve: Prepared, settings: WorkPrecisionSettings) -> Iterator[float]:
    """Run a solve at least once and yield the seconds of each run."""
    spent = 0.0
    for _ in range(settings.repeats):
        start = time.perf_counter()
        solve.run()
        seconds = time.perf_counter() - start
        yield seconds
        spent += seconds
        if spent > settings.seconds:
            return


def _check_reference(settings: WorkPrecisionSettings, meter: Meter) -> None:
    """Record how far the reference is from an independent solver, and whether curves flatten at its error."""
    for done, name in enumerate(settings.problems):
        problem = _detest(name)
        curves = [_curve(LIBRARIES[library], problem, method, settings) for library, method in WITNESSES]
        closest = min(error for curve in curves for error in curve)
        meter.record("reference_error", closest, "1", problem=name)
        meter.record("walled", float(walled(curves)), "1", problem=name)
        meter.progress(done + 1, len(settings.problems), "problems")


def _curve(library: Library, problem: Problem, method: str, settings: WorkPrecisionSettings) -> list[float]:
    """Return the errors at falling tolerances, those that could be solved."""
    errors = []
    for tolerance in settings.witness_tolerances:
        with suppress(*FAILURES):
            solve = _prepared(library, problem, method, tolerance, settings)
            solve.run()
            errors.append(problem.error(solve.states))
    return errors


@lru_cache(maxsize=64)
def _detest(name: str) -> Problem:
    (problem,) = detest.problems([name])
    end = _reference(problem.field, problem.y0, problem.times, "dopri8", 2.5e-14)
    return Problem(name, problem.field, problem.y0, problem.times, end)


def _trained(settings: WorkPrecisionSettings, meter: Meter) -> Problem:
    """Return the problem of the trained ODE-Net's field, from the features of a test image."""
    model = meter.trained(_ODE_NET).cpu()
    if not (isinstance(model, ImageClassifier) and isinstance(model.body, ODEBlock)):
        raise TypeError("Table 1's ODE-Net is an image classifier with an ODE block")
    module = model.body.counted.vector_field
    if not isinstance(module, ConvolutionalField):
        raise TypeError("the vector field of Table 1's ODE-Net is convolutional")
    with torch.no_grad():
        y0 = model.stem(meter.dataset("mnist").test_images[:1]).double()
    field, times = TrainedField(module, *y0.shape[2:]), torch.tensor([0.0, 1.0], dtype=torch.float64)
    end = _reference(field, y0, times, "dopri5", settings.trained_reference)
    return Problem(_ODE_NET.variant, field, y0, times, end)


def _reference(field: NeutralField, y0: Tensor, times: Tensor, method: str, tolerance: float) -> Tensor:
    states = LIBRARIES["scipy"].odeint(field, y0, times, method=method, rtol=tolerance, atol=tolerance / 100)
    return states[-1]
