"""``solve_per_sample``: every sample of a batch with its own time and its own steps."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from torch import Tensor

from suite.solvers.callbacks import Callbacks
from suite.solvers.error_norm import ErrorScale, packed_tolerance
from suite.solvers.errors import (
    IntegrationError,
    InvalidProblemError,
    NonFiniteError,
    StepLimitError,
    StepUnderflowError,
)
from suite.solvers.method import ExplicitRungeKutta, Options
from suite.solvers.methods import MethodName, explicit_methods, find
from suite.solvers.options import AdaptiveOptions, FixedGridOptions, read_options
from suite.solvers.per_sample.batch_layout import BatchLayout
from suite.solvers.per_sample.control import PerSampleIntegrator
from suite.solvers.per_sample.statistics import SampleStatistics
from suite.solvers.per_sample.times import SampleTimes
from suite.solvers.runge_kutta import RungeKutta
from suite.solvers.solution import Solution
from suite.solvers.state import State
from suite.solvers.vector_field import PackedField, VectorField

_NAMED = 8  # how many samples an error message names


@dataclass(frozen=True, eq=False)
class PerSampleSolution(Solution):
    """The solution of a batch of initial value problems, each with its own steps.

    Attributes:
        times: Output times as given, shape ``[outputs]`` or ``[batch, outputs]``.
        states: States there: shape ``[outputs, batch, ...]``, or a tuple of these. In the solution that an error
            carries, not-a-number where a sample did not get to.
        statistics: What the solve cost, and how far the samples differ in it.
    """

    statistics: SampleStatistics


def solve_per_sample(
    vector_field: VectorField,
    y0: State,
    t: Tensor,
    *,
    method: MethodName = "dopri5",
    rtol: float | State = 1e-7,
    atol: float | State = 1e-9,
    options: Mapping[str, Any] | None = None,
) -> PerSampleSolution:
    """Solve ``dy/dt = vector_field(t, y)`` for every sample of a batch by step sizes of its own.

    Joint control (:func:`solve`) gives all samples the steps that keep their error small on average; here each takes
    the steps, and has the accuracy, that it would have alone. It pays where samples differ in where they need short
    steps, or in their spans; ``statistics.step_spread`` tells how far they do. The batch is evaluated as often as the
    sample with the most steps requires. Autograd goes through the solver's steps, with no weight on rejected ones.

    A field must treat samples independently of each other, and not depend on what it gives for others: those that are
    done are evaluated on, where they stand, and what comes of it is not used.

    Args:
        vector_field: Called once a stage for the whole batch, with times of shape ``[batch, 1, ..., 1]``, which
            broadcast with the state, and a state like ``y0``; returns a state like ``y0``.
        y0: Initial state, shape ``[batch, ...]``, or a tuple of such tensors of one number of dimensions.
        t: Output times, shape ``[outputs]``, or ``[batch, outputs]`` where every sample has its own; a sample's are
            strictly increasing or decreasing. Gradients with respect to them are those of the discretised solution.
        method: An explicit Runge-Kutta method with an embedded solution.
        rtol: Relative tolerance of a step: a number, or a tensor (or tuple) that expands to the state.
        atol: Absolute tolerance of a step, likewise.
        options: ``AdaptiveOptions`` without ``step_t`` and ``jump_t``. They hold for every sample; ``max_num_steps``
            bounds the steps of the batch. An option ``norm`` returns one number a sample, shape ``[batch]``.

    Returns:
        The solution. The host waited once a step, and twice before the first.

    Raises:
        InvalidProblemError: Bad times, state, tolerance or option, or a field that returns something else than a state.
        UnknownMethodError: There is no such method.
        NonFiniteError: The state or the field of a sample is not finite.
        StepUnderflowError: No representable step meets the tolerance for a sample.
        StepLimitError: ``max_num_steps`` was reached. Of each of the last three the message names the samples, and the
            error comes after all others have been integrated: it carries their solution, not-a-number for the samples
            that failed from the first output that they did not reach.
    """
    layout = BatchLayout.of(y0)
    times = SampleTimes.of(t, layout)
    chosen = _controllable(method)
    settings = _settings(options)
    scale = ErrorScale(
        packed_tolerance("rtol", rtol, layout), packed_tolerance("atol", atol, layout), layout.norm(settings.norm)
    )
    callbacks = Callbacks.of(vector_field, layout.unpack)
    if callbacks is not None:
        callbacks.supported("per-sample step control")
    field = PackedField(vector_field, layout)
    statistics = SampleStatistics(host_syncs=1)  # the output times were read
    packed = layout.pack(y0)
    integrator = PerSampleIntegrator(
        RungeKutta(chosen.tableau, packed),
        lambda time, y: field(time.to(layout.time_dtype).reshape(layout.time_column), y),
        times,
        packed,
        scale,
        settings.controller(chosen.order),
        statistics,
    )
    states = integrator.integrate(settings.first_step) if len(times.columns) > 1 else packed[None]
    statistics.nfe = field.nfe
    solution = PerSampleSolution(t, layout.unpack(states), statistics)
    if integrator.failed:
        raise _error(integrator, settings.max_num_steps, solution)
    return solution


def _controllable(name: MethodName) -> ExplicitRungeKutta:
    method = find(name)
    if isinstance(method, ExplicitRungeKutta) and method.adaptive:
        return method
    known = sorted(name for name, method in explicit_methods().items() if method.adaptive)
    raise InvalidProblemError(
        f"per-sample control takes an explicit Runge-Kutta method with an embedded solution ({', '.join(known)}), "
        f"not {method.name!r}"
    )


def _settings(options: Options) -> AdaptiveOptions:
    settings = read_options(options, AdaptiveOptions, FixedGridOptions)
    for name in ("step_t", "jump_t"):
        if getattr(settings, name):
            raise InvalidProblemError(f"per-sample control does not take the option {name}")
    return settings


def _error(integrator: PerSampleIntegrator, limit: float, solution: PerSampleSolution) -> IntegrationError:
    """Return the error that names the samples that failed: of the first kind that there is."""
    unresolved = integrator.unresolved & ~integrator.not_finite
    kinds: list[tuple[type[IntegrationError], Tensor, str]] = [
        (NonFiniteError, integrator.not_finite, "the state or the vector field is not finite at or just after"),
        (
            StepUnderflowError,
            unresolved,
            "the step size underflows (a stiff or singular problem?) at",
        ),
        (
            StepLimitError,
            integrator.running,
            f"max_num_steps = {limit} steps of the batch reached only",
        ),
    ]
    times, sentences, found = integrator.time.view(-1), [], []
    for kind, column, what in kinds:
        samples = column.view(-1).nonzero().view(-1).tolist()
        if samples:
            shown = ", ".join(f"t = {float(times[sample]):g} in sample {sample}" for sample in samples[:_NAMED])
            more = f" and {len(samples) - _NAMED} more" if len(samples) > _NAMED else ""
            sentences.append(f"{what} {shown}{more}")
            found.append((kind, float(times[samples[0]])))
    kind, time = found[0]
    return kind("; ".join(sentences), time, solution)
