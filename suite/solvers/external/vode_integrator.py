"""VODE's Adams method, step by step, through scipy's interface to it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np

from suite.solvers.error_norm import Norm
from suite.solvers.errors import IntegrationError, InvalidProblemError
from suite.solvers.external.host_field import Array, HostField
from suite.solvers.external.nodal_polynomial import NodalPolynomial
from suite.solvers.option_values import number_option

LARGEST_ORDER = 12
# Where VODE writes what it has done (its documentation, IWORK 14, 15, 21 and 22, counted from 1).
_ORDER_USED, _ORDER_NEXT, _CORRECTOR_FAILURES, _ERROR_TEST_FAILURES = 13, 14, 20, 21
_TOO_ACCURATE, _ILLEGAL, _ERROR_TEST, _CONVERGENCE, _WEIGHT_ZERO = -2, -3, -4, -5, -6
_REASONS = {
    _ERROR_TEST: "steps failed the error test again and again",
    _CONVERGENCE: "functional iteration did not converge at the smallest step; the problem may be stiff there",
}


@dataclass(frozen=True)
class VodeOptions:
    """Options of ``vode_adams``.

    Attributes:
        max_order: Largest order that VODE may choose, 1 to 12.
        first_step: First step size; chosen by VODE where it is 0.
        min_step: Smallest step.
        max_step: Largest step.
        max_num_steps: Largest number of steps of a solve.
        norm: Accepted for compatibility: VODE takes the root mean square over all entries of the state.
    """

    max_order: int = LARGEST_ORDER
    first_step: float = 0.0
    min_step: float = 0.0
    max_step: float = math.inf
    max_num_steps: float = 2**31 - 1
    norm: Norm | None = None

    def __post_init__(self) -> None:
        for name in ("max_order", "first_step", "min_step", "max_step", "max_num_steps"):
            value = number_option(name, getattr(self, name) or 0.0)
            if not value >= 0 or (name in ("max_step", "max_num_steps") and value == 0):
                raise InvalidProblemError(f"option {name} is positive, not {value:g}")
            object.__setattr__(self, name, value)
        if self.max_order not in range(1, LARGEST_ORDER + 1):
            raise InvalidProblemError(f"option max_order is a whole number from 1 to 12, not {self.max_order:g}")


class VodeIntegrator:
    """Takes VODE's steps one by one.

    Args:
        settings: Options.
        field: The field on the host.
        times: Output times.

    Attributes:
        time: Where it stands.
        y: State there.
    """

    def __init__(self, settings: VodeOptions, field: HostField, times: Sequence[float]) -> None:
        from scipy.integrate import ode

        rtol, atol = field.tolerances()
        self.time, self.y = times[0], field.y0
        # From the first output VODE takes the direction, and a first guess of its step size.
        self._field, self._first_output = field, times[min(1, len(times) - 1)]
        self._solver = ode(field).set_initial_value(field.y0, self.time)
        self._solver.set_integrator(
            "vode",
            method="adams",
            with_jacobian=False,
            rtol=rtol,
            atol=atol,
            order=int(settings.max_order),
            first_step=settings.first_step,
            min_step=settings.min_step,
            max_step=0.0 if math.isinf(settings.max_step) else settings.max_step,  # VODE says 0 for no limit
        )

    def step(self) -> None:
        """Take a step.

        Raises:
            IntegrationError: When VODE gives up, or its steps no longer get on.
        """
        y = self._field.guard(partial(self._solver.integrate, self._first_output, step=True))
        if not self._solver.successful():
            raise self._failure(self._solver.get_return_code())
        before, self.time, self.y = self.time, float(self._solver.t), y.copy()
        self._field.check_step("VODE", before, self.time, self.y)

    def at(self, time: float) -> Array:
        """Return the state at a time inside the last step, from VODE's own polynomial; costs no evaluation."""
        y: Array = self._solver.integrate(time).copy()
        return y

    def inside(self, before: float) -> NodalPolynomial:
        """Return VODE's polynomial over the last step, which began at ``before``."""
        degree = max(1, self._work[_ORDER_USED], self._work[_ORDER_NEXT])
        angles = np.pi * np.arange(degree + 1) / degree
        nodes = before + (self.time - before) * (1 - np.cos(angles)) / 2
        nodes[-1] = self.time
        return NodalPolynomial(nodes, np.stack([self.at(float(node)) for node in nodes]))

    @property
    def rejected(self) -> int:
        """Steps rejected so far, by the error test or because the iteration did not converge."""
        return int(self._work[_CORRECTOR_FAILURES] + self._work[_ERROR_TEST_FAILURES])

    @property
    def _work(self) -> Array:
        work: Array = self._solver._integrator.iwork
        return work

    def _failure(self, code: int) -> IntegrationError:
        if code in (_TOO_ACCURATE, _ILLEGAL, _WEIGHT_ZERO):
            reason = "the tolerance asks for more than double precision, or is zero where the state is"
            return IntegrationError(f"VODE gave up at t = {self.time:g}: {reason}", self.time)
        return self._field.failure("VODE", self.time, _REASONS.get(code, f"its return code is {code}"))
