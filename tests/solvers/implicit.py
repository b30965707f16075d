"""The implicit methods, by name, for the tests that hold for all of them."""

from __future__ import annotations

from suite.solvers import METHODS, ImplicitMethod, ImplicitTableau

TABLEAUS: dict[str, ImplicitTableau] = {
    name: method.tableau for name, method in METHODS.items() if isinstance(method, ImplicitMethod)
}
GAUSS = {"implicit_midpoint": 1, "gl4": 2, "gl6": 3}
RADAU = {"implicit_euler": 1, "radauIIA3": 2, "radauIIA5": 3}
