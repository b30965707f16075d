"""The registry of methods.

Registering one enrols it in every test of order, gradient, dtype and cost that fits its kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from suite.solvers import tableaus
from suite.solvers.adams.methods import ExplicitAdams, FixedOrderAdams, ImplicitAdams
from suite.solvers.errors import InvalidProblemError, UnknownMethodError
from suite.solvers.external.scipy import ScipySolver
from suite.solvers.external.vode import VodeAdams
from suite.solvers.implicit.method import ImplicitMethod
from suite.solvers.method import ExplicitRungeKutta, Method
from suite.solvers.reversible import AsynchronousLeapfrog, ReversibleHeun
from suite.solvers.tableau import ButcherTableau

MethodName = str | Method | ButcherTableau | None
"""How a user says which method: its name, itself, a tableau of one's own, or None for dopri5."""

_methods: dict[str, Method] = {}
METHODS: Mapping[str, Method] = MappingProxyType(_methods)
"""Every registered method by name."""


def register(method: Method) -> Method:
    """Add a method to the registry.

    Raises:
        InvalidProblemError: When the name is taken.
    """
    if method.name in _methods:
        raise InvalidProblemError(f"a method named {method.name!r} is registered already")
    _methods[method.name] = method
    return method


def find(method: MethodName) -> Method:
    """Return a method from its name, itself, or a tableau of one's own (adaptive where it has an embedded solution).

    Raises:
        UnknownMethodError: When there is no method of that name.
    """
    if method is None:
        return METHODS["dopri5"]
    if isinstance(method, str) and method in METHODS:
        return METHODS[method]
    if isinstance(method, Method):
        return method
    if isinstance(method, ButcherTableau):
        return ExplicitRungeKutta("custom", method, adaptive=method.error_weights is not None)
    raise UnknownMethodError(f"unknown method {method!r}; the methods are {', '.join(sorted(METHODS))}")


def explicit_methods() -> dict[str, ExplicitRungeKutta]:
    """Return the registered explicit Runge-Kutta methods by name."""
    return {name: method for name, method in METHODS.items() if isinstance(method, ExplicitRungeKutta)}


for _name in ("euler", "midpoint", "heun2", "ralston", "heun3", "rk4", "rk4_classic"):
    register(ExplicitRungeKutta(_name, getattr(tableaus, _name), adaptive=False))
for _name in ("adaptive_heun", "fehlberg2", "bosh3", "dopri5", "tsit5", "dopri8"):
    register(ExplicitRungeKutta(_name, getattr(tableaus, _name), adaptive=True))
for _name in ("implicit_euler", "implicit_midpoint", "trapezoid", "gl4", "gl6", "sdirk2", "trbdf2"):
    register(ImplicitMethod(_name, getattr(tableaus, _name)))
register(ImplicitMethod("radauIIA3", tableaus.radau_iia3))
register(ImplicitMethod("radauIIA5", tableaus.radau_iia5))
register(ReversibleHeun("reversible_heun", 2))
register(AsynchronousLeapfrog("asynchronous_leapfrog", 2))
register(ExplicitAdams("explicit_adams"))
register(ImplicitAdams("implicit_adams"))
register(ImplicitAdams("fixed_adams"))
register(FixedOrderAdams("ab2", 2))
register(FixedOrderAdams("ab3", 3))
register(ScipySolver("scipy_solver"))
register(VodeAdams("vode_adams"))
