"""A tableau that contradicts itself cannot be made; what can be derived is derived."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from suite.solvers import (
    ButcherTableau,
    ExplicitRungeKutta,
    InconsistentTableauError,
    InvalidProblemError,
    alpha_family,
    explicit_methods,
)
from suite.solvers.methods import register

HEUN: dict[str, Any] = {"a": ((1,),), "b": (0.5, 0.5), "order": 2, "source": "Heun"}


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"a": ()}, r"2 stages has rows of 1 to 1 coefficients, not \[\]"),
        ({"a": ((1, 0),)}, r"2 stages has rows of 1 to 1 coefficients, not \[2\]"),
        ({"b": (0.5, 0.4)}, "the solution declares order 2, its coefficients have 0"),
        ({"b": (0.4, 0.6)}, "the solution declares order 2, its coefficients have 1"),
        ({"order": 3}, "the solution declares order 3, its coefficients have 2"),
        ({"order": 1}, "the solution declares order 1, its coefficients have at least 2"),
        ({"b_embedded": (1, 0)}, "an embedded solution needs both its weights and its order"),
        ({"embedded_order": 1}, "an embedded solution needs both its weights and its order"),
        ({"b_embedded": (1,), "embedded_order": 1}, "the embedded solution has 1 weights for 2 stages"),
        ({"b_embedded": (0.9, 0), "embedded_order": 1}, "the embedded solution declares order 1, .* have 0"),
        ({"b_embedded": (0.5, 0.5), "embedded_order": 1}, "the embedded solution declares order 1, .* at least 2"),
    ],
)
def test_tableau_that_contradicts_itself_is_refused(change: dict[str, Any], words: str) -> None:
    ButcherTableau(**HEUN)
    with pytest.raises(InconsistentTableauError, match=words):
        ButcherTableau(**(HEUN | change))


@pytest.mark.parametrize("alpha", [0, -0.5, 1.5, float("nan")])
def test_alpha_outside_the_unit_interval_is_refused(alpha: float) -> None:
    with pytest.raises(InconsistentTableauError, match=r"alpha in \(0, 1\]"):
        alpha_family(alpha)


@pytest.mark.parametrize("name", explicit_methods())
def test_published_nodes_are_the_row_sums(name: str) -> None:
    published: dict[str, list[Fraction | float]] = {
        "euler": [0],
        "midpoint": [0, Fraction(1, 2)],
        "heun2": [0, 1],
        "ralston": [0, Fraction(2, 3)],
        "heun3": [0, Fraction(1, 3), Fraction(2, 3)],
        "rk4": [0, Fraction(1, 3), Fraction(2, 3), 1],
        "rk4_classic": [0, Fraction(1, 2), Fraction(1, 2), 1],
        "adaptive_heun": [0, 1],
        "fehlberg2": [0, Fraction(1, 2), 1],
        "bosh3": [0, Fraction(1, 2), Fraction(3, 4), 1],
        "dopri5": [0, Fraction(1, 5), Fraction(3, 10), Fraction(4, 5), Fraction(8, 9), 1, 1],
        "tsit5": [0, 0.161, 0.327, 0.9, 0.9800255409045097, 1, 1],
        "dopri8": [
            *(0, Fraction(1, 18), Fraction(1, 12), Fraction(1, 8), Fraction(5, 16), Fraction(3, 8), Fraction(59, 400)),
            *(Fraction(93, 200), Fraction(5490023248, 9719169821), Fraction(13, 20)),
            *(Fraction(1201146811, 1299019798), 1, 1),
        ],
    }
    np.testing.assert_allclose(
        explicit_methods()[name].tableau.nodes, [float(c) for c in published[name]], rtol=0, atol=1e-14
    )


def test_first_same_as_last_is_derived() -> None:
    assert {name for name, method in explicit_methods().items() if method.tableau.first_same_as_last} == {
        "bosh3",
        "dopri5",
        "tsit5",
    }


def test_every_registered_method_states_where_its_coefficients_come_from() -> None:
    for name, method in explicit_methods().items():
        assert any(character.isdigit() for character in method.tableau.source), name


def test_method_without_an_embedded_solution_cannot_be_adaptive() -> None:
    with pytest.raises(InvalidProblemError, match="'mine' cannot be adaptive: its tableau has no embedded solution"):
        ExplicitRungeKutta("mine", explicit_methods()["rk4"].tableau, adaptive=True)


def test_name_of_a_method_is_registered_once() -> None:
    with pytest.raises(InvalidProblemError, match="'rk4' is registered already"):
        register(ExplicitRungeKutta("rk4", explicit_methods()["rk4"].tableau, adaptive=False))
