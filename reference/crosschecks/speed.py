"""Speed of solves: ours beside every peer, their calls interleaved in one process, and beside the field's own work."""

from __future__ import annotations

import copy
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from reference.crosschecks.contenders import Run, Solve
from reference.crosschecks.further_step import further_step
from reference.crosschecks.perceptron_field import PerceptronField
from reference.libraries.diffrax import Diffrax
from reference.libraries.prepared import NeutralLibrary
from reference.libraries.scipy import Scipy
from reference.libraries.suite import CompiledSuite, Suite
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
    Profile,
    Settings,
    Varying,
    setting,
)
from suite.harness.interleaved import best_times
from suite.solvers import explicit_methods

OURS = Suite.name
COMPILED = CompiledSuite.name
CONTENDERS: tuple[Library, ...] = (Torchdyn(), Torchode(), Diffrax(), Torchdiffeq(), CompiledSuite(), Suite())
FIELD = "field"
"""Stands where a library's name does, for the field's own work in our solve."""

REFERENCES = 8
"""States of which the exact last one is computed."""

WIDTHS = {"2-64-64-2": (2, 64, 64, 2), "64-256-256-64": (64, 256, 256, 64)}
SMALL, LARGE = WIDTHS


@dataclass(frozen=True)
class SpeedSettings(Settings):
    """Batches of the two fields, accuracy, and how long is measured."""

    small_batches: tuple[int, ...] = setting(
        (1, 4, 16, 64, 128, 256, 1024, 4096), ours="states at once, tanh field 2-64-64-2"
    )
    large_batches: tuple[int, ...] = setting(
        (1, 4, 16, 64, 128, 256, 1024, 4096), ours="states at once, tanh field 64-256-256-64"
    )
    tolerance: float = setting(1e-5, ours="absolute and relative, well above rounding in single precision")
    small_span: float = setting(40.0, ours="time that a solve covers: some fifteen steps of dopri5")
    large_span: float = setting(20.0, ours="the same, shorter because the field costs more")
    fixed_steps: int = setting(32, ours="steps of rk4")
    outputs: int = setting(20, ours="output times of the variant that is about them, the loss on the last")
    peers: tuple[str, ...] = setting(
        ("torchdyn", "torchode", "diffrax", "torchdiffeq"), ours="other libraries, those that are installed"
    )
    compiled_batches: tuple[int, ...] = setting(
        (1, 128, 1024), ours="batches at which ours is also compiled, which takes some twenty seconds each"
    )
    repeats: int = setting(10, ours="repeats of the interleaved calls, each with its own minima")
    seconds: float = setting(3.0, ours="least seconds of one repeat")


class Speed(Experiment):
    """Wall time of the same solve by every library, in single precision, calls interleaved.

    ``seconds`` are minima, one for each repeat and library; the library ``field`` is the field's own work in our solve:
    as many evaluations, with a vector-Jacobian product for each that needs one. ``overhead`` is a library's fastest
    time over the field's work in its own solve, ``overhead_per_step`` what is beyond that. ``cold_seconds`` is the
    first call, compilation included. ``host_syncs``, ``operations`` and ``allocations`` are those of each further
    step, operations and allocations without the field's own. ``error`` is the largest of the last state, against scipy
    at a tight tolerance, so that times can be read at equal error.

    A library that is not installed has ``installed`` = 0. scipy is no contender, as it computes in double precision.
    The variant ``dopri5-outputs`` times the backward pass alone, through many outputs of which one has a cotangent.
    """

    id = "crosscheck/speed"
    title = "Speed of solves and gradients beside four libraries, by batch size"
    variants = (
        "dopri5-outputs",
        "rk4-adjoint",
        "rk4-direct",
        "rk4-forward",
        "dopri5-adjoint",
        "dopri5-direct",
        "dopri5-forward",
    )
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": SpeedSettings(
            small_batches=(4,),
            large_batches=(),
            small_span=4.0,
            fixed_steps=4,
            outputs=3,
            peers=("torchdyn", "torchode", "torchdiffeq"),  # diffrax compiles for seconds
            compiled_batches=(),
            repeats=1,
            seconds=0.0,
        ),
        "quick": SpeedSettings(small_batches=(128,), large_batches=(), compiled_batches=(), repeats=5, seconds=0.2),
        "laptop": SpeedSettings(
            small_batches=(1, 128, 4096),
            large_batches=(1024,),
            large_span=10.0,
            compiled_batches=(128,),
            seconds=0.3,
        ),
        "paper": SpeedSettings(),
    }
    # Repeats in one process are the samples: seeds would change the field, not the noise.
    seeds: ClassVar[Mapping[Profile, int]] = {"smoke": 1, "quick": 1, "laptop": 1, "paper": 1}
    headline = "overhead"
    varying = Varying(metrics=("overhead",))
    alone = variants
    paper_cost = "estimated, not measured: 3 hours on one core; less on a GPU"

    def run(self, cell: Cell, meter: Meter) -> None:
        """Time one method and pass on both fields at every batch size."""
        settings = cell.settings
        if not isinstance(settings, SpeedSettings):
            raise TypeError(f"{cell.name} has settings of {type(settings).__name__}, not SpeedSettings")
        installed = list(_installed((*settings.peers, COMPILED, OURS), meter))
        sizes = {SMALL: settings.small_batches, LARGE: settings.large_batches}
        done, total = 0, sum(len(batches) for batches in sizes.values())
        for name, batches in sizes.items():
            field = PerceptronField(WIDTHS[name], meter.generator(f"field {name}")).to(meter.device)
            states = torch.randn(max(batches, default=0), WIDTHS[name][0], generator=meter.generator(f"states {name}"))
            span = settings.small_span if name == SMALL else settings.large_span
            for batch in batches:
                solve = _solve(cell.variant, settings, field, states[:batch].to(meter.device), span)
                contenders = [
                    library
                    for library in installed
                    if solve.able(library) and (library.name != COMPILED or batch in settings.compiled_batches)
                ]
                axes: dict[str, Axis] = {"field": name, "batch": batch}
                with _one_thread():
                    _measure(solve, contenders, settings, meter, axes)
                    if batch == min(batches):
                        _count(solve, contenders, meter, axes)
                done += 1
                meter.progress(done, total, "batch sizes")


