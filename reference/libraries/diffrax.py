"""diffrax, the jax library of Kidger (2021), behind the call that every library answers."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import AbstractContextManager, nullcontext
from functools import lru_cache
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from reference.libraries.fixed_grid import grid_with_outputs
from reference.libraries.installed import installed_version
from reference.libraries.neutral_field import NeutralField
from reference.libraries.prepared import (
    MOST_EVALUATIONS,
    EvaluationLimitError,
    NeutralLibrary,
    Prepared,
    SolveFailedError,
)
from suite.declarations import LibraryMissingError

# By default jax takes three quarters of a GPU at its first use, and then no other cell fits beside this one.
os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")

SOLVERS = {
    "euler": "Euler",
    "midpoint": "Midpoint",
    "heun2": "Heun",
    "ralston": "Ralston",
    "adaptive_heun": "Heun",
    "bosh3": "Bosh3",
    "dopri5": "Dopri5",
    "tsit5": "Tsit5",
    "dopri8": "Dopri8",
}
"""diffrax's name of each method."""
FIXED = frozenset({"euler", "midpoint", "heun2", "ralston"})
GRADIENT_STEPS = 4096
"""Most steps of a solve that is differentiated through: its checkpoints are laid out for this many."""


class Diffrax(NeutralLibrary):
    """diffrax's ``diffeqsolve``, compiled by jax, with its default (integral) step control.

    It takes a :class:`~reference.libraries.neutral_field.NeutralField` and nothing else. A solve is compiled once for
    each field, method, way to differentiate and shape, on the first run; tolerances are arguments of the compiled
    solve. ``direct`` differentiates through the steps with recursive checkpoints, ``adjoint`` is ``BacksolveAdjoint``.

    A compiled field cannot count, so evaluations are computed from the number of steps: those of a step, the two of the
    initial-step search, and the one of a first-same-as-last method's start. What the compiler merges is counted all the
    same; a test holds the number to within 3 of the evaluations that a callback in the field sees.
    """

    name = "diffrax"
    methods = frozenset(SOLVERS)
    gradients = ("direct", "adjoint")

    def version(self) -> str:
        """Return the installed version.

        Raises:
            LibraryMissingError: When it is not installed.
        """
        return installed_version("diffrax")

    def prepare(
        self,
        vector_field: nn.Module,
        y0: Tensor,
        t: Tensor,
        *,
        method: str,
        rtol: float,
        atol: float,
        step_size: float | None = None,
        gradient: str = "",
        most_evaluations: int = MOST_EVALUATIONS,
    ) -> Prepared:
        """Prepare a solve; see :func:`reference.libraries.prepared.prepare`.

        Raises:
            TypeError: For a field without a formula.
        """
        if not isinstance(vector_field, NeutralField):
            raise TypeError(f"diffrax takes a NeutralField, not a {type(vector_field).__name__}, of torch alone")
        grid = None
        if method in FIXED:
            grid = t if step_size is None else grid_with_outputs(t, step_size)
        return _DiffraxSolve(vector_field, y0, t, method, gradient, (rtol, atol), grid, most_evaluations)


class _DiffraxSolve(Prepared):
    def __init__(
        self,
        field: NeutralField,
        y0: Tensor,
        t: Tensor,
        method: str,
        gradient: str,
        tolerances: tuple[float, float],
        grid: Tensor | None,
        most: int,
    ) -> None:
        per_step, before = _evaluations(method)
        self._precision = _precision(y0.dtype)
        self._per_step, self._before, self._most = per_step, before, most
        steps = GRADIENT_STEPS if gradient == "direct" else most // per_step
        self._solve = _compiled(field, method, gradient, steps)
        times = [t] if grid is None else [t, grid]
        with self._precision():
            self._arguments = (
                _as_jax(y0),
                tuple(_as_jax(number) for number in field.numbers()),
                tuple(_as_jax(each) for each in times),
                tolerances,
            )
        self._parameters = len(tuple(field.parameters()))
        self._result: Any = None

    def run(self) -> None:
        import jax

        with self._precision():
            self._result = jax.block_until_ready(self._solve(*self._arguments))
        (_, succeeded, steps), _ = self._result
        if not bool(succeeded):
            if self._per_step * int(steps) >= self._most - self._per_step:
                raise EvaluationLimitError(self._most)
            raise SolveFailedError(f"diffrax gave up after {int(steps)} steps")

    @property
    def states(self) -> Tensor:
        return torch.from_numpy(np.array(self._result[0][0]))

    @property
    def gradients(self) -> tuple[Tensor, ...]:
        if self._result[1] is None:
            return ()
        by_y0, by_numbers = self._result[1]
        return tuple(torch.from_numpy(np.array(each)) for each in (by_y0, *by_numbers[: self._parameters]))

    @property
    def nfe(self) -> int:
        return self._per_step * int(self._result[0][2]) + self._before


