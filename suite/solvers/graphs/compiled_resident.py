"""Adaptive steps on the device, compiled: the stages, the vector field and the step control in a few kernels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

from torch import Tensor

from suite.solvers.coefficients import bind
from suite.solvers.compiled import measured_sizes, tolerance_of
from suite.solvers.compiled_graph import Bound
from suite.solvers.compiled_kept import kept_for
from suite.solvers.error_norm import ErrorScale
from suite.solvers.errors import InvalidProblemError
from suite.solvers.graphs.choice import reference
from suite.solvers.graphs.kept import NotRecordedError
from suite.solvers.graphs.resident import DriftLimit, ResidentBuffers, ResidentIntegrator
from suite.solvers.runge_kutta import Field, Step
from suite.solvers.step_control import StepController
from suite.solvers.step_graph import Evaluation, Parts, StepGraph, root_mean_square
from suite.solvers.tableau import ButcherTableau
from suite.solvers.vector_field import VectorField

StoredArrival = Callable[[Parts, Tensor, Tensor], Tensor]
"""``arrival(stored, index, y)``: an ``Arrival`` that reads tensors which it is given."""

_BUFFERS = 7


class _TracedSteps:
    """Steps as functions of tensors alone: nothing is written, so that the compiler is free to fuse."""

    def __init__(self, graph: StepGraph, subject: Any, tolerances: Parts) -> None:
        self.coefficients = graph.coefficients
        self._step, self._subject, self._tolerances = graph.function(), subject, tolerances
        self._slopes = graph.slopes

    def step_of_size(self, field: Field, t: Tensor, h: Tensor, y: Tensor, f0: Tensor) -> Step:
        """Take one step; see :meth:`suite.solvers.runge_kutta.RungeKutta.step_of_size`. It measures its error."""
        del field  # it is part of the graph
        coefficients = self.coefficients
        dtype = coefficients.nodes.dtype
        clock = [(t + node * h).to(dtype) for node in coefficients.node_numbers]
        end, *rest = self._step(self._subject, (*clock, h), y, f0, *self._tolerances)
        f1 = rest.pop(0) if coefficients.first_same_as_last else None
        return Step(coefficients, 0.0, 1.0, y, end, rest[-1] if self._slopes else (), f1, rest[0])


@dataclass(frozen=True)
class ResidentGraph:
    """What is fixed in a compiled step of :class:`ResidentIntegrator`, or in its start.

    Attributes:
        step: The step, which is given the field at its start and measures its error.
        controller: The step-size control.
        entries: How many leading entries of a state that is a vector are controlled; None for all of any state.
        arrival: What happens at a stop before the last.
        drift: When to go back to a stored state, see :class:`ResidentIntegrator`; the last of what is stored are these.
        starts: Whether it is the start.
        first_step: The first step size; None to choose it.
    """

    step: StepGraph
    controller: StepController
    entries: int | None = None
    arrival: StoredArrival | None = None
    drift: DriftLimit | None = None
    starts: bool = False
    first_step: float | None = None

    def function(self) -> Callable[..., Parts]:
        """Return ``(subject, *buffers, rtol, atol, *stored) -> ()``, which changes the buffers."""
        graph, evaluation, sizes = self.step, self.step.evaluation, self.step.sizes
        controller, entries, arrival, drift = self.controller, self.entries, self.arrival, self.drift
        starts, first_step = self.starts, self.first_step
        if sizes is None:
            raise TypeError("a step that is controlled on the device measures its error")
        if graph.slopes:
            _ = graph.coefficients.inside  # derived by numpy, which is not to be compiled
        derivative = evaluation.function()
        norm = partial(root_mean_square, sizes=sizes)

        def work(subject: Any, *tensors: Tensor) -> Parts:
            (rtol, atol), stored = tensors[_BUFFERS : _BUFFERS + 2], tensors[_BUFFERS + 2 :]

            def field(t: Tensor, y: Tensor) -> Tensor:
                return derivative(subject, t, y)[0]

            integrator = ResidentIntegrator(
                _TracedSteps(graph, subject, (rtol, atol)),
                field,
                ErrorScale(rtol, atol, norm, entries),
                controller,
                ResidentBuffers(*tensors[:_BUFFERS]),
                None if arrival is None else partial(arrival, stored),
                drift,
                None if drift is None else stored[-1],
            )
            if starts:
                integrator.start(first_step)
            else:
                integrator.step()
            return ()

        return work


class CompiledIntegrator:
    """What :class:`ResidentIntegrator` does, by one compiled function each for the start and the step.

    They are compiled when they are first called, and kept as long as the vector field lives; neither state, times nor
    tolerances are part of them. Parameters are inputs of the compiled graphs, and lie where they lay at that call.

    Args:
        tableau: The method.
        evaluation: The vector field on the packed state.
        subject: The user's, without counters.
        scale: Tolerances, which are numbers, and a default norm.
        controller: The step-size control.
        buffers: Where the solve stands, all of them contiguous.
        arrival: What happens at a stop before the last.
        drift: When to go back to a stored state.
        stored: What the arrival reads, and last the states to go back to.
    """

    def __init__(
        self,
        tableau: ButcherTableau,
        evaluation: Evaluation,
        subject: VectorField,
        scale: ErrorScale,
        controller: StepController,
        buffers: ResidentBuffers,
        arrival: StoredArrival | None = None,
        drift: DriftLimit | None = None,
        stored: Parts = (),
    ) -> None:
        y = buffers.y
        coefficients = bind(tableau, y.dtype, y.device)
        step = StepGraph(
            coefficients, evaluation, slopes=len(buffers.inner) > 0, sizes=measured_sizes(scale, y.numel())
        )
        self._graph = ResidentGraph(step, controller, scale.entries, arrival, drift)
        tolerances = [tolerance_of(value, coefficients.nodes.dtype, y.device) for value in (scale.rtol, scale.atol)]
        self._given = (*buffers.tensors(), *tolerances, *stored)
        self._kept, self._subject = kept_for(subject), reference(subject)
        self._bound: dict[ResidentGraph, Bound] = {}

    def start(self, first_step: float | None) -> None:
        """Begin; see :meth:`ResidentIntegrator.start`."""
        self._run(replace(self._graph, starts=True, first_step=first_step))

    def step(self) -> None:
        """Try one step; see :meth:`ResidentIntegrator.step`."""
        self._run(self._graph)

    def _run(self, graph: ResidentGraph) -> None:
        if graph in self._bound:
            self._bound[graph](*self._given)
            return
        try:
            _, self._bound[graph] = self._kept.function(graph).bind(self._subject(), *self._given)
        except InvalidProblemError as problem:
            raise NotRecordedError(str(problem)) from problem
