"""Implicit tableaus check themselves; their stability functions are those that the books prove."""

from __future__ import annotations

from math import factorial, sqrt
from typing import Any

import numpy as np
import pytest
from mpmath import pade

from suite.solvers import ImplicitTableau, InconsistentTableauError
from tests.solvers.implicit import GAUSS, RADAU, TABLEAUS

TRAPEZOID: dict[str, Any] = {"a": ((0, 0), (0.5, 0.5)), "b": (0.5, 0.5), "order": 2, "source": "trapezoid"}
POINTS = [-0.3, -4.0, 1j, -2 + 3j, 0.5 - 0.2j]


def test_all_nine_implicit_methods_are_registered_with_their_orders() -> None:
    assert {name: tableau.order for name, tableau in TABLEAUS.items()} == {
        "implicit_euler": 1,
        "implicit_midpoint": 2,
        "trapezoid": 2,
        "radauIIA3": 3,
        "radauIIA5": 5,
        "gl4": 4,
        "gl6": 6,
        "sdirk2": 2,
        "trbdf2": 2,
    }
    assert all(any(character.isdigit() for character in tableau.source) for tableau in TABLEAUS.values())


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"a": ((0, 0),)}, r"2 stages has as many rows of as many coefficients, not \[2\]"),
        ({"a": ((0,), (0.5, 0.5))}, r"not \[1, 2\]"),
        ({"b": (0.5, 0.4)}, "the solution declares order 2, its coefficients have 0"),
        ({"order": 3}, "the solution declares order 3, its coefficients have 2"),
        ({"order": 1}, "the solution declares order 1, its coefficients have at least 2"),
        ({"a": ((0, 0), (1, 0))}, "no stage of this tableau is implicit; make it a ButcherTableau"),
    ],
)
def test_implicit_tableau_that_contradicts_itself_is_refused(change: dict[str, Any], words: str) -> None:
    ImplicitTableau(**TRAPEZOID)
    with pytest.raises(InconsistentTableauError, match=words):
        ImplicitTableau(**(TRAPEZOID | change))


def test_stages_that_depend_on_each_other_by_a_singular_matrix_are_refused() -> None:
    with pytest.raises(InconsistentTableauError, match="stages 1 to 2 depend on each other by a singular matrix"):
        ImplicitTableau(a=((0.25, 0.25), (0.5, 0.5)), b=(0.5, 0.5), order=1, source="none")


@pytest.mark.parametrize("name", GAUSS)
def test_nodes_of_gauss_methods_are_the_roots_of_the_legendre_polynomial(name: str) -> None:
    roots, weights = np.polynomial.legendre.leggauss(GAUSS[name])
    np.testing.assert_allclose(TABLEAUS[name].nodes, (1 + roots) / 2, rtol=0, atol=1e-15)
    np.testing.assert_allclose(TABLEAUS[name].weights, weights / 2, rtol=0, atol=1e-15)


@pytest.mark.parametrize("name", RADAU)
def test_nodes_of_radau_methods_are_the_roots_of_their_polynomial(name: str) -> None:
    """They are the roots of ``P_s - P_(s-1)``, shifted to the unit interval."""
    s = RADAU[name]
    polynomial = np.polynomial.legendre.Legendre.basis(s) - np.polynomial.legendre.Legendre.basis(s - 1)
    np.testing.assert_allclose(TABLEAUS[name].nodes, np.sort(0.5 + polynomial.roots().real / 2), rtol=0, atol=1e-14)


@pytest.mark.parametrize("name", [*GAUSS, *RADAU])
def test_collocation_methods_integrate_polynomials_exactly_up_to_every_node(name: str) -> None:
    """``sum_j a_ij c_j^(q-1) = c_i^q / q`` for q up to the number of stages defines a from c."""
    tableau = TABLEAUS[name]
    for q in range(1, tableau.stages + 1):
        np.testing.assert_allclose(
            tableau.coefficients @ tableau.nodes ** (q - 1), tableau.nodes**q / q, rtol=0, atol=1e-15
        )


def test_structure_is_derived() -> None:
    assert {name for name, tableau in TABLEAUS.items() if not tableau.diagonally_implicit} == {
        *("radauIIA3", "radauIIA5", "gl4", "gl6")
    }
    assert {name for name, tableau in TABLEAUS.items() if not tableau.stiffly_accurate} == set(GAUSS)
    assert {name for name, tableau in TABLEAUS.items() if tableau.is_explicit(tableau.blocks[0])} == {
        *("trapezoid", "trbdf2")
    }
    assert [len(TABLEAUS[name].blocks) for name in ("gl6", "trapezoid", "trbdf2")] == [1, 2, 3]


@pytest.mark.parametrize("name", TABLEAUS)
def test_stability_function_of_collocation_methods_is_the_pade_approximation_of_exp(name: str) -> None:
    if name in ("sdirk2", "trbdf2"):
        gamma = 1 - sqrt(2) / 2
        numerator = np.poly1d([1 - 2 * gamma, 1])
        denominator = np.poly1d([gamma**2, -2 * gamma, 1])
    else:
        s = {**GAUSS, **RADAU, "trapezoid": 1}[name]
        top = s - 1 if name in RADAU else s
        ascending = pade([1 / factorial(k) for k in range(s + top + 1)], top, s)
        numerator, denominator = (np.poly1d([float(each) for each in reversed(part)]) for part in ascending)
    for z in POINTS:
        assert TABLEAUS[name].stability(z) == pytest.approx(complex(numerator(z) / denominator(z)), abs=1e-13)


@pytest.mark.parametrize("name", TABLEAUS)
def test_every_implicit_method_is_a_stable(name: str) -> None:
    """No pole in the left half plane, and nowhere above one on its edge: by the maximum principle, nowhere inside."""
    tableau = TABLEAUS[name]
    assert max(abs(tableau.stability(1j * y)) for y in np.logspace(-3, 4, 300)) <= 1 + 1e-12
    assert (np.linalg.eigvals(tableau.coefficients).real >= 0).all()


@pytest.mark.parametrize("name", TABLEAUS)
def test_l_stable_methods_are_those_of_radau_and_of_the_second_order_diagonal_kind(name: str) -> None:
    at_infinity = abs(TABLEAUS[name].stability(-1e7))
    if name in (*RADAU, "sdirk2", "trbdf2"):
        assert at_infinity < 1e-5
    else:
        assert at_infinity == pytest.approx(1, abs=1e-5)
