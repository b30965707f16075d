"""Speed of solves: ours beside every peer, their calls interleaved in one process, and beside the field's own work."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor

from reference.crosschecks.compiled_code import compiled_code
from reference.crosschecks.compiled_parts import record_parts
from reference.crosschecks.contenders import Run, Solve
from reference.crosschecks.further_step import further_step
from reference.crosschecks.perceptron_field import PerceptronField
from reference.crosschecks.roofline import record_limits, roofline
from reference.crosschecks.speed_times import FIELD, FIELD_GRAPH, PARTS, fastest, times_of_repeats
from reference.libraries.diffrax import Diffrax
from reference.libraries.installed import those_installed
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
from suite.harness.meters import wall_time
from suite.harness.meters.device_limits import DeviceLimits, measure_limits
from suite.harness.meters.traffic import Traffic, traffic
from suite.solvers import explicit_methods

OURS = Suite.name
COMPILED = CompiledSuite.name
CONTENDERS: tuple[Library, ...] = (Torchdyn(), Torchode(), Diffrax(), Torchdiffeq(), CompiledSuite(), Suite())
REFERENCES = 8
"""States of which the exact last one is computed."""

WIDTHS = {"2-64-64-2": (2, 64, 64, 2), "64-256-256-64": (64, 256, 256, 64)}
SMALL, LARGE = WIDTHS


@dataclass(frozen=True)
class SpeedSettings(Settings):
    """Batches of the two fields, accuracy, and how long is measured."""

    small_batches: tuple[int, ...] = setting(
        (1, 16, 128, 1024, 4096, 65536), ours="states at once, tanh field 2-64-64-2; the last fill a GPU"
    )
    large_batches: tuple[int, ...] = setting((1, 128, 1024, 4096), ours="states at once, tanh field 64-256-256-64")
    tolerance: float = setting(1e-5, ours="absolute and relative, well above rounding in single precision")
    small_span: float = setting(40.0, ours="time that a solve covers: some fifteen steps of dopri5")
    large_span: float = setting(20.0, ours="the same, shorter because the field costs more")
    fixed_steps: int = setting(32, ours="steps of rk4")
    outputs: int = setting(20, ours="output times of the variant that is about them, the loss on the last")
    peers: tuple[str, ...] = setting(
        ("torchdyn", "torchode", "diffrax", "torchdiffeq"), ours="other libraries, those that are installed"
    )
    compiled_batches: tuple[int, ...] = setting(
        (128, 1024), ours="batches at which ours is also compiled, which takes some twenty seconds each"
    )
    repeats: int = setting(10, ours="repeats of the interleaved calls, each with its own minima")
    seconds: float = setting(1.0, ours="least seconds of one repeat, so that ten last more than three")


class Speed(Experiment):
    """Time of the same solve by every library, in single precision, calls interleaved.

    ``seconds`` are minima of wall time until the device is idle, launches included, one for each repeat and library;
    the library ``field`` is the field's own work in our solve: as many evaluations, with a vector-Jacobian product for
    each that needs one. On a GPU ``field-graph`` is the same work replayed as CUDA graphs, without its launches, and
    ``device_seconds`` are those between CUDA events around the calls.

    ``overhead`` is a library's time over the field's work in its own solve, one for each repeat, ``overhead_per_step``
    what the fastest is beyond that. ``cold_seconds`` is the first call, compilation included. ``host_syncs``,
    ``operations`` and ``allocations`` are those of each further step, operations and allocations without the field's
    own. ``error`` is the largest of the last state, against scipy at a tight tolerance, so that times can be read at
    equal error.

    ``fraction_of_limit`` says how far a library is from what the device could do: the least time of the field's work in
    its own solve over its fastest time. That least time is the longer of the bytes over the copy bandwidth and of the
    floating-point operations over the matrix rate, both measured in the same run; bytes are those that every operation
    reads and writes. ``evaluation_...`` and ``product_...`` are those of one evaluation and of one with its product,
    ``step_...`` those of a library's whole solve over its steps, the field's among them.

    ``step_seconds`` are the parts of a step of our compiled forward solves on a CPU, from minima of calls in turn. They
    add up to ``whole``, the solve over its steps: the ``start`` of the solve, spread over them; the ``host`` between
    two calls of compiled code; the ``entry`` to compiled code and back, that of a graph with the same inputs that does
    next to nothing; its fused ``kernels`` and the memory it takes; its matrix ``products``, those of a graph that does
    nothing else, where one of rows with few entries, which the step fuses with what follows, is a loop of its own. The
    last three are the ``call`` of the compiled step. Of diffrax there are ``whole``, ``start``,
    ``products``, those of a loop in jax that does nothing else, and what is ``around`` them. A part that is a
    difference may be below 0 by noise. ``step_kernels`` and ``step_products`` are counted in the compiler's code.
    ``cores`` is the CPU time of the whole solve over its wall time: torch has one thread, jax has those that it starts.

    A library that is not installed has ``installed`` = 0, and one that fails on the device ``able`` = 0. scipy is no
    contender, as it computes in double precision. The variant ``dopri5-outputs`` times the backward pass alone, through
    many outputs of which one has a cotangent.
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
    varying = Varying(metrics=("overhead", "fraction_of_limit", "copy_bandwidth", "matrix_rate", "cores"))
    alone = variants
    paper_cost = "estimated, not measured: 35 minutes on a GPU; 5 hours on one core"

    def run(self, cell: Cell, meter: Meter) -> None:
        """Time one method and pass on both fields at every batch size."""
        settings = SpeedSettings.of(cell.settings)
        installed = list(those_installed(CONTENDERS, (*settings.peers, COMPILED, OURS), meter))
        sizes = {SMALL: settings.small_batches, LARGE: settings.large_batches}
        with _one_thread():
            limits = measure_limits(meter.device)
        record_limits(limits, meter)
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
                    able = _measure(solve, contenders, settings, limits, meter, axes)
                    if batch == min(batches):
                        _count(solve, able, meter, axes)
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


