"""One solve by one library as a function to time, without anything that the library itself does not do."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor

from reference.libraries.neutral_field import NeutralField
from reference.libraries.prepared import NeutralLibrary, prepare
from suite.declarations import Library
from suite.solvers import CountedField

Run = Callable[[], object]

WARM_UP = {"cpu": 1, "cuda": 3}
"""Calls before one that is measured, by the kind of device: they fill caches, and on CUDA they have graphs captured."""


@dataclass(frozen=True, eq=False)
class Solve:
    """What every contender does.

    Attributes:
        field: The vector field.
        y0: State at the first time, shape ``[batch, n]``.
        times: Output times.
        arguments: Method, tolerances and step size, as every library takes them.
        gradient: How to differentiate the mean square of the last state; empty for the states alone.
        backward_alone: Whether the backward pass alone is timed, after one forward pass.
    """

    field: NeutralField
    y0: Tensor
    times: Tensor
    arguments: dict[str, Any]
    gradient: str = ""
    backward_alone: bool = False

    def unseen(self) -> Solve:
        """Return the same on a GPU with a field that no solve has seen, so that its first call takes every step itself.

        A graph that is replayed dispatches nothing, and so hides what it does from whatever counts operations. On a
        CPU, where there are none, it is this one.
        """
        return self if self.y0.device.type == "cpu" else replace(self, field=copy.deepcopy(self.field))

    def able(self, library: Library) -> bool:
        """Say whether a library can do it."""
        if self.backward_alone and isinstance(library, NeutralLibrary):
            return False
        gradients = (*library.gradients, "")
        return self.arguments["method"] in library.methods and self.gradient in gradients

    def run(self, library: Library) -> Run:
        """Return the function to time. Of a library of torch it may end before the device does: who times it waits."""
        if isinstance(library, NeutralLibrary):
            return prepare(library, self.field, self.y0, self.times, gradient=self.gradient, **self.arguments).run
        return self._torch_run(library, self.field)

    def states(self, library: Library) -> Tensor:
        """Return the last states."""
        solve = prepare(library, self.field, self.y0, self.times, **self.arguments)
        solve.run()
        return solve.states[-1]

    def evaluations(self, library: Library) -> tuple[int, int]:
        """Return the evaluations of the field in one run, forwards and backwards.

        Those of a library outside torch are counted forwards alone.
        """
        if isinstance(library, NeutralLibrary):
            solve = prepare(library, self.field, self.y0, self.times, gradient=self.gradient, **self.arguments)
            solve.run()
            return solve.nfe, 0
        counted = CountedField(self.field)
        if not self.gradient:
            self._torch_run(library, counted)()
            return counted.nfe, 0
        loss, inputs = self._loss(library, counted)
        forward = counted.nfe
        torch.autograd.grad(loss, inputs)
        return 0 if self.backward_alone else forward, counted.nfe - forward

    def work(self, forward: int, backward: int) -> tuple[int, int]:
        """Return how many evaluations without and how many with a vector-Jacobian product a solve has to make.

        Args:
            forward: Its evaluations forwards.
            backward: Its evaluations backwards. Autograd through the steps makes none, and takes the products of those
                forwards instead.
        """
        return (0, forward) if self.gradient == "direct" else (forward, backward)

    def evaluate(self, times: int) -> Run:
        """Return a function that evaluates the field and does nothing else."""

        def run() -> None:
            with torch.no_grad():
                for _ in range(times):
                    self.field(self.times[0], self.y0)

        return run

    def multiply(self, times: int) -> Run:
        """Return a function that evaluates the field and its vector-Jacobian product, and does nothing else."""
        inputs = (self.y0.clone().requires_grad_(True), *self.field.parameters())
        cotangent = torch.ones_like(self.y0)

        def run() -> None:
            for _ in range(times):
                torch.autograd.grad(self.field(self.times[0], inputs[0]), inputs, cotangent)

        return run

    def _torch_run(self, library: Library, field: torch.nn.Module) -> Run:
        if not self.gradient:

            def forward() -> Tensor:
                with torch.no_grad():
                    return library.odeint(field, self.y0, self.times, **self.arguments)

            return forward
        if self.backward_alone:
            loss, inputs = self._loss(library, field)
            return lambda: torch.autograd.grad(loss, inputs, retain_graph=True)

        def both() -> tuple[Tensor, ...]:
            loss, inputs = self._loss(library, field)
            return torch.autograd.grad(loss, inputs)

        return both

    def _loss(self, library: Library, field: torch.nn.Module) -> tuple[Tensor, tuple[Tensor, ...]]:
        start = self.y0.detach().requires_grad_(True)
        states = library.odeint(field, start, self.times, gradient=self.gradient, **self.arguments)
        return states[-1].square().mean(), (start, *self.field.parameters())