def _as_jax(tensor: Tensor) -> Any:
    """Return a tensor as an array of jax on the same kind of device; what is computed from it stays there."""
    import jax

    kind = tensor.device.type
    try:
        device = jax.devices(kind)[0]
    except RuntimeError:
        raise LibraryMissingError(f"the installed jax sees no device of the kind {kind!r}") from None
    return jax.device_put(tensor.detach().cpu().numpy(), device)


def _precision(dtype: torch.dtype) -> Callable[[], AbstractContextManager[Any]]:
    """Return a context in which jax keeps a dtype: only inside it are its arrays double."""
    import jax

    return (lambda: jax.enable_x64(True)) if dtype == torch.float64 else nullcontext


def _evaluations(method: str) -> tuple[int, int]:
    """Return the evaluations of one step, and those before the first."""
    import diffrax

    tableau = getattr(getattr(diffrax, SOLVERS[method])(), "tableau", None)
    if tableau is None:
        return 1, 0
    search = 0 if method in FIXED else 2
    return (tableau.num_stages - 1, search + 1) if tableau.fsal else (tableau.num_stages, search)


@lru_cache(maxsize=128)
def _compiled(field: NeutralField, method: str, gradient: str, most_steps: int) -> Callable[..., Any]:
    """Return ``solve(y0, numbers, times, tolerances) -> ((states, succeeded, steps), gradients or None)``, jitted."""
    import diffrax
    import jax
    import jax.numpy as jnp

    def derivative(t: Any, y: Any, numbers: Any) -> Any:
        return field.formula(jnp, t, y, *numbers)

    solver = getattr(diffrax, SOLVERS[method])()
    adjoint = diffrax.BacksolveAdjoint() if gradient == "adjoint" else diffrax.RecursiveCheckpointAdjoint()

    def solve(y0: Any, numbers: Any, times: Any, tolerances: Any) -> Any:
        t = times[0]
        controller = (
            diffrax.StepTo(ts=times[1])
            if method in FIXED
            else diffrax.PIDController(rtol=tolerances[0], atol=tolerances[1])
        )
        solution = diffrax.diffeqsolve(
            diffrax.ODETerm(derivative),
            solver,
            t[0],
            t[-1],
            None,
            y0,
            numbers,
            # The last state itself where no other is asked for, not the interpolant's value there.
            saveat=diffrax.SaveAt(t0=True, t1=True) if len(t) == 2 else diffrax.SaveAt(ts=t),
            stepsize_controller=controller,
            adjoint=adjoint,
            max_steps=most_steps,
            throw=False,
        )
        return solution.ys, solution.result == diffrax.RESULTS.successful, solution.stats["num_steps"]

    def loss(y0: Any, numbers: Any, times: Any, tolerances: Any) -> Any:
        outcome = solve(y0, numbers, times, tolerances)
        return (outcome[0][-1] ** 2).mean(), outcome

    def differentiated(*arguments: Any) -> Any:
        (_, outcome), gradients = jax.value_and_grad(loss, argnums=(0, 1), has_aux=True)(*arguments)
        return outcome, gradients

    compiled: Callable[..., Any] = jax.jit(differentiated if gradient else lambda *arguments: (solve(*arguments), None))
    return compiled