@contextmanager
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _installed(names: Sequence[str], meter: Meter) -> Iterator[Library]:
    for library in (each for each in CONTENDERS if each.name in names):
        try:
            meter.record("installed", 1.0, "1", library=library.name, version=library.version())
        except LibraryMissingError as missing:
            meter.record("installed", 0.0, "1", library=library.name, reason=str(missing))
        else:
            yield library


def _solve(variant: str, settings: SpeedSettings, field: PerceptronField, y0: Tensor, span: float) -> Solve:
    method, work = variant.split("-")
    arguments: dict[str, Any] = {"method": method, "rtol": settings.tolerance, "atol": settings.tolerance}
    if not explicit_methods()[method].adaptive:
        arguments["step_size"] = span / settings.fixed_steps
    times = torch.linspace(0.0, span, settings.outputs if work == "outputs" else 2, device=y0.device)
    gradient = {"forward": "", "direct": "direct"}.get(work, "adjoint")
    return Solve(field, y0, times, arguments, gradient, backward_alone=work == "outputs")


def _measure(
    solve: Solve, contenders: Sequence[Library], settings: SpeedSettings, meter: Meter, axes: dict[str, Axis]
) -> None:
    runs: dict[str, Run] = {}
    exact = _exact(solve)
    for library in contenders:
        start = time.perf_counter()
        runs[library.name] = solve.run(library)
        runs[library.name]()
        meter.record("cold_seconds", time.perf_counter() - start, "s", library=library.name, **axes)
        error = float((solve.states(library)[: len(exact)] - exact).abs().max())
        meter.record("error", error, "1", library=library.name, **axes)
    evaluations = {library.name: solve.evaluations(library) for library in contenders}
    fastest, costs = _times(runs, solve, solve.work(*evaluations[OURS]), settings, meter, axes)
    for library in contenders:
        forward, backward = evaluations[library.name]
        meter.record("nfe_forward", forward, "evaluations", library=library.name, **axes)
        if isinstance(library, NeutralLibrary) and solve.gradient:
            continue  # how often compiled code evaluates the field backwards is not known
        meter.record("nfe_backward", backward, "evaluations", library=library.name, **axes)
        work = sum(number * cost for number, cost in zip(solve.work(forward, backward), costs, strict=True))
        beyond = (fastest[library.name] - work) / ((forward + backward) / _evaluations_per_step(solve))
        meter.record("overhead_per_step", beyond, "s", library=library.name, **axes)
        meter.record("overhead", fastest[library.name] / work, "1", library=library.name, **axes)


def _count(solve: Solve, contenders: Sequence[Library], meter: Meter, axes: dict[str, Axis]) -> None:
    """Record counts, which do not depend on the batch."""
    if solve.backward_alone:
        return
    for library in contenders:
        # What counts operations would be compiled itself.
        if not isinstance(library, NeutralLibrary | CompiledSuite):
            for name, count in further_step(solve, library, _evaluations_per_step(solve)).items():
                meter.record(name, count, "1", library=library.name, **axes)


def _times(
    runs: Mapping[str, Run],
    solve: Solve,
    work: tuple[int, int],
    settings: SpeedSettings,
    meter: Meter,
    axes: dict[str, Axis],
) -> tuple[dict[str, float], tuple[float, float]]:
    """Record the fastest time of each in every repeat.

    Returns:
        The fastest of all repeats, and that of one evaluation without and of one with its vector-Jacobian product.
    """
    everything = (*runs.values(), solve.evaluate(max(work[0], 1)), solve.multiply(max(work[1], 1)))
    rows = []
    for repeat in range(settings.repeats):
        minima = best_times(*everything, seconds=settings.seconds, rounds=2, warm_up=0 if repeat else 2)
        field = sum(minimum for minimum, number in zip(minima[-2:], work, strict=True) if number)
        for name, seconds in (*zip(runs, minima[:-2], strict=True), (FIELD, field)):
            meter.record("seconds", seconds, "s", library=name, repeat=repeat, **axes)
        rows.append(minima)
    fastest = [min(column) for column in zip(*rows, strict=True)]
    evaluation, product = (seconds / max(number, 1) for seconds, number in zip(fastest[-2:], work, strict=True))
    return dict(zip(runs, fastest[:-2], strict=True)), (evaluation, product)


def _evaluations_per_step(solve: Solve) -> int:
    tableau = explicit_methods()[solve.arguments["method"]].tableau
    return tableau.stages - int(tableau.first_same_as_last)


def _exact(solve: Solve) -> Tensor:
    """Return the last of the first few states by scipy in double precision."""
    few = solve.y0[:REFERENCES].double()
    field = copy.deepcopy(solve.field).double()
    states = Scipy().odeint(field, few, solve.times.double(), method="dopri8", rtol=1e-10, atol=1e-10)
    return states[-1].float()
