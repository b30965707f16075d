"""The corrector of implicit Adams methods."""

from __future__ import annotations

import torch
from torch import Tensor

from suite.solvers.adams.stepper import AdamsStep
from suite.solvers.adams.weights import adams_weights, weighted_sum
from suite.solvers.error_norm import packed_tolerance
from suite.solvers.problem import Problem
from suite.solvers.runge_kutta import Field
from suite.solvers.times import number
from suite.solvers.user_warning import warn_user


class AdamsMoultonCorrector:
    """Solves the implicit equation of an Adams-Moulton step by functional iteration.

    The iteration ends when no entry of the state changes by more than ``atol + rtol * |y|``, or by rounding alone. The
    order is reached after the first iteration already, from a prediction of order one less.

    Args:
        problem: The problem, with the tolerances.
        order: The order.
        max_iters: Largest number of iterations.
    """

    def __init__(self, problem: Problem, order: int, max_iters: int) -> None:
        layout = problem.field.layout
        rounding = 4 * torch.finfo(layout.time_dtype).eps
        rtol = packed_tolerance("rtol", problem.rtol, layout)
        self._rtol = rtol.clamp(min=rounding) if isinstance(rtol, Tensor) else max(rtol, rounding)
        self._atol = packed_tolerance("atol", problem.atol, layout)
        self._statistics = problem.statistics
        self._order, self._max_iters = order, max_iters
        self._warned = False

    def correct(self, field: Field, clock: Tensor, predicted: AdamsStep) -> AdamsStep:
        """Return the corrected step, given the time at its end as the field sees it."""
        t, h, y = predicted.start, predicted.size, predicted.y0
        past = predicted.slopes[: self._order - 1]
        nodes = (1.0, *predicted.nodes[: self._order - 1])
        ahead, *weights = adams_weights(nodes)
        known = weighted_sum(y, past, weights, h)
        y1 = predicted.y1
        for _ in range(self._max_iters):
            slope, before = field(clock, y1), y1
            y1 = weighted_sum(known, (slope,), (ahead,), h)
            if self._converged(before, y1):
                break
        else:
            self._warn(number(t + h))
        return AdamsStep(t, h, y, y1, nodes, (slope, *past))

    def _converged(self, before: Tensor, after: Tensor) -> bool:
        self._statistics.host_syncs += 1
        with torch.no_grad():
            allowed = torch.maximum(before.abs(), after.abs()).mul_(self._rtol).add_(self._atol)
            return bool(((after - before).abs() <= allowed).all())

    def _warn(self, time: float) -> None:
        if not self._warned:
            warn_user(
                f"functional iteration did not converge to the tolerance in max_iters = {self._max_iters} iterations "
                f"at t = {time:g} (said once a solve): raise max_iters, loosen the tolerance or take smaller steps"
            )
        self._warned = True