def _solve(variant: str, settings: SpeedSettings, field: PerceptronField, y0: Tensor, span: float) -> Solve:
    method, work = variant.split("-")
    arguments: dict[str, Any] = {"method": method, "rtol": settings.tolerance, "atol": settings.tolerance}
    if not explicit_methods()[method].adaptive:
        arguments["step_size"] = span / settings.fixed_steps
    times = torch.linspace(0.0, span, settings.outputs if work == "outputs" else 2, device=y0.device)
    gradient = {"forward": "", "direct": "direct"}.get(work, "adjoint")
    return Solve(field, y0, times, arguments, gradient, backward_alone=work == "outputs")


def _measure(
    solve: Solve,
    contenders: Sequence[Library],
    settings: SpeedSettings,
    limits: DeviceLimits,
    meter: Meter,
    axes: dict[str, Axis],
) -> list[Library]:
    """Record times and what they are compared with.

    Returns:
        The contenders that can do the solve on this device.
    """
    exact = _exact(solve)
    with compiled_code() as codes:
        firsts = {library: _first_call(solve, library, exact, meter, axes) for library in contenders}
    runs = {library.name: run for library, run in firsts.items() if run is not None}
    able = [library for library in contenders if library.name in runs]
    counted = {library.name: _evaluations(solve, library) for library in able}
    ours = solve.work(*counted[OURS][0])
    times = times_of_repeats(runs, solve, ours, settings.repeats, settings.seconds, meter, axes)
    best = {name: fastest(each) for name, each in times.items()}
    costs = [best[name].wall / max(number, 1) for name, number in zip(PARTS, ours, strict=True)]
    limit = roofline(solve, limits)
    limit.record(meter, library=FIELD, **axes)
    for name in (FIELD, FIELD_GRAPH):
        if name in best:
            meter.record("fraction_of_limit", limit.fraction(*ours, best[name].wall), "1", library=name, **axes)
    for library in able:
        (forward, backward), moved = counted[library.name]
        of = {"library": library.name, **axes}
        meter.record("nfe_forward", forward, "evaluations", **of)
        if isinstance(library, NeutralLibrary) and solve.gradient:
            continue  # how often compiled code evaluates the field backwards is not known
        meter.record("nfe_backward", backward, "evaluations", **of)
        seconds, work = best[library.name].wall, solve.work(forward, backward)
        steps = (forward + backward) / _evaluations_per_step(solve)
        of_field = sum(number * cost for number, cost in zip(work, costs, strict=True))
        meter.record("overhead_per_step", (seconds - of_field) / steps, "s", **of)
        for repeat, time in enumerate(times[library.name]):
            meter.record("overhead", time.wall / of_field, "1", repeat=repeat, **of)
        meter.record("fraction_of_limit", limit.fraction(*work, seconds), "1", **of)
        if moved is not None:
            meter.record("step_bytes", moved.bytes / steps, "B", **of)
            meter.record("step_flops", moved.flops / steps, "FLOP", **of)
    # On a GPU compiled steps are recorded as CUDA graphs, and nothing of them is left on the host.
    if COMPILED in runs and not solve.gradient and meter.device.type == "cpu":
        record_parts(solve, able, codes, settings.repeats * settings.seconds, meter, axes)
    return able


