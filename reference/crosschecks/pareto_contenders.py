"""What competes for the Pareto fronts: one solve by one method of one library at one effort."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from reference.crosschecks.pareto_case import ParetoCase, Work
from reference.crosschecks.pareto_settings import ParetoSettings
from reference.libraries.prepared import prepare
from suite.declarations import Library
from suite.models.hypersolvers import TaylorCorrection
from suite.solvers import explicit_methods, solve
from suite.solvers.hyper import Hypersolver
from suite.solvers.methods import MethodName

FIXED = ("euler", "midpoint", "heun2", "ralston", "heun3", "rk4_classic", "rk4", "ab2", "ab3")
ADAPTIVE = ("adaptive_heun", "bosh3", "dopri5")
OURS = "suite"


@dataclass(frozen=True, eq=False)
class Contender:
    """One way from the test states to their ends.

    Attributes:
        kind: ``classical``, ``adaptive``, ``taylor``, ``scalar-fitted``, ``distilled`` or ``hyper``.
        method: Its name.
        library: Whose code it is.
        effort: Steps; of an adaptive method the tolerance, of a distilled network its multiply-accumulates in
            evaluations of the field.
        end: Returns the ends.
        training: What was spent on it before, if it is trained.
        macs: Multiply-accumulates of a sample, where counting what is executed would not be fair.
    """

    kind: str
    method: str
    library: str
    effort: float
    end: Callable[[], Tensor]
    training: Work | None = None
    macs: float | None = None


def untrained(case: ParetoCase, libraries: Sequence[Library], settings: ParetoSettings) -> Iterator[Contender]:
    """Yield everything that needs no training: our methods, and those of other libraries."""
    steps, tolerances = case.efforts.steps, case.efforts.tolerances
    for method in FIXED:
        for count in _affordable(method, steps, settings.most_evaluations):
            yield Contender("classical", method, OURS, count, fixed(case, method, count))
    for method in ADAPTIVE:
        for tolerance in tolerances:
            yield Contender("adaptive", method, OURS, tolerance, _adaptive(case, method, tolerance))
    for count in _affordable("heun2", steps, settings.most_evaluations):
        taylor = Hypersolver("euler", TaylorCorrection(case.field))
        # A slope, and a dual number of value and tangent. torch multiplies by the weights' tangent as well, of zeros.
        macs = 3 * count * case.evaluation_macs
        yield Contender("taylor", "taylor2", OURS, count, fixed(case, taylor, count), macs=macs)
    for library in libraries:
        for method in (name for name in FIXED if name in library.methods):
            for count in _affordable(method, steps, settings.most_evaluations):
                yield Contender("classical", method, library.name, count, _foreign(case, library, method, count, 1.0))
        for method in (name for name in ADAPTIVE if name in library.methods):
            for tolerance in tolerances:
                end = _foreign(case, library, method, None, tolerance)
                yield Contender("adaptive", method, library.name, tolerance, end)


def _affordable(method: str, steps: Sequence[int], most: int) -> list[int]:
    explicit = explicit_methods()
    each = explicit[method].tableau.stages if method in explicit else 1
    return [count for count in steps if each * count <= most]


def fixed(case: ParetoCase, method: MethodName, steps: int) -> Callable[[], Tensor]:
    """Return what takes equal steps by a method of ours."""

    def end() -> Tensor:
        return _last(case, method, {"step_size": 1 / steps}, 1.0)

    return end


def _adaptive(case: ParetoCase, method: str, tolerance: float) -> Callable[[], Tensor]:
    def end() -> Tensor:
        # A step that ends on the last time needs no interpolant, whose error would be added to the method's.
        return _last(case, method, {"step_t": unit_interval()}, tolerance)

    return end


@torch.no_grad()
def _last(case: ParetoCase, method: MethodName, options: dict[str, object], tolerance: float) -> Tensor:
    states = solve(
        case.field, case.starts, unit_interval(), method=method, rtol=tolerance, atol=tolerance, options=options
    ).states
    if not isinstance(states, Tensor):
        raise TypeError("the state is one tensor")
    return states[-1]


def _foreign(
    case: ParetoCase, library: Library, method: str, steps: int | None, tolerance: float
) -> Callable[[], Tensor]:
    times = unit_interval().to(case.starts)
    solved = prepare(
        library, case.field, case.starts, times, method=method, rtol=tolerance, atol=tolerance,
        step_size=None if steps is None else 1 / steps,
    )  # fmt: skip

    def end() -> Tensor:
        solved.run()
        return solved.states[-1]

    return end


def unit_interval() -> Tensor:
    """Return both ends of the interval."""
    return torch.tensor([0.0, 1.0], dtype=torch.float64)
