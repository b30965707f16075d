"""One Runge-Kutta step written as a function of tensors alone, to be compiled."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from suite.solvers.coefficients import Coefficients
from suite.solvers.stage_sum import Terms
from suite.solvers.state import StateLayout

Parts = tuple[Tensor, ...]


@dataclass(frozen=True)
class Evaluation(ABC):
    """A vector field as the compiler sees it: on the parts of a state, and a function of nothing but its arguments.

    Attributes:
        shape: Shape of the state as the solver has it; a vector where it has several parts.
        shapes: Shapes of its parts.
        read: How many of them, from the first, the field reads; the others are quadratures.
    """

    shape: torch.Size
    shapes: tuple[torch.Size, ...]
    read: int

    @abstractmethod
    def __call__(self, subject: Any, t: Tensor, parts: Parts) -> Parts:
        """Return the derivatives of all parts, given those that are read; ``subject`` is the user's vector field."""

    def split(self, state: Tensor) -> Parts:
        """Return the parts of a state."""
        if len(self.shapes) == 1:
            return (state.view(self.shapes[0]),)
        pieces = state.split([shape.numel() for shape in self.shapes])
        return tuple([piece.view(shape) for piece, shape in zip(pieces, self.shapes, strict=True)])

    def join(self, parts: Sequence[Tensor]) -> Tensor:
        """Return the state of these parts."""
        if len(parts) == 1:
            return parts[0].reshape(self.shape)
        return torch.cat([part.reshape(-1) for part in parts])

    def function(self) -> Callable[..., Parts]:
        """Return ``(subject, t, state) -> (derivative,)``."""
        evaluation = self

        def derivative(subject: Any, t: Tensor, state: Tensor) -> Parts:
            return (evaluation.join(evaluation(subject, t, evaluation.split(state)[: evaluation.read])),)

        return derivative


@dataclass(frozen=True)
class PackedEvaluation(Evaluation):
    """The vector field on the packed state.

    Attributes:
        layout: How the state is packed.
    """

    layout: StateLayout

    @classmethod
    def of(cls, layout: StateLayout) -> PackedEvaluation:
        """Return the evaluation of a vector field on states of a layout."""
        return cls(layout.shape, (layout.shape,), 1, layout)

    def __call__(self, subject: Any, t: Tensor, parts: Parts) -> Parts:
        """Return the derivative of the packed state."""
        derivative = subject(t, self.layout.unpack(parts[0]))
        return (self.layout.pack(tuple(derivative)) if self.layout.is_tuple else derivative,)


@dataclass(frozen=True)
class StepGraph:
    """What is fixed in a compiled step.

    Attributes:
        coefficients: The tableau, bound to dtype and device.
        evaluation: The vector field.
        fresh: Whether the step evaluates the field at the start; otherwise it is an argument.
        slopes: Whether the stage derivatives are among the results.
        sizes: The error is the largest root mean square over parts of so many entries, from the first entry of the
            state; None where the step does not measure its error.
    """

    coefficients: Coefficients
    evaluation: Evaluation
    fresh: bool = False
    slopes: bool = True
    sizes: tuple[int, ...] | None = None

    def function(self) -> Callable[..., Parts]:
        """Return ``(subject, clock, y[, f0][, rtol, atol]) -> (y1[, f1][, error][, slopes])``.

        ``clock`` holds the time of every stage and the step size, shape ``[stages + 1]`` or one by one; ``f1`` is a
        result of methods whose last stage is the field at the end, ``error`` is 0-dimensional, ``slopes`` has shape
        ``[stages, *state]``.
        """
        evaluation, fresh, wants_slopes, sizes = self.evaluation, self.fresh, self.slopes, self.sizes
        rows, weights, error_terms = (
            self.coefficients.row_terms,
            self.coefficients.weight_terms,
            self.coefficients.error_terms,
        )
        stages, same, read = len(rows), self.coefficients.first_same_as_last, evaluation.read

        def step(subject: Any, clock: Tensor | Sequence[Tensor], y: Tensor, *rest: Tensor) -> Parts:
            size = clock[stages].to(y.dtype)
            start = evaluation.split(y)
            inside = start[:read]
            slopes = [evaluation(subject, clock[0], inside) if fresh else evaluation.split(rest[0])]
            for stage in range(1, stages):
                inside = _advance(start[:read], size, slopes, rows[stage])
                slopes.append(evaluation(subject, clock[stage], inside))
            end = evaluation.join(_advance(start, size, slopes, rows[-1] if same else weights))
            results = [end, evaluation.join(slopes[-1])] if same else [end]
            if sizes is not None:
                with torch.no_grad():
                    error = evaluation.join([size * _sum(slopes, part, error_terms) for part in range(len(start))])
                    allowed = rest[-1] + rest[-2] * torch.maximum(y.abs(), end.abs())
                    results.append(root_mean_square(error / allowed, sizes))
            if wants_slopes:
                results.append(torch.stack([evaluation.join(slope) for slope in slopes]))
            return tuple(results)

        return step


