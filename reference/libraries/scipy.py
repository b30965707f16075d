"""scipy's Runge-Kutta methods, behind the call that every library answers."""

from __future__ import annotations

import warnings
from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from reference.libraries.installed import installed_version
from reference.libraries.neutral_field import NeutralField
from reference.libraries.prepared import (
    MOST_EVALUATIONS,
    EvaluationLimitError,
    NeutralLibrary,
    Prepared,
    SolveFailedError,
)

METHODS = {"bosh3": "RK23", "dopri5": "RK45", "dopri8": "DOP853", "radau": "Radau", "lsoda": "LSODA"}
"""scipy's name of each method. DOP853 is Hairer's pair of order 8, not the one that torch libraries call dopri8."""

FloatArray = NDArray[np.float64]


class Scipy(NeutralLibrary):
    """``scipy.integrate.solve_ivp`` in double precision.

    It differentiates nothing. A :class:`NeutralField` is evaluated by numpy, any other by torch. Evaluations are
    counted by the field that it is given.
    """

    name = "scipy"
    methods = frozenset(METHODS)
    gradients = ()

    def version(self) -> str:
        """Return the installed version.

        Raises:
            LibraryMissingError: When it is not installed.
        """
        return installed_version("scipy")

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
            ValueError: When a gradient or a fixed step is asked for; it has neither.
        """
        if gradient or step_size is not None:
            raise ValueError("scipy has no gradients and no fixed steps")
        start = y0.detach().cpu().double()
        field = _numpy_field(vector_field, start, y0.dtype)
        return _ScipySolve(field, start, t.detach().cpu().double(), METHODS[method], rtol, atol, most_evaluations)


class _ScipySolve(Prepared):
    def __init__(
        self,
        field: Callable[[float, FloatArray], FloatArray],
        y0: Tensor,
        t: Tensor,
        method: str,
        rtol: float,
        atol: float,
        most: int,
    ) -> None:
        self._field = field
        self._y0 = y0
        self._t: FloatArray = t.numpy()
        self._how = {"method": method, "rtol": rtol, "atol": atol}
        self._most = most
        self._nfe = 0
        self._states: FloatArray = np.empty(0)

    def _counted(self, t: float, y: FloatArray) -> FloatArray:
        if self._nfe >= self._most:
            raise EvaluationLimitError(self._most)
        self._nfe += 1
        return self._field(t, y)

    def run(self) -> None:
        from scipy.integrate import solve_ivp

        self._nfe = 0
        t, ends = self._t, (self._t[0], self._t[-1])
        inside = None if len(t) == 2 else t
        with warnings.catch_warnings():
            # LSODA warns beside the failure that is raised below; a field may overflow on the way to it.
            warnings.simplefilter("ignore")
            solution = solve_ivp(self._counted, ends, self._y0.reshape(-1).numpy(), t_eval=inside, **self._how)
        if not solution.success:
            raise SolveFailedError(f"scipy: {solution.message}")
        self._states = solution.y.T if inside is not None else solution.y.T[[0, -1]]

    @property
    def states(self) -> Tensor:
        return torch.from_numpy(np.ascontiguousarray(self._states)).reshape(-1, *self._y0.shape)

    @property
    def gradients(self) -> tuple[Tensor, ...]:
        return ()

    @property
    def nfe(self) -> int:
        return self._nfe


def _numpy_field(vector_field: nn.Module, y0: Tensor, dtype: torch.dtype) -> Callable[[float, FloatArray], FloatArray]:
    shape = tuple(y0.shape)
    if isinstance(vector_field, NeutralField):
        numbers = tuple(number.detach().cpu().double().numpy() for number in vector_field.numbers())

        def by_numpy(t: float, y: FloatArray) -> FloatArray:
            derivative: FloatArray = vector_field.formula(np, t, y.reshape(shape), *numbers)
            return derivative.reshape(-1)

        return by_numpy

    @torch.no_grad()
    def by_torch(t: float, y: FloatArray) -> FloatArray:
        state = torch.from_numpy(y).to(dtype).reshape(shape)
        derivative: Tensor = vector_field(torch.tensor(t, dtype=dtype), state)
        result: FloatArray = derivative.double().reshape(-1).numpy()
        return result

    return by_torch