def _first_call(solve: Solve, library: Library, exact: Tensor, meter: Meter, axes: dict[str, Axis]) -> Run | None:
    """Record the time of a library's first call and its error; return the call, or None where the library fails.

    Raises:
        RuntimeError: When it is ours that fails.
    """
    try:
        with wall_time(meter.device) as cold:
            run = solve.run(library)
            run()
        states = solve.states(library)
    except (LibraryMissingError, RuntimeError) as error:
        if library.name == OURS:
            raise
        reason = f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"
        meter.record("able", 0.0, "1", library=library.name, reason=reason, **axes)
        return None
    meter.record("cold_seconds", cold.value, "s", library=library.name, **axes)
    meter.record("error", float((states[: len(exact)] - exact).abs().max()), "1", library=library.name, **axes)
    return run


def _evaluations(solve: Solve, library: Library) -> tuple[tuple[int, int], Traffic | None]:
    """Return the evaluations of the field forwards and backwards, and what the whole solve moves where that is seen."""
    # The forward pass before a backward pass that is timed alone would count; what counts operations is not compiled.
    if solve.backward_alone or isinstance(library, NeutralLibrary | CompiledSuite):
        return solve.evaluations(library), None
    unseen = solve.unseen()
    with traffic() as moved:
        found = unseen.evaluations(library)
    return found, moved


def _count(solve: Solve, contenders: Sequence[Library], meter: Meter, axes: dict[str, Axis]) -> None:
    """Record counts, which do not depend on the batch."""
    if solve.backward_alone:
        return
    for library in contenders:
        # What counts operations would be compiled itself.
        if not isinstance(library, NeutralLibrary | CompiledSuite):
            for name, count in further_step(solve, library, _evaluations_per_step(solve)).items():
                meter.record(name, count, "1", library=library.name, **axes)


def _evaluations_per_step(solve: Solve) -> int:
    tableau = explicit_methods()[solve.arguments["method"]].tableau
    return tableau.stages - int(tableau.first_same_as_last)


def _exact(solve: Solve) -> Tensor:
    """Return the last of the first few states by scipy in double precision."""
    few = solve.y0[:REFERENCES].double()
    field = copy.deepcopy(solve.field).double()
    states = Scipy().odeint(field, few, solve.times.double(), method="dopri8", rtol=1e-10, atol=1e-10)
    return states[-1].float()