@dataclass(frozen=True)
class GridGraph:
    """What is fixed in several steps over a fixed grid that are compiled as one.

    Attributes:
        coefficients: As in :class:`StepGraph`.
        evaluation: Likewise.
        fresh: Likewise, for the first step.
        count: Number of steps.
    """

    coefficients: Coefficients
    evaluation: Evaluation
    fresh: bool
    count: int

    def function(self) -> Callable[..., Parts]:
        """Return ``(subject, clocks, y[, f0]) -> (states[, f1])``.

        ``clocks`` holds the ``clock`` of every step, shape ``[count, stages + 1]``; ``states`` the state at the end of
        every step, shape ``[count, *state]``; ``f1`` is the field at the last of them where it comes for free.
        """
        first, count, same = self.fresh, self.count, self.coefficients.first_same_as_last
        own = StepGraph(self.coefficients, self.evaluation, fresh=True, slopes=False).function()
        going = StepGraph(self.coefficients, self.evaluation, fresh=not same, slopes=False).function()

        def several(subject: Any, clocks: Tensor, y: Tensor, *rest: Tensor) -> Parts:
            states: list[Tensor] = []
            known: Sequence[Tensor] = rest
            for index in range(count):
                step = own if first and index == 0 else going
                y, *known = step(subject, clocks[index], y, *known)
                states.append(y)
            return torch.stack(states), *known

        return several


@dataclass(frozen=True)
class StartGraph:
    """What is fixed in the search for a first step.

    Attributes:
        evaluation: The vector field.
        sizes: As in :class:`StepGraph`.
        fresh: Likewise.
    """

    evaluation: Evaluation
    sizes: tuple[int, ...]
    fresh: bool

    def function(self) -> Callable[..., Parts]:
        """Return ``(subject, clock, y[, f0], rtol, atol) -> (sizes, f0)``, with time and direction in ``clock``.

        ``sizes`` are those of :func:`suite.solvers.initial_step.starting_sizes`, shape ``[4]``.
        """
        evaluation, sizes, fresh = self.evaluation, self.sizes, self.fresh

        def start(subject: Any, clock: Tensor, y: Tensor, *rest: Tensor) -> Parts:
            read = evaluation.read
            parts = evaluation.split(y)
            f0 = evaluation.join(evaluation(subject, clock[0], parts[:read])) if fresh else rest[0] + 0
            allowed = rest[-1] + rest[-2] * y.abs()
            size_y, size_f = root_mean_square(y / allowed, sizes), root_mean_square(f0 / allowed, sizes)
            trial = torch.where(torch.minimum(size_y, size_f) < 1e-5, 1e-6, 0.01 * size_y / size_f)
            signed = trial * clock[1]
            inside = evaluation.split(y + signed.to(y.dtype) * f0)[:read]
            f1 = evaluation.join(evaluation(subject, clock[0] + signed.to(clock.dtype), inside))
            curvature = root_mean_square((f1 - f0) / allowed, sizes) / trial
            return torch.stack([size_y, size_f, curvature, trial]), f0

        return start


def _advance(start: Parts, size: Tensor, slopes: Sequence[Parts], terms: Terms) -> Parts:
    return tuple([value + size * _sum(slopes, part, terms) for part, value in enumerate(start)])


def _sum(slopes: Sequence[Parts], part: int, terms: Terms) -> Tensor:
    index, weight = terms[0]
    total = weight * slopes[index][part]
    for index, weight in terms[1:]:
        total = total + weight * slopes[index][part]
    return total


def root_mean_square(scaled: Tensor, sizes: tuple[int, ...]) -> Tensor:
    """Return the largest root mean square over parts of so many entries, from the first entry on."""
    pieces = scaled.reshape(-1)[: sum(sizes)].split(sizes)
    means = [(piece * piece).sum() / max(size, 1) for piece, size in zip(pieces, sizes, strict=True)]
    return torch.sqrt(torch.stack(means).max() if len(means) > 1 else means[0])
