"""Numbers of a solver case that do not depend on the machine's speed: they do not flake, so they can gate."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import torch

from suite.harness import meters
from suite.solvers import explicit_methods

from . import cases, problems


def evaluations(case: cases.Case) -> int:
    """Return the evaluations of the vector field that one call of the case makes, its first: graphs replay unseen."""
    prepared = cases.fresh(case)
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    handle = prepared.field.register_forward_pre_hook(count)
    try:
        prepared.run()
    finally:
        handle.remove()
    return calls


def host_syncs_per_step(case: cases.Case) -> float:
    """Return how often the host waits for the device in each further step."""
    return _per_further_step(case, _host_syncs)


def operations_per_step(case: cases.Case) -> float:
    """Return the tensor operations of each further forward step, without views and without the field's own."""
    return _per_further_step(case, _operations)


def _per_further_step(case: cases.Case, count: Callable[[cases.Case], float]) -> float:
    """Return the growth of a count from a solve to one of twice the span, per step; starting a solve cancels out."""
    longer = replace(case, span=2 * case.span)
    tableau = explicit_methods()[case.method].tableau
    per_step = tableau.stages - int(tableau.first_same_as_last)
    further = (evaluations(longer) - evaluations(case)) / per_step
    return (count(longer) - count(case)) / further


def _host_syncs(case: cases.Case) -> float:
    prepared = cases.prepare(case)
    with meters.host_syncs() as waits:
        prepared.run()
    return waits.value


def _operations(case: cases.Case) -> float:
    prepared = cases.fresh(case)  # a graph that is replayed dispatches nothing
    with meters.operations() as total:
        prepared.run()
    y = problems.initial_state(case.batch, case.device).double()
    with torch.no_grad(), meters.operations() as own:
        prepared.field(torch.zeros((), dtype=y.dtype, device=y.device), y)
    return total.value - evaluations(case) * own.value


def saved_bytes(case: cases.Case) -> float:
    """Return the most bytes that autograd keeps at once during one call."""
    prepared = cases.prepare(case)
    with meters.saved_bytes() as kept:
        prepared.run()
    return kept.value


def peak_memory(case: cases.Case) -> float:
    """Return the most bytes allocated on the device during one call, above those before it."""
    prepared = cases.prepare(case)
    prepared.run()
    with meters.peak_memory(torch.device(case.device)) as peak:
        prepared.run()
    return peak.value
