"""Whether a solve is recorded and replayed, and what stands in the way where it is not."""

from __future__ import annotations

import typing
import weakref
from collections.abc import Callable, Iterator
from types import MethodType
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from suite.solvers.error_norm import Tolerance
from suite.solvers.errors import InvalidProblemError
from suite.solvers.graphs.field_identity import module_of
from suite.solvers.graphs.inner_solves import InnerSolves, inner_solves
from suite.solvers.graphs.kept import FALLBACKS, NoEndError, NotRecordedError
from suite.solvers.graphs.recorder import GraphRecorder, is_recording, recorder_for
from suite.solvers.options import AdaptiveOptions
from suite.solvers.problem import Problem
from suite.solvers.solution import Statistics
from suite.solvers.vector_field import VectorField

GraphChoice = Literal["auto", "always", "loop", "never"]
"""Whether solves are recorded and replayed.

``auto``: on a CUDA device, from the second solve of its kind on (the first, where adaptive steps are compiled), where
the field is a module and nothing stands in the way. ``always``: at once, and an error where something does. ``loop``:
as ``always``, and the device repeats adaptive steps until the end, so that the host waits once a solve; needs
cuda-bindings 13 and a driver of CUDA 13. ``never``: the host takes every step.
"""

ResultT = TypeVar("ResultT")


def check_graph_choice(graph: str) -> None:
    """Refuse what is no choice.

    Raises:
        InvalidProblemError: For another word.
    """
    if graph not in typing.get_args(GraphChoice):
        raise InvalidProblemError(f"graph is 'auto', 'always', 'loop' or 'never', not {graph!r}")


def insists(graph: str) -> bool:
    """Return whether a choice is to record at once, and for what stands in the way to be an error."""
    return graph in ("always", "loop")


def attempt(
    replay: Callable[[GraphRecorder], ResultT],
    device: torch.device,
    graph: str,
    statistics: Statistics,
    *,
    inside: Callable[[InnerSolves], ResultT] | None = None,
) -> ResultT | None:
    """Return what a replay returns; None where the host is to take the steps, with the reason in the statistics.

    Args:
        replay: Solves by replaying; raises :class:`NotRecordedError` where it cannot.
        device: Where the state is.
        graph: The user's choice.
        statistics: Of the solve.
        inside: Solves as a part of a larger recording; likewise. None where the host's steps can be that.

    Raises:
        InvalidProblemError: When the choice is ``always`` or ``loop`` and the solve cannot be replayed.
    """
    if graph == "never":
        return None
    inner = inner_solves()
    if inner is not None:
        return None if inside is None else _attempt_inside(inside, inner)
    recorder = recorder_for(device)
    if recorder is None:
        if insists(graph):
            raise InvalidProblemError(f"graph={graph!r} needs a state on a CUDA device, not on {device}")
        return None
    if is_recording():
        return None  # this solve becomes part of another recording
    try:
        return replay(recorder)
    except NotRecordedError as reason:
        if insists(graph) and not isinstance(reason, NoEndError):
            raise InvalidProblemError(f"graph={graph!r} cannot record this solve: {reason}") from reason
        statistics.graph_fallback = str(reason)
        FALLBACKS[str(reason)] += 1
        return None


def _attempt_inside(inside: Callable[[InnerSolves], ResultT], inner: InnerSolves) -> ResultT | None:
    try:
        return inside(inner)
    except NotRecordedError as reason:
        inner.obstacle = str(reason)
        return None


def require(problems: Iterator[tuple[bool, str]]) -> None:
    """Raise for the first of some obstacles that is there.

    Raises:
        NotRecordedError: With the words that come with it.
    """
    for there, words in problems:
        if there:
            raise NotRecordedError(words)


def obstacles_of_field(vector_field: VectorField, graph: str, *tensors: Tensor) -> Iterator[tuple[bool, str]]:
    """Yield what may stand in the way of recording a field, given tensors that a solve depends on beside it."""
    module = module_of(vector_field)
    yield (
        graph == "auto" and module is None,
        "the vector field is no module, and what changes in a function is not seen; graph='always' records it",
    )
    parameters = module.parameters() if isinstance(module, nn.Module) else ()
    yield (
        torch.is_grad_enabled() and any(value.requires_grad for value in (*tensors, *parameters)),
        "autograd records the steps",
    )


def obstacles_of_problem(problem: Problem, subject: VectorField, *others: Tensor) -> Iterator[tuple[bool, str]]:
    """Yield what may stand in the way of recording a forward solve, whatever its steps.

    Args:
        problem: The problem.
        subject: Its vector field without counters.
        *others: Tensors that the steps read beside it.
    """
    yield len(problem.values) < 2, "there is nothing to integrate"
    yield problem.dense, "dense=True keeps every step"
    yield problem.event_fn is not None, "an event is looked for by the host"
    yield problem.has_callbacks, "the vector field is told of every step"
    yield from obstacles_of_field(subject, problem.graph, problem.y0, problem.t, *others)


def obstacles_of_control(
    state: Tensor, settings: AdaptiveOptions, *, compiled_norm: bool
) -> Iterator[tuple[bool, str]]:
    """Yield what may stand in the way of step-size control on the device.

    Args:
        state: The state that is stepped.
        settings: Options of the control.
        compiled_norm: Whether a norm of the user's would have to be compiled.
    """
    yield state.is_complex(), "the state is complex"
    yield bool(settings.jump_t or settings.step_t), "jump_t and step_t are times at which the host stops"
    yield compiled_norm, "compile=True measures no norm of the user's on the device"


def one_number(name: str, tolerance: Tolerance) -> float:
    """Return a tolerance that is one number.

    Raises:
        NotRecordedError: When it is a tensor, whose values a recording would not follow.
    """
    if isinstance(tolerance, Tensor):
        raise NotRecordedError(f"{name} is a tensor")
    return tolerance


def reference(vector_field: VectorField) -> Callable[[], Any]:
    """Return a function that returns a vector field, which it does not keep alive."""
    return weakref.WeakMethod(vector_field) if isinstance(vector_field, MethodType) else weakref.ref(vector_field)


def weakly(vector_field: VectorField) -> VectorField:
    """Return a function that calls a vector field without keeping it alive."""
    found = reference(vector_field)

    def evaluate(t: Tensor, y: Any) -> Any:
        return found()(t, y)

    return evaluate
