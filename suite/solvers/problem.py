"""A checked initial value problem on the packed state, and its outputs as they come."""

from __future__ import annotations

import cmath
import dataclasses
from dataclasses import dataclass

import torch
from torch import Tensor

from suite.solvers.callbacks import Callbacks
from suite.solvers.errors import NonFiniteError
from suite.solvers.events import Event, EventFunction, EventSearch
from suite.solvers.graphs.recorder import is_recording
from suite.solvers.solution import DenseStep, Interpolant, Solution, Statistics
from suite.solvers.stage_sum import Time
from suite.solvers.state import State
from suite.solvers.vector_field import PackedField, VectorField


@dataclass(eq=False)
class Problem:
    """What a method integrates.

    Attributes:
        vector_field: The user's function.
        initial: The initial state as the user gave it.
        t: The output times as the user gave them, shape ``[outputs]``.
        field: The vector field on the packed state.
        y0: The packed initial state.
        values: The output times as numbers.
        clocks: The same, tensors where gradients with respect to them are wanted.
        rtol: Relative tolerance as the user gave it.
        atol: Absolute tolerance likewise.
        dense: Whether every step is kept.
        event_fn: The event at which the solve ends, the second time being its direction only; None where there is none.
        compile: Whether steps are compiled together with the vector field.
        graph: Whether steps are recorded and replayed, see ``suite.solvers.graphs.choice.GraphChoice``.
        statistics: Cost so far.
        outputs: States at the first output times, packed; begins with ``y0``.
        kept: Steps kept so far.
        checked: Whether every state so far is known to be finite.
        event_time: When the event happened; None until it is found.
    """

    vector_field: VectorField
    initial: State
    t: Tensor
    field: PackedField
    y0: Tensor
    values: list[float]
    clocks: list[Time]
    rtol: float | State
    atol: float | State
    dense: bool
    event_fn: EventFunction | None = None
    compile: bool = False
    graph: str = "never"
    statistics: Statistics = dataclasses.field(default_factory=Statistics)
    outputs: list[Tensor] = dataclasses.field(init=False)
    kept: list[DenseStep] = dataclasses.field(default_factory=list)
    checked: bool = False
    event_time: float | None = None
    _callbacks: Callbacks | None = dataclasses.field(init=False)

    def __post_init__(self) -> None:
        self.outputs = [self.y0]
        self.statistics.host_syncs += 1  # the output times were read
        self._callbacks = Callbacks.of(self.vector_field, self.field.layout.unpack)

    @property
    def direction(self) -> int:
        """1 forwards in time, -1 backwards."""
        return 1 if self.values[-1] >= self.values[0] else -1

    @property
    def has_callbacks(self) -> bool:
        """Whether the vector field has callbacks that nobody has asked for yet."""
        return self._callbacks is not None

    def next_is_due(self, time: float) -> bool:
        """Say whether the next output lies at or before this time."""
        index = len(self.outputs)
        return index < len(self.values) and self.direction * (self.values[index] - time) <= 0

    def callbacks(self, what: str, *names: str) -> Callbacks | None:
        """Return the callbacks of the vector field that a way to integrate calls; warn once of those it does not call.

        Args:
            what: The way to integrate, for the warning.
            names: What it calls.
        """
        found, self._callbacks = self._callbacks, None
        return None if found is None else found.supported(what, *names)

    def event_search(self) -> EventSearch | None:
        """Return the search for the event, None where there is none to search for.

        Raises:
            InvalidProblemError: When the event function is none.
        """
        if self.event_fn is None:
            return None
        start = self.values[0]
        event = Event.at_start(self.event_fn, self.field.layout, start, self.y0)
        search = EventSearch(event, start, self.y0)
        if search.time is not None:
            self.end_at_event(search, search.time, self.y0)
        return search

    def end_at_event(self, search: EventSearch, time: float, y: Tensor) -> None:
        """Add the state at the event as the last output."""
        self.event_time = time
        self.outputs.append(y)
        self.statistics.host_syncs += search.host_syncs

    def solution(self, *, require_finite: bool = False) -> Solution:
        """Return the solution as far as it has come.

        Raises:
            NonFiniteError: When ``require_finite`` is set and a state is not; the outputs from it on are dropped.
        """
        states = torch.stack(self.outputs)
        if require_finite and not is_recording():
            self.statistics.host_syncs += 1
            # A sum is finite only of what is, and takes a third of the time of looking at every entry.
            if not cmath.isfinite(states.detach().sum().item()):
                self._drop_what_is_not_finite(states)
        layout = self.field.layout
        self.statistics.nfe = self.field.nfe
        interpolant = Interpolant(layout, self.kept) if self.kept else None
        count, event_time = len(self.outputs), None
        t = self.t if count == len(self.values) else self.t[:count]
        if self.event_time is not None:
            event_time = torch.as_tensor(self.event_time, dtype=t.dtype, device=t.device)
            t = torch.stack([t[0], event_time])
        return Solution(t, layout.unpack(states), self.statistics, interpolant, event_time=event_time)

    def _drop_what_is_not_finite(self, states: Tensor) -> None:
        finite = states.detach().isfinite().reshape(len(states), -1).all(dim=1)
        if bool(finite.all()):
            return  # it was their sum that is too large a number
        first = int(finite.int().argmin())
        del self.outputs[max(first, 1) :]
        time = self.values[first] if self.event_time is None or first == 0 else self.event_time
        raise NonFiniteError(f"the state is not finite at the output time t = {time:g}", time)
