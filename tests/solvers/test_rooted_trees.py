"""Rooted trees against Cayley's count and the tables of Hairer, Norsett and Wanner I, section II.2."""

from __future__ import annotations

import itertools
from math import factorial

import numpy as np
import pytest

from suite.solvers.order_conditions import Tree, density, elementary_weights, satisfied_order, size, symmetry, trees
from suite.solvers.tableaus import dopri5, dopri8, rk4

DOT: Tree = ()


def bushy(leaves: int) -> Tree:
    return (DOT,) * leaves


def tall(vertices: int) -> Tree:
    tree = DOT
    for _ in range(vertices - 1):
        tree = (tree,)
    return tree


def test_rooted_trees_are_as_many_as_cayley_counted() -> None:
    assert [len(trees(vertices)) for vertices in range(1, 9)] == [1, 1, 2, 4, 9, 20, 48, 115]


def test_no_tree_is_listed_twice_and_each_has_its_vertices() -> None:
    def canonical(tree: Tree) -> Tree:
        return tuple(sorted(canonical(child) for child in tree))

    for vertices in range(1, 9):
        listed = trees(vertices)
        assert len({canonical(tree) for tree in listed}) == len(listed)
        assert {size(tree) for tree in listed} == {vertices}


@pytest.mark.parametrize(
    ("tree", "gamma", "sigma"),
    [
        (DOT, 1, 1),
        (bushy(1), 2, 1),
        (bushy(2), 3, 2),
        (tall(3), 6, 1),
        (bushy(3), 4, 6),
        ((tall(2), DOT), 8, 1),
        ((bushy(2),), 12, 2),
        (tall(4), 24, 1),
        (bushy(4), 5, 24),
        ((tall(2), tall(2)), 20, 2),
        ((bushy(2), DOT), 15, 2),
        (tall(8), factorial(8), 1),
    ],
)
def test_density_and_symmetry_of_known_trees(tree: Tree, gamma: int, sigma: int) -> None:
    assert (density(tree), symmetry(tree)) == (gamma, sigma)


@pytest.mark.parametrize("vertices", range(1, 9))
def test_labelled_trees_number_factorial_of_size_less_one(vertices: int) -> None:
    """The monotone labellings n! / (gamma sigma) of all trees with n vertices are (n - 1)! in all."""
    assert sum(factorial(vertices) // (density(t) * symmetry(t)) for t in trees(vertices)) == factorial(vertices - 1)


def test_elementary_weights_of_the_bushy_and_the_tall_tree() -> None:
    a, c = rk4.coefficients, rk4.nodes
    np.testing.assert_allclose(elementary_weights(a, bushy(3)), c**3)
    np.testing.assert_allclose(elementary_weights(a, tall(3)), a @ c)


def test_satisfied_order_finds_the_order_and_sees_a_digit_changed() -> None:
    for tableau, order in [(rk4, 4), (dopri5, 5), (dopri8, 8)]:
        assert satisfied_order(tableau.coefficients, tableau.weights, highest=order + 1) == order
    for i, j in itertools.combinations(range(dopri5.stages - 1), 2):
        a = dopri5.coefficients.copy()
        a[j, i] += 1e-6
        assert satisfied_order(a, dopri5.weights) < 5
