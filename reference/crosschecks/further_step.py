"""What each further step of a solve costs beside the field: counts, which do not depend on the machine's speed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from reference.crosschecks.contenders import WARM_UP, Run, Solve
from suite.declarations import Library
from suite.harness import meters
from suite.harness.meters.live_tensors import live_tensors

METRICS = ("host_syncs", "operations", "allocations")
SPANS = 4


def further_step(solve: Solve, library: Library, evaluations_per_step: int) -> dict[str, float]:
    """Return the counts of :data:`METRICS` of one further step, less what the field itself makes.

    They are the differences between a solve and one of several times the span, so that what starts a solve cancels out.
    A backward pass that solves again takes steps too, which count alike. Operations in a compiled kernel are not seen.

    Args:
        solve: The shorter solve.
        library: Of torch.
        evaluations_per_step: What makes a step of the method.

    Raises:
        ValueError: When the longer solve takes no further step.
    """
    longer = replace(solve, times=SPANS * solve.times)
    short, long = (_counts(each, lambda of: of.run(library)) for each in (solve, longer))
    first, last = (each.evaluations(library) for each in (solve, longer))
    steps = (sum(last) - sum(first)) / evaluations_per_step
    if steps <= 0:
        raise ValueError(f"{library.name} takes no further step over {SPANS} times the span")
    pairs = zip(solve.work(*last), solve.work(*first), strict=True)
    evaluations, products = (after - before for after, before in pairs)
    of_evaluation = _counts(solve, lambda of: of.evaluate(1))
    of_product = _counts(solve, lambda of: of.multiply(1))
    return {
        name: (after - before - evaluations * evaluation - products * product) / steps
        for name, after, before, evaluation, product in zip(
            METRICS, long, short, of_evaluation, of_product, strict=True
        )
    }


def _counts(solve: Solve, work: Callable[[Solve], Run]) -> tuple[float, float, float]:
    """Return the counts of one call when warm; on a GPU operations and allocations are those of an unseen field's."""
    run, unseen = work(solve), solve.unseen()
    for _ in range(WARM_UP[solve.y0.device.type]):
        run()
    if unseen is solve:
        with meters.host_syncs() as waits, meters.operations() as operations, live_tensors() as tensors:
            run()
    else:
        with meters.host_syncs() as waits:
            run()
        first = work(unseen)
        with meters.operations() as operations, live_tensors() as tensors:
            first()
    return waits.value, operations.value, tensors.allocations
