"""Rooted trees and the order conditions of Runge-Kutta methods.

Butcher's theory (Hairer, Norsett and Wanner, *Solving Ordinary Differential Equations I*, section II.2): a method has
order p exactly if ``b . phi(tree) = 1 / gamma(tree)`` for every rooted tree with at most p vertices.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from functools import cache
from itertools import combinations_with_replacement
from math import factorial

import numpy as np
from numpy.typing import NDArray

Tree = tuple["Tree", ...]
"""A rooted tree as the sorted tuple of the subtrees that hang on its root; ``()`` is a single vertex."""

Array = NDArray[np.float64]


def size(tree: Tree) -> int:
    """Return the number of vertices."""
    return 1 + sum(size(child) for child in tree)


def density(tree: Tree) -> int:
    """Return gamma(tree): its size times the densities of the subtrees."""
    product = size(tree)
    for child in tree:
        product *= density(child)
    return product


def symmetry(tree: Tree) -> int:
    """Return sigma(tree): the number of its automorphisms, by which its term of the error is divided."""
    product = 1
    for child, copies in Counter(tree).items():
        product *= symmetry(child) ** copies * factorial(copies)
    return product


@cache
def trees(vertices: int) -> tuple[Tree, ...]:
    """Return all rooted trees with that many vertices (1, 1, 2, 4, 9, 20, 48, 115, ...)."""
    return tuple(_forests(vertices - 1, vertices - 1))


def _forests(vertices: int, largest: int) -> Iterator[Tree]:
    """Yield every multiset of trees with ``vertices`` vertices in all, none larger than ``largest``."""
    if vertices == 0:
        yield ()
        return
    for head in range(min(vertices, largest), 0, -1):
        for count in range(vertices // head, 0, -1):
            for chosen in combinations_with_replacement(trees(head), count):
                for rest in _forests(vertices - count * head, head - 1):
                    yield chosen + rest


def elementary_weights(a: Array, tree: Tree) -> Array:
    """Return phi(tree), one weight per stage: the product over subtrees of ``a @ phi(subtree)``. Shape ``[stages]``."""
    product = np.ones(len(a))
    for child in tree:
        product = product * (a @ elementary_weights(a, child))
    return product


def satisfied_order(a: Array, b: Array, highest: int = 8, tolerance: float = 1e-12) -> int:
    """Return the largest order up to ``highest`` whose conditions all hold to ``tolerance``."""
    for order in range(1, highest + 1):
        for tree in trees(order):
            if abs(b @ elementary_weights(a, tree) - 1 / density(tree)) > tolerance:
                return order - 1
    return highest
