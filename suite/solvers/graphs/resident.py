"""Adaptive stepping on the device: time, step size and the decision to accept never leave it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from suite.solvers.coefficients import Coefficients
from suite.solvers.error_norm import ErrorScale
from suite.solvers.initial_step import starting_sizes, starting_step
from suite.solvers.runge_kutta import Field, Step
from suite.solvers.step_control import StepController, resolvable

Arrival = Callable[[Tensor, Tensor], Tensor]
"""``arrival(index, y)``: the state to go on from after the stop of that index, shape ``[1]``, where ``y`` arrived."""


# Entries of the progress.
_TIME, _PROPOSAL, _ERROR, _INDEX, _ACCEPTED, _TRIED, _GOES_ON, _LOST = range(8)


@dataclass(frozen=True, eq=False)
class ResidentBuffers:
    """Where a solve stands: tensors on the device that keep their places.

    Attributes:
        stops: Times on which a step ends, the last of which is the end, double precision, shape ``[stops]``.
        inner: Output times inside, likewise, shape ``[inner]``; not-a-number for none.
        limits: 1 or -1 for the direction, and the most steps to try, likewise, shape ``[2]``.
        progress: The time, the proposed step size, the last accepted step's error, the index of the next stop, steps
            accepted, steps tried, and, 0 or 1, whether the solve goes on and whether it is lost; likewise.
        y: The state.
        f: The field there.
        outputs: States at ``inner``, shape ``[inner, *state]``.
    """

    stops: Tensor
    inner: Tensor
    limits: Tensor
    progress: Tensor
    y: Tensor
    f: Tensor
    outputs: Tensor

    @classmethod
    def like(cls, y: Tensor, stops: int, inner: int) -> ResidentBuffers:
        """Return buffers for a state like ``y`` with so many stops and inner outputs."""
        # Kept for later solves, of which some may run in inference mode and others not.
        with torch.inference_mode(False), torch.no_grad():
            numbers = [torch.zeros(count, dtype=torch.float64, device=y.device) for count in (stops, inner, 2, 8)]
            states = [torch.empty_like(y), torch.empty_like(y), y.new_zeros((inner, *y.shape))]
            return cls(*numbers, *states)

    @property
    def goes_on(self) -> Tensor:
        """Whether the solve goes on, 0 or 1."""
        return self.progress[_GOES_ON]

    def tensors(self) -> tuple[Tensor, ...]:
        """Return all of them, in the order in which they are given."""
        return self.stops, self.inner, self.limits, self.progress, self.y, self.f, self.outputs


@dataclass(frozen=True)
class DriftLimit:
    """How far the state may drift from what is stored of it before the solve goes back there.

    Attributes:
        sizes: Entries of the parts of the stored state, with which the solve's own begins.
        most: The largest root mean square of a part, in units of the tolerance.
    """

    sizes: tuple[int, ...]
    most: float

    def exceeded(self, found: Tensor, stored: Tensor, scale: ErrorScale) -> Tensor:
        """Say where it is, for states of shape ``[inner, n]``."""
        scaled = (found - stored) / scale.scale(stored.abs())
        squares = [part.square().sum(1) / max(part.shape[1], 1) for part in scaled.split(self.sizes, 1)]
        return torch.stack(squares).amax(0).sqrt() > self.most


@dataclass(frozen=True, eq=False)
class TakenStep:
    """A step that was tried, as a backward pass has to know it.

    Attributes:
        time: Where it starts, double precision.
        size: Its signed size, likewise; 0 where it was not accepted, and so has led to where it started.
        y: The state at its start.
        passed: Which inner output times it has passed, shape ``[inner]``.
        weights: The weights there of its slopes, shape ``[inner, stages]``.
    """

    time: Tensor
    size: Tensor
    y: Tensor
    passed: Tensor
    weights: Tensor


class SizedSteps(Protocol):
    """Takes steps whose time and size the device alone knows.

    Attributes:
        coefficients: Of the tableau.
    """

    coefficients: Coefficients

    def step_of_size(self, field: Field, t: Tensor, h: Tensor, y: Tensor, f0: Tensor) -> Step:
        """Take one step; see :meth:`suite.solvers.runge_kutta.RungeKutta.step_of_size`."""
        ...


class Integrator(Protocol):
    """Advances the solve in some buffers without waiting for the device."""

    def start(self, first_step: float | None) -> None:
        """Begin at the time and the state in the buffers; choose the first step where none is given."""
        ...

    def step(self) -> None:
        """Try one step."""
        ...


class ResidentIntegrator:
    """The algorithm of :class:`suite.solvers.adaptive.AdaptiveIntegrator` with choices in place of branches.

    A step after the end, or after the solve is lost, changes nothing. Nothing waits for the device, and every tensor
    that outlives a step lies in the buffers: both functions can be recorded.

    Args:
        method: Takes the steps.
        field: Vector field on the packed state.
        scale: Tolerances and norm.
        controller: The step-size control.
        buffers: Where the solve stands.
        arrival: What happens at a stop before the last.
        drift: When to go back to a state stored for an inner output time, which is then no output.
        stored: These states, shape ``[inner, n]``: the solve's own begins with ``n`` such entries.
        taken: Where every step that is tried is added, of a solve to its end in one go; None to keep none.
    """

    def __init__(
        self,
        method: SizedSteps,
        field: Field,
        scale: ErrorScale,
        controller: StepController,
        buffers: ResidentBuffers,
        arrival: Arrival | None = None,
        drift: DriftLimit | None = None,
        stored: Tensor | None = None,
        taken: list[TakenStep] | None = None,
    ) -> None:
        self._drift, self._stored, self._taken = drift, stored, taken
        self._method, self._field, self._scale, self._controller = method, field, scale, controller
        self._buffers, self._arrival = buffers, arrival

    def start(self, first_step: float | None) -> None:
        """Begin at the time and the state in the buffers; choose the first step where none is given."""
        at = self._buffers
        time, direction = at.progress[_TIME], at.limits[0]
        at.f.copy_(self._field(self._seen(time), at.y))
        usable = torch.ones_like(time)
        if first_step is None:
            sizes = starting_sizes(lambda t, y: self._field(self._seen(t), y), time, direction, at.y, at.f, self._scale)
            size_y, size_f, curvature, trial = (size.to(torch.float64) for size in sizes)
            proposal = starting_step(size_f, curvature, trial, self._controller.order)
            usable = (size_y.isfinite() & size_f.isfinite()).double()
        else:
            proposal = torch.full_like(time, first_step)
        none = torch.zeros_like(time)
        start = [time, proposal, torch.ones_like(time), none, none, none, usable, 1 - usable]
        at.progress.copy_(torch.stack(start))

    def step(self) -> None:
        """Try one step."""
        at, control = self._buffers, self._controller
        time, proposal, last_error, index, accepted_steps, tried, going, lost = at.progress.unbind()
        direction, limit = at.limits.unbind()
        goes_on = going > 0
        several = len(at.stops) > 1
        stop = at.stops.index_select(0, index.view(1).long()).view(()) if several else at.stops[0]
        watches = self._drift is not None
        f0 = at.f if self._arrival is None and not watches else self._field(self._seen(time), at.y)
        remaining = (stop - time).abs()
        proposed = control.clip(proposal)
        lands = control.lands(proposed, remaining)
        size = torch.where(lands, remaining, proposed)
        signed = direction * size
        step = self._method.step_of_size(self._field, time, signed, at.y, f0)
        error = self._error(step)
        # Every operation is a launch: none is made whose result would not be used.
        shortest = torch.minimum(proposed, remaining) if control.min_step else proposed
        accepted = control.accepts(error, shortest) & goes_on
        previous = control.remembered(last_error) if control.beta else last_error
        grown = size * control.factor(error, previous)
        arrived = accepted & lands
        # A step shortened to land on a stop says little about the size that the error allows.
        following = torch.where(arrived, torch.maximum(grown, proposed), grown)
        ended = torch.where(arrived, stop, torch.where(accepted, time + signed, time))
        y = torch.where(accepted, step.y1, at.y)
        if watches:
            back, ended, y = self._gone_back(step, signed, ended, y, accepted)
            arrived = arrived & ~back
        finished = arrived & (index + 1 >= len(at.stops)) if several else arrived
        in_vain = goes_on & ~finished & ((tried + 1 >= limit) | ~(accepted | resolvable(following, time)))
        if self._arrival is not None:
            y = torch.where(arrived & ~finished, self._arrival(index.view(1).long(), y), y)
        elif not watches:
            f = step.f1 if step.f1 is not None else self._field(self._seen(ended), y)
            self._write_outputs(step, f, signed, ended, accepted)
            at.f.copy_(torch.where(accepted, f, at.f))
        at.y.copy_(y)
        progress = [
            ended,
            following,
            torch.where(accepted, error, last_error),
            index + (arrived & ~finished) if several else index,
            accepted_steps + accepted,
            tried + goes_on,
            going * ~(finished | in_vain),
            lost + in_vain,
        ]
        at.progress.copy_(torch.stack(progress))

    def _seen(self, time: Tensor) -> Tensor:
        """Return a time as the vector field sees it."""
        return time.to(self._method.coefficients.nodes.dtype)

    def _error(self, step: Step) -> Tensor:
        """Return the error of a step in units of the tolerance, double precision."""
        if step.error_ratio is not None:
            return step.error_ratio.to(torch.float64)
        scale = self._scale
        allowed = scale.scale(scale.magnitude(step.y0), scale.magnitude(step.y1))
        return scale.measure(step.local_error(scale.entries), allowed).to(torch.float64)

    def _write_outputs(self, step: Step, f: Tensor, signed: Tensor, ended: Tensor, accepted: Tensor) -> None:
        """Write the states at the output times that an accepted step has passed."""
        at = self._buffers
        if len(at.inner) == 0 and self._taken is None:
            return
        step.f1 = f
        passed, weights = self._passed(step, signed, ended, accepted)
        if self._taken is not None:
            size = torch.where(accepted, signed, torch.zeros_like(signed))
            self._taken.append(TakenStep(at.progress[_TIME].clone(), size, at.y.clone(), passed, weights))
        if len(at.inner) > 0:
            states = states_inside(at.y, step.dense_slopes(), weights)
            at.outputs.copy_(torch.where(column(passed, at.y), states, at.outputs))

    def _gone_back(
        self, step: Step, signed: Tensor, ended: Tensor, y: Tensor, accepted: Tensor
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Say whether the state has drifted from one stored for a time inside the step; return time and state then."""
        at, stored, drift = self._buffers, self._stored, self._drift
        if stored is None or drift is None:
            raise TypeError("drift is from stored states")
        n = stored.shape[1]
        if step.f1 is None:
            step.f1 = self._field(self._seen(ended), y)
        passed, weights = self._passed(step, signed, ended, accepted)
        slopes = step.dense_slopes()
        found = states_inside(at.y[:n], slopes[:, :n], weights)
        drifted = passed & drift.exceeded(found, stored, self._scale)
        back, first = drifted.any(), drifted.long().argmax().view(1)
        rebuilt = states_inside(at.y, slopes, weights.index_select(0, first)).view(-1)
        return_to = torch.cat([stored.index_select(0, first).view(-1), rebuilt[n:]])
        time = at.inner.index_select(0, first).view(())
        return back, torch.where(back, time, ended), torch.where(back, return_to, y)

    def _passed(self, step: Step, signed: Tensor, ended: Tensor, accepted: Tensor) -> tuple[Tensor, Tensor]:
        """Return which inner times an accepted step has passed, and the weights there of its slopes.

        Shapes ``[inner]`` and ``[inner, stages]``.
        """
        at, inside = self._buffers, step.coefficients.inside
        time, direction = at.progress[_TIME], at.limits[0]
        passed = accepted & (direction * (at.inner - time) > 0) & (direction * (at.inner - ended) <= 0)
        theta = torch.where(passed, (at.inner - time) / signed, torch.zeros_like(at.inner))
        weights = signed * ((theta[:, None] ** inside.powers) @ inside.polynomials.double().t())
        return passed, weights.to(at.y.dtype)


def column(values: Tensor, like: Tensor) -> Tensor:
    """Return one number for each of several states like one, shape ``[n, 1, ..., 1]``."""
    return values.view(-1, *(1,) * like.ndim)


def states_inside(y: Tensor, slopes: Tensor, weights: Tensor) -> Tensor:
    """Return states inside a step from ``y``, shape ``[inner, *state]``, given weights of the slopes for each."""
    states = y.expand(len(weights), *y.shape)
    # Term by term: a matrix product may be taken in a shorter format than the state's.
    for weight, slope in zip(weights.unbind(1), slopes, strict=True):
        states = torch.addcmul(states, column(weight, y), slope)
    return states
