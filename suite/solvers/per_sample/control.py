"""Step-size control of every sample by itself.

Algorithm and formulae are those of joint control (``adaptive``), with one entry a sample where that has a number. What
is decided there by branches is chosen here entry by entry, so that the host waits once a step, to learn whether any
sample goes on.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from suite.solvers.error_norm import ErrorScale
from suite.solvers.errors import InvalidProblemError
from suite.solvers.initial_step import ZERO_TOLERANCE, starting_sizes, starting_step
from suite.solvers.per_sample.outputs import SampleOutputs
from suite.solvers.per_sample.statistics import SampleStatistics
from suite.solvers.per_sample.times import SampleTimes
from suite.solvers.per_sample.unit_step_field import UnitStepField
from suite.solvers.runge_kutta import Field, RungeKutta, Step
from suite.solvers.step_control import StepController, resolvable


@dataclass(eq=False)
class _Trial:
    """A step that was tried; all but the step are columns.

    Attributes:
        step: The step, of size 1.
        field: Its vector field.
        size: Signed step sizes.
        error: Errors in units of the tolerance.
        accepted: Samples that accept it.
        lands: Samples that it would bring to their end.
        proposal: Sizes of the next steps.
        lost: Samples that cannot go on.
        magnitude: Absolute values of the state at its end.
    """

    step: Step
    field: UnitStepField
    size: Tensor
    error: Tensor
    accepted: Tensor
    lands: Tensor
    proposal: Tensor
    lost: Tensor
    magnitude: Tensor


class PerSampleIntegrator:
    """Advances a batch, every sample by its own steps, until each is at its last output time or has failed.

    A sample that is done stays where it is: it takes steps of size zero, at a state and a time at which the field is
    evaluated anyway, and what they give is not used.

    Where autograd records, a step in which the error of any sample is not finite is given up by all of them, and the
    others try it again: a step that one sample rejected has no weight in the gradient, but zero times infinity is
    not-a-number.

    Attributes:
        y: The batch.
        unresolved: Samples that failed because no step which the time can resolve is accurate enough, a column.
        not_finite: Those of them whose state or field is not finite.
        running: Samples on the way, a column.
        failed: Whether any sample has failed.
    """

    def __init__(
        self,
        method: RungeKutta,
        field: Field,
        times: SampleTimes,
        y: Tensor,
        scale: ErrorScale,
        controller: StepController,
        statistics: SampleStatistics,
    ) -> None:
        self._method, self._field, self._scale, self._controller = method, field, scale, controller
        self._direction, self._statistics = times.direction, statistics
        self._clock, self._end = times.columns[0], times.columns[-1]
        self.y = y
        self.outputs = SampleOutputs(times, y)
        self._f: Tensor | None = None
        self._magnitude = scale.magnitude(y)
        self._recording = torch.is_grad_enabled()
        self._fsal = method.tableau.first_same_as_last
        self._proposal = self._direction
        self._last_error = torch.ones_like(self._direction)  # of the last accepted step
        self.running = torch.ones_like(self._direction, dtype=torch.bool)
        self.unresolved = torch.zeros_like(self.running)
        self.not_finite = torch.zeros_like(self.running)
        self.failed = False
        self._accepted = torch.zeros_like(self._direction, dtype=torch.long)
        self._tried = torch.zeros_like(self._accepted)
        self._report(self.unresolved)

    @property
    def time(self) -> Tensor:
        """Where every sample stands, a column."""
        return self._clock.detach()

    def integrate(self, first_step: float | None) -> Tensor:
        """Step until no sample is running, or ``max_num_steps`` steps of the batch have been tried.

        Returns:
            The states at all output times, shape ``[outputs, *y.shape]``; not-a-number where a sample failed before.
        """
        goes_on = self._choose_first_step(first_step)
        tries = 0
        while goes_on and tries < self._controller.max_num_steps:
            goes_on = self._step()
            tries += 1
        if not self._fsal:
            # The last stage of other methods is not the field at the end of a step, which may so be infinite.
            self._statistics.host_syncs += 1
            self.not_finite = self.not_finite | ~all_finite(self.y)
            self.unresolved = self.unresolved | self.not_finite
            goes_on = goes_on or bool(self.not_finite.any())
        self.failed = self.failed or goes_on
        failed = self.running | self.unresolved
        self._report(failed)
        return self.outputs.states(torch.where(failed, math.nan, self.y) if self.failed else self.y)

    def _report(self, failed: Tensor) -> None:
        self._statistics.accepted_per_sample = self._accepted.view(-1)
        self._statistics.rejected_per_sample = (self._tried - self._accepted).view(-1)
        self._statistics.failed_per_sample = failed.view(-1)

    def _choose_first_step(self, first_step: float | None) -> bool:
        """Choose every sample's first step, and say whether any can take one."""
        if first_step is not None:
            self._proposal = torch.full_like(self._direction, first_step)
            return True
        f0 = self._slope()
        with torch.no_grad():
            size_y, size_f, curvature, trial = (
                size.to(torch.float64)
                for size in starting_sizes(self._field, self.time, self._direction, self.y, f0, self._scale)
            )
            self._proposal = starting_step(size_f, curvature, trial, self._controller.order)
            usable = size_y.isfinite() & size_f.isfinite()
            self._statistics.host_syncs += 1
            if bool(usable.all()):
                return True
            self.not_finite = ~(all_finite(self.y) & all_finite(f0))
            if bool((~usable & ~self.not_finite).any()):
                raise InvalidProblemError(ZERO_TOLERANCE)
            self._proposal = torch.where(usable, self._proposal, 1.0)
            self._stop(~usable)
            return bool(usable.any())

    def _step(self) -> bool:
        """Try one step of every running sample, and say whether any goes on."""
        trial = self._try()
        accepted = trial.accepted
        ended = torch.where(trial.lands, self._end, self._clock + trial.size)
        time = torch.where(accepted, ended, self._clock)
        running = (time != self._end).detach()
        last_error = torch.where(accepted, trial.error, self._last_error)
        passed = self.outputs.passed_at(time.detach()) if len(self.outputs) else None
        asked = [running, accepted, trial.lost, last_error]
        if passed is not None:
            asked.append(self.outputs.newly(passed).view(accepted.shape))
        if self._recording:
            asked.append(self._unusable(trial))
        self._statistics.host_syncs += 1
        # All that the host has to know, in one read.
        found: list[float] = torch.stack(asked).flatten(1).amax(dim=1).tolist()
        goes_on, any_accepted, any_lost, self._statistics.error_estimate = found[:4]
        if self._recording and found[-1]:
            return self._give_up(trial)
        start, self._clock, self._last_error = self._clock, time, last_error
        self._proposal = trial.proposal
        self._tried = self._tried + self.running
        self._accepted = self._accepted + accepted
        self.running = running
        if any_lost:
            goes_on = self._lose(trial, trial.lost)
        if any_accepted:
            self._statistics.accepted += 1
            self._advance(trial)
        else:
            self._statistics.rejected += 1
        if passed is not None and found[4]:
            if not self._fsal:
                trial.step.f1 = trial.field.scaled(self._slope())
            trial.step.complete(trial.field)
            self.outputs.collect(passed, int(found[4]), trial.step, start, trial.size)
        return bool(goes_on)

    def _try(self) -> _Trial:
        control, f0, time = self._controller, self._slope(), self.time
        remaining = (self._end.detach() - time).abs()
        proposed = control.clip(self._proposal)
        lands = control.lands(proposed, remaining)
        size = torch.where(lands, remaining, proposed)
        signed = torch.where(lands, self._end - self._clock, self._direction * size)
        field = UnitStepField(self._field, self._clock, signed, f0)
        step = self._method.step(field, 0.0, 1.0, self.y, field.scaled(f0))
        with torch.no_grad():
            magnitude = self._scale.magnitude(step.y1)
            allowed = self._scale.scale(self._magnitude, magnitude)
            error = self._scale.measure(step.local_error(None), allowed).to(torch.float64)
            accepted = control.accepts(error, torch.minimum(proposed, remaining)) & self.running
            grown = size * control.factor(error, control.remembered(self._last_error))
            # A step shortened to land on its end says little about the size that the error allows.
            proposal = torch.where(lands & accepted, torch.maximum(grown, proposed), grown)
            lost = self.running & ~(accepted | resolvable(proposal, time))
        return _Trial(step, field, signed, error, accepted, lands, proposal, lost, magnitude)

    def _advance(self, trial: _Trial) -> None:
        """Bring the samples that accepted a step to its end."""
        self.y = torch.where(trial.accepted, trial.step.y1, self.y)
        self._magnitude = torch.where(trial.accepted, trial.magnitude, self._magnitude)
        slope = self._f
        self._f = torch.where(trial.accepted, trial.field.latest, slope) if self._fsal and slope is not None else None

    def _unusable(self, trial: _Trial) -> Tensor:
        return self.running & ~(trial.error < math.inf)

    def _give_up(self, trial: _Trial) -> bool:
        """Reject a step for the samples whose error is not finite, as if the others had not tried it."""
        unusable = self._unusable(trial)
        self._statistics.rejected += 1
        self._tried = self._tried + unusable
        self._proposal = torch.where(unusable, trial.proposal, self._proposal)
        self._statistics.host_syncs += 1
        lost = trial.lost & unusable
        return self._lose(trial, lost) if bool(lost.any()) else True

    def _lose(self, trial: _Trial, lost: Tensor) -> bool:
        """Write down which samples cannot go on, and why; say whether any other goes on."""
        finite = all_finite(self.y) & all_finite(trial.step.y1)
        for slope in trial.step.slopes:
            finite = finite & all_finite(slope)
        self.not_finite = self.not_finite | (lost & ~finite)
        self._stop(lost)
        self._statistics.host_syncs += 1
        return bool(self.running.any())

    def _stop(self, samples: Tensor) -> None:
        """Let samples that have failed stay where they are."""
        self.failed = True
        self.unresolved = self.unresolved | samples
        self.running = self.running & ~samples
        self._end = torch.where(samples, self._clock, self._end)

    def _slope(self) -> Tensor:
        """Return the field where the samples stand; evaluated only where it is not known."""
        if self._f is None:
            self._f = self._field(self._clock, self.y)
        return self._f


def all_finite(batch: Tensor) -> Tensor:
    """Say which samples have finite entries only, a column."""
    finite = batch.detach().isfinite().reshape(len(batch), -1).all(dim=1)
    return finite.view(-1, *(1 for _ in batch.shape[1:]))
