"""Where the time of a compiled step goes, beside a step of diffrax."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from reference.crosschecks.compiled_calls import StepCalls, matrices, of_unit_gain, step_calls
from reference.crosschecks.compiled_code import CodeCounts
from reference.crosschecks.contenders import WARM_UP, Run, Solve
from reference.libraries.diffrax import Diffrax
from reference.libraries.jax_products import jax_products
from reference.libraries.suite import CompiledSuite
from suite.declarations import Axis, Library, Meter
from suite.harness.interleaved import best_call_times
from suite.solvers import explicit_methods

OURS, THEIRS = CompiledSuite.name, Diffrax.name
_LEAST_CALLS = 40  # of each: differences of minima need minima that nothing else on the machine has disturbed
_ROUNDS = (4, 16)  # steps in the loops of products in jax
_SHORTER = 0.25  # of the span: the steps of the shorter solve, whose start is the same


@dataclass(frozen=True)
class SolveTimes:
    """Times [s] of a solve and of a shorter one.

    Attributes:
        seconds: Of the solve.
        steps: Its steps, the rejected among them.
        shorter_seconds: Of the shorter one.
        shorter_steps: Its steps.
    """

    seconds: float
    steps: int
    shorter_seconds: float
    shorter_steps: int

    @property
    def whole(self) -> float:
        """The solve over its steps."""
        return self.seconds / self.steps

    @property
    def further(self) -> float:
        """A further step; the rest of ``whole`` is the start of the solve, over its steps."""
        return (self.seconds - self.shorter_seconds) / (self.steps - self.shorter_steps)


def our_parts(times: SolveTimes, call: float, products: float, entry: float) -> dict[str, float]:
    """Return the parts of a step of ours [s]: the others add up to ``whole``, and three of them to ``call``.

    Args:
        times: Of the solve.
        call: Of a step in compiled code alone.
        products: Of its matrix products, entry included.
        entry: Of entering and leaving compiled code.
    """
    return {
        "whole": times.whole,
        "start": times.whole - times.further,
        "host": times.further - call,
        "call": call,
        "entry": entry,
        "kernels": call - products,
        "products": products - entry,
    }


def their_parts(times: SolveTimes, products: float) -> dict[str, float]:
    """Return the parts of a step of diffrax [s], as far as they can be seen: the others add up to ``whole``."""
    return {
        "whole": times.whole,
        "start": times.whole - times.further,
        "around": times.further - products,
        "products": products,
    }


def record_parts(
    solve: Solve, able: Sequence[Library], codes: Sequence[str], seconds: float, meter: Meter, axes: Mapping[str, Axis]
) -> None:
    """Record the parts of a step of ours and of diffrax, from minima of calls that are interleaved.

    Nothing is recorded of a grid of less than two blocks of compiled steps.

    Args:
        solve: A forward solve that the libraries have run.
        able: The libraries that can do it.
        codes: What was compiled for ours.
        seconds: Least time of all calls together.
        meter: Where they are recorded.
        axes: Of the rows.
    """
    tableau = explicit_methods()[solve.arguments["method"]].tableau
    per_step = tableau.stages - int(tableau.first_same_as_last)
    libraries = {library.name: library for library in able if library.name in (OURS, THEIRS)}
    steps = {name: _steps(solve, library, per_step) for name, library in libraries.items()}
    span = float(solve.times[-1] - solve.times[0])
    calls = step_calls(solve, per_step, span / steps[OURS])
    share = _share(solve, calls.steps, steps[OURS])
    if share >= 1:
        return
    shorter = replace(solve, times=solve.times * share)
    shorter_steps = {name: _steps(shorter, library, per_step) for name, library in libraries.items()}
    runs: dict[str, Run] = {"call": calls.call, "products": calls.products, "entry": calls.entry}
    for name, library in libraries.items():
        runs |= {name: solve.run(library), f"shorter {name}": shorter.run(library)}
    if THEIRS in libraries:
        weights = matrices(of_unit_gain(solve.field))
        for rounds in _ROUNDS:
            runs[f"{rounds} rounds"] = jax_products(weights, solve.y0, per_step, rounds)
    found = best_call_times(
        *runs.values(), device=meter.device, seconds=seconds, rounds=_LEAST_CALLS, warm_up=WARM_UP[meter.device.type]
    )
    best = {name: each.wall for name, each in zip(runs, found, strict=True)}
    times = {
        name: SolveTimes(best[name], steps[name], best[f"shorter {name}"], shorter_steps[name]) for name in libraries
    }
    parts = {OURS: our_parts(times[OURS], *(best[name] / calls.steps_of_run for name in ("call", "products", "entry")))}
    if THEIRS in libraries:
        # The difference leaves out what it takes to call jax at all.
        few, many = _ROUNDS
        products = (best[f"{many} rounds"] - best[f"{few} rounds"]) / (many - few)
        parts[THEIRS] = their_parts(times[THEIRS], products)
    for name, each in parts.items():
        for part, value in each.items():
            meter.record("step_seconds", value, "s", library=name, part=part, **axes)
        meter.record("cores", busy_cores(runs[name], seconds / 10), "1", library=name, **axes)
    _record_counts(calls, codes, meter, axes)


def busy_cores(run: Run, seconds: float) -> float:
    """Return the CPU time of a function, over all threads, over its wall time: above 1 it works on several cores.

    Beside other work on the machine it is lower than it would be alone.
    """
    wall, busy = time.perf_counter(), time.process_time()
    run()
    while time.perf_counter() - wall < seconds:
        run()
    return (time.process_time() - busy) / (time.perf_counter() - wall)


def _record_counts(calls: StepCalls, codes: Sequence[str], meter: Meter, axes: Mapping[str, Axis]) -> None:
    counts = CodeCounts.largest(codes)
    meter.record("step_kernels", counts.kernels / calls.steps, "1", library=OURS, **axes)
    meter.record("step_products", counts.products / calls.steps, "1", library=OURS, **axes)


def _steps(solve: Solve, library: Library, per_step: int) -> int:
    """Return the steps of a solve; the few evaluations that start it are fewer than those of one."""
    return solve.evaluations(library)[0] // per_step


def _share(solve: Solve, block: int, steps: int) -> float:
    """Return the share of the span that a shorter solve covers, with no compiled graph that the solve has not."""
    adaptive = explicit_methods()[solve.arguments["method"]].adaptive
    return _SHORTER if adaptive else (block + steps % block) / steps
