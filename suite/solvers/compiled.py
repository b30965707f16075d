"""Runge-Kutta steps compiled together with the vector field: one call a step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from suite.solvers.compiled_field import CompiledField
from suite.solvers.compiled_graph import Bound, Outputs, Token
from suite.solvers.compiled_kept import kept_for
from suite.solvers.error_norm import ErrorScale, MixedNorm, Tolerance, rms_norm
from suite.solvers.errors import InvalidProblemError
from suite.solvers.host_clocks import HostStepClocks, clocks_of_steps
from suite.solvers.runge_kutta import Field, RungeKutta, Step
from suite.solvers.stage_sum import Time
from suite.solvers.step_graph import Evaluation, GridGraph, PackedEvaluation, StartGraph, StepGraph
from suite.solvers.tableau import ButcherTableau
from suite.solvers.times import clock_of
from suite.solvers.vector_field import PackedField

# So many evaluations of the field make one graph over a fixed grid: more take longer to compile and gain less.
_EVALUATIONS_OF_A_GRAPH = 40


@dataclass(eq=False, slots=True)
class CompiledStep(Step):
    """A compiled step; see :class:`Step`."""

    @property
    def stages(self) -> Tensor:
        """Stage derivatives, shape ``[n, stages]``; the last alone where the step is not to be interpolated."""
        known = self.slopes
        if len(known) == 0:
            known = [self.y1 if self.f1 is None else self.f1]
        stages = known if isinstance(known, Tensor) else torch.stack(list(known))
        return stages.reshape(len(stages), -1).t()


class CompiledRungeKutta(RungeKutta):
    """Steps an explicit tableau by calls of one compiled graph; otherwise as :class:`RungeKutta`.

    The graph is compiled at the first step of the first solve with this vector field, tableau, shape, dtype and grad
    mode, and kept as long as the vector field lives. Parameters are inputs of it: an optimiser's step is seen.

    Args:
        tableau: The method.
        field: The vector field on the packed state; its evaluations are counted.
        like: A state.
        interpolated: Whether steps are to be interpolated: their stages are then kept.
        evaluation: The field to step, where it is not ``field`` itself but made of it.

    Attributes:
        field: The field to step, compiled by itself.
        clocks: What :meth:`walk` has read beside its arguments and the field.

    Raises:
        InvalidProblemError: For a complex state, which the compiler does not take.
    """

    def __init__(
        self,
        tableau: ButcherTableau,
        field: PackedField,
        like: Tensor,
        *,
        interpolated: bool = True,
        evaluation: Evaluation | None = None,
    ) -> None:
        if like.is_complex():
            raise InvalidProblemError(f"compile=True takes a real state, not one of {like.dtype}")
        super().__init__(tableau, like)
        self._device, self._stages = like.device, tableau.stages
        self._step_clocks: HostStepClocks | None = None
        if self._host_clocks is not None:
            self._step_clocks = HostStepClocks(self.coefficients.nodes.dtype, self.coefficients.node_numbers)
        evaluation = PackedEvaluation.of(field.layout) if evaluation is None else evaluation
        self.field = CompiledField(field, evaluation)
        self._graph = StepGraph(self.coefficients, evaluation, slopes=interpolated)
        self._tolerances: tuple[Tensor, ...] = ()
        self._bound: dict[tuple[bool, ...], Callable[..., Outputs]] = {}
        self._kept = kept_for(self.field.subject)
        self.clocks: list[Tensor] = []
        self._token: Token | None = None

    def measure(self, scale: ErrorScale) -> None:
        """Measure the error inside the step, where the norm is a default one; keep the stages otherwise."""
        sizes = measured_sizes(scale, self._graph.evaluation.shape.numel())
        self._graph = replace(self._graph, sizes=sizes, slopes=self._graph.slopes or sizes is None)
        dtype = self.coefficients.nodes.dtype
        tolerances = (scale.rtol, scale.atol) if sizes is not None else ()
        self._tolerances = tuple([tolerance_of(value, dtype, self._device) for value in tolerances])

    def start(self, t: float, direction: int, y: Tensor, f0: Tensor | None) -> tuple[Tensor, Tensor] | None:
        """Return what the search for a first step starts from, shape ``[4]``, and the field at the start.

        See :func:`suite.solvers.initial_step.starting_sizes`. None where the step does not measure its error and
        so cannot measure these sizes, and where autograd records, whose graph this would not be part of.
        """
        sizes = self._graph.sizes
        if sizes is None or torch.is_grad_enabled():
            return None
        clock = torch.tensor([t, direction], dtype=self.coefficients.nodes.dtype, device=self._device)
        function = self._kept.function(StartGraph(self._graph.evaluation, sizes, fresh=f0 is None))
        if function.graphs == 0 and f0 is None and self._graph.evaluation.read == 1:
            self.field.check(clock[0], y)
        y, f0 = y.contiguous(), None if f0 is None else f0.contiguous()
        given = (clock, y, *self._tolerances) if f0 is None else (clock, y, f0, *self._tolerances)
        (found, start), bound = function.bind(self.field.subject, *given)
        self._token = bound.token
        self.field.count(2 if f0 is None else 1)
        return found, start if f0 is None else f0

    def step(
        self, field: Field, t: Time, h: Time, y: Tensor, f0: Tensor | None, *, inside: bool = False
    ) -> CompiledStep:
        """Take one step; see :meth:`RungeKutta.step`."""
        del field  # it was given at first
        # A graph takes tensors of one memory layout, and what the field returns may have any.
        y, f0 = y.contiguous(), None if f0 is None else f0.contiguous()
        clock = self._clock(t, h, inside)
        if torch.is_grad_enabled():
            if f0 is not None and f0.requires_grad and not y.requires_grad:
                # As it is from the second step on, so that one graph serves them all.
                y = y.detach().requires_grad_(True)
            key: tuple[bool, ...] = (
                f0 is None,
                True,
                clock.requires_grad,
                y.requires_grad,
                f0 is not None and f0.requires_grad,
            )
        else:
            key = (f0 is None,)
        given = (clock, y, *self._tolerances) if f0 is None else (clock, y, f0, *self._tolerances)
        bound = self._bound.get(key)
        results = self._bind(key, given) if bound is None else bound(*given)
        self.field.count(self._stages if f0 is None else self._stages - 1)
        slopes = results[-1] if self._graph.slopes else ()
        f1 = results[1] if self.coefficients.first_same_as_last else None
        error = None if self._graph.sizes is None else results[1 if f1 is None else 2]
        return CompiledStep(self.coefficients, t, h, y, results[0], slopes, f1, error)

    def walk(self, field: Field, times: Sequence[float], y: Tensor) -> Iterator[CompiledStep]:
        """Step over a fixed grid of numbers, several steps a call, and yield every step, not to be interpolated."""
        del field  # it was given at first
        coefficients, evaluation = self.coefficients, self._graph.evaluation
        same = coefficients.first_same_as_last
        most = max(_EVALUATIONS_OF_A_GRAPH // self._stages, 1)
        rows = _clocks_of_grid(self.tableau, tuple(times), coefficients.nodes.dtype, self._device)
        self.clocks.append(rows)
        intervals = pairwise(times)
        rest: tuple[Tensor, ...] = ()
        y = y.contiguous()
        bound: dict[tuple[bool, int, bool], Bound] = {}
        for block in rows.split(most):
            if torch.is_grad_enabled() and not y.requires_grad and len(rows) > most:
                y = y.detach().requires_grad_(True)
            key = (not rest, len(block), y.requires_grad)
            if key in bound:
                states, *known = bound[key](block, y, *rest)
            else:
                graph = GridGraph(coefficients, evaluation, fresh=not rest, count=len(block))
                (states, *known), bound[key] = self._kept.function(graph).bind(self.field.subject, block, y, *rest)
            self.field.count(len(block) * (self._stages - same) + (same and not rest))
            rest = tuple([value.contiguous() for value in known])
            for state in states.unbind():
                start, end = next(intervals)
                yield CompiledStep(coefficients, start, end - start, y, state, (), None)
                y = state.contiguous()

    def _bind(self, key: tuple[bool, ...], given: tuple[Tensor, ...]) -> Outputs:
        """Take the first step of a kind in this solve."""
        graph = replace(self._graph, fresh=key[0])
        # The search for the first step has just evaluated the same field and found all as it was at an earlier solve.
        bound = self._kept.bound.get((graph, key, self._token)) if self._token is not None else None
        if bound is not None:
            self._bound[key] = bound
            return bound(*given)
        results, bound = self._kept.function(graph).bind(self.field.subject, *given)
        self._bound[key] = bound
        if self._token is not None:
            kept = self._kept.bound
            for stale in [other for other in kept if other[2] != self._token]:
                del kept[stale]
            kept[graph, key, self._token] = bound
        return results

    def _clock(self, t: Time, h: Time, inside: bool) -> Tensor:
        """Return the time of every stage and the step size, shape ``[stages + 1]``."""
        if self._step_clocks is not None and not (inside or isinstance(h, Tensor) or isinstance(t, Tensor)):
            return self._step_clocks.take(t, h)
        times = torch.stack(list(self._clocks(t, h, inside)))
        return torch.cat([times, clock_of(h, times.dtype, times.device).reshape(1)])


def measured_sizes(scale: ErrorScale, entries: int) -> tuple[int, ...] | None:
    """Return the parts whose root mean square a step measures, for a state of so many entries; None for other norms."""
    if isinstance(scale.norm, MixedNorm):
        return scale.norm.sizes
    if scale.norm is rms_norm:
        return (entries if scale.entries is None else scale.entries,)
    return None


@lru_cache(maxsize=64)  # a recording finds here what its warm-up has copied to the device
def _clocks_of_grid(
    tableau: ButcherTableau, times: tuple[float, ...], dtype: torch.dtype, device: torch.device
) -> Tensor:
    """Return the clock of every step over a grid, shape ``[steps, stages + 1]``."""
    points = np.array(times)
    clocks = np.empty((len(times) - 1, tableau.stages + 1))
    clocks[:, -1] = points[1:] - points[:-1]
    clocks[:, :-1] = clocks_of_steps(points, tableau.nodes)
    with torch.inference_mode(False):
        return torch.as_tensor(clocks, dtype=dtype, device=device)


@lru_cache(maxsize=64)
def _constant(value: float, dtype: torch.dtype, device: torch.device) -> Tensor:
    with torch.inference_mode(False):
        return torch.tensor(value, dtype=dtype, device=device)


def tolerance_of(value: Tolerance, dtype: torch.dtype, device: torch.device) -> Tensor:
    """Return a tolerance as a tensor, so that another one needs no other graph."""
    return value if isinstance(value, Tensor) else _constant(value, dtype, device)
