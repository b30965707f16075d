"""States of a batch at output times that its samples pass in different steps."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from suite.solvers.per_sample.times import SampleTimes
from suite.solvers.runge_kutta import Step


class SampleOutputs:
    """Collects the states at the output times between the first and the last.

    Where autograd records, nothing is written twice: the states of every step are kept, and sorted into their places at
    the end. Elsewhere they are written into place at once.
    """

    def __init__(self, times: SampleTimes, y0: Tensor) -> None:
        self._times, self._y0 = times, y0
        self._interior = times.interior
        count, batch = len(self._interior), y0.shape[0]
        forwards = (times.interior.detach() * times.direction.view(-1)).t().contiguous()
        self._forwards = forwards
        self._samples = torch.arange(batch, device=y0.device)
        self._passed = torch.zeros(batch, dtype=torch.long, device=y0.device)
        self._recording = torch.is_grad_enabled()
        # One row more than there are times: what a sample does not need is written there.
        self._source = torch.zeros(count + 1, batch, dtype=torch.long, device=y0.device)
        self._slabs = [torch.full_like(y0, math.nan, requires_grad=False)[None]]
        self._kept = 1
        self._written = None if self._recording else y0.new_full((count + 1, *y0.shape), math.nan)

    def __len__(self) -> int:
        return len(self._interior)

    def passed_at(self, time: Tensor) -> Tensor:
        """Return how many output times every sample has passed at its time (a column), shape ``[batch]``."""
        now = (time * self._times.direction).view(-1, 1)
        return torch.searchsorted(self._forwards, now, right=True).view(-1)

    def newly(self, passed: Tensor) -> Tensor:
        """Return how many of these have not been collected, shape ``[batch]``."""
        return passed - self._passed

    def collect(self, passed: Tensor, most: int, step: Step, start: Tensor, size: Tensor) -> None:
        """Add the states at the times that a step has passed.

        Args:
            passed: Number of times passed by now, shape ``[batch]``.
            most: The largest number of times that a sample passed in this step.
            step: The step, of size 1 in the time that a sample measures in its own steps.
            start: Times at its start, a column.
            size: Signed step sizes, a column.
        """
        offset = torch.arange(most, device=passed.device)[:, None]
        index = self._passed + offset
        due = index < passed
        column = (most, *start.shape)
        targets = self._interior.gather(0, index.clamp(max=len(self) - 1)).view(column)
        due_column = due.view(column)
        # Where nothing is due the place is the start of the step: a number whose gradient is one too.
        theta = torch.where(due_column, targets - start, 0.0) / torch.where(due_column, size, 1.0)
        states = _inside(step, theta)
        rows = torch.where(due, index, len(self))
        if self._written is not None:
            self._written.index_put_((rows, self._samples), states)
        else:
            self._source.index_put_((rows, self._samples), (self._kept + offset).expand_as(rows))
            self._slabs.append(states)
            self._kept += most
        self._passed = passed

    def states(self, last: Tensor) -> Tensor:
        """Return the states at all output times, shape ``[outputs, *y0.shape]``, given those at the last."""
        if self._written is not None:
            inside = self._written[:-1]
        else:
            inside = torch.cat(self._slabs)[self._source[:-1], self._samples]
        return torch.cat([self._y0[None], inside, last[None]])


def _inside(step: Step, theta: Tensor) -> Tensor:
    """Return states by the continuous extension, ``theta`` of shape ``[count, batch, 1, ..., 1]`` through the step."""
    inside, slopes = step.coefficients.inside, step.dense_slopes()
    powers = theta.flatten(1)[..., None] ** inside.powers
    weights = powers.to(inside.polynomials.dtype) @ inside.polynomials.t()
    flat = slopes.reshape(len(slopes), step.y0.shape[0], -1)
    return step.y0 + torch.einsum("cbs,sbn->cbn", weights, flat).view(len(theta), *step.y0.shape)
