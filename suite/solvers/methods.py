"""The registry of methods.

Registering one enrols it in every test of order, gradient, dtype and cost that fits its kind.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from suite.solvers import tableaus
from suite.solvers.errors import InvalidProblemError, UnknownMethodError
from suite.solvers.tableau import ButcherTableau


@dataclass(frozen=True, eq=False)
class Method:
    """A way to integrate an ODE, as users name it.

    Attributes:
        name: What users write.
        tableau: Its coefficients.
        adaptive: Whether it controls its step size; otherwise it steps from output to output, or by ``step_size``.
    """

    name: str
    tableau: ButcherTableau
    adaptive: bool

    def __post_init__(self) -> None:
        if self.adaptive and self.tableau.error_weights is None:
            raise InvalidProblemError(f"method {self.name!r} cannot be adaptive: its tableau has no embedded solution")

    @property
    def order(self) -> int:
        """Order of the solution: the global error falls with this power of the step size."""
        return self.tableau.order


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


def find(method: str | Method | ButcherTableau | None) -> Method:
    """Return a method from its name, itself, or a tableau of one's own (adaptive where it has an embedded solution).

    Raises:
        UnknownMethodError: When there is no method of that name.
    """
    if method is None:
        return METHODS["dopri5"]
    if isinstance(method, Method):
        return method
    if isinstance(method, ButcherTableau):
        return Method("custom", method, adaptive=method.error_weights is not None)
    if method not in METHODS:
        raise UnknownMethodError(f"unknown method {method!r}; the methods are {', '.join(sorted(METHODS))}")
    return METHODS[method]


for _name in ("euler", "midpoint", "heun2", "ralston", "heun3", "rk4", "rk4_classic"):
    register(Method(_name, getattr(tableaus, _name), adaptive=False))
for _name in ("adaptive_heun", "fehlberg2", "bosh3", "dopri5", "tsit5", "dopri8"):
    register(Method(_name, getattr(tableaus, _name), adaptive=True))
