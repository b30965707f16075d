"""The binomial schedule of checkpointing: the fewest steps taken again for a given number of stored states.

Griewank and Walther (2000), *Algorithm 799: revolve*, section 2: with ``c`` states stored at once, ``l`` steps can be
reversed taking none forwards more than ``r`` times as long as ``l <= binomial(c + r, c)``; the fewest forward steps
altogether are ``r l - binomial(c + r, c + 1)`` for the smallest such ``r``.
"""

from __future__ import annotations

from collections.abc import Callable
from math import comb
from typing import TypeVar

State = TypeVar("State")
Adjoint = TypeVar("Adjoint")


def next_checkpoint(steps: int, checkpoints: int) -> int:
    """Return after how many steps to store the next state, so that the fewest are taken in all.

    Args:
        steps: Number of steps to reverse, at least 2.
        checkpoints: Number of states that may be stored, the one at the start included; at least 1.
    """
    repetitions = 1
    while comb(checkpoints + repetitions, checkpoints) < steps:
        repetitions += 1
    reversed_before = comb(checkpoints + repetitions - 2, checkpoints)
    reversed_after = comb(checkpoints - 1 + repetitions, checkpoints - 1)
    return max(reversed_before, steps - reversed_after, 1)


def reverse(
    advance: Callable[[int, int, State], State],
    pull_back: Callable[[int, int, State, Adjoint], Adjoint],
    interval: tuple[int, int],
    state: State,
    checkpoints: int,
    adjoint: Adjoint,
) -> Adjoint:
    """Pull an adjoint back over many steps, one by one, storing at most so many states at once.

    Args:
        advance: Takes steps: ``advance(first, last, state)`` returns the state before step ``last``.
        pull_back: Takes step ``first`` again and returns the adjoint before it: ``(first, first + 1, state, adjoint)``.
        interval: First step, and the one after the last.
        state: State before the first step; stored by the caller.
        checkpoints: Number of states that may be stored, this one included.
        adjoint: Adjoint after the last step.

    Returns:
        The adjoint before the first step.
    """
    first, last = interval
    while last - first > 1:
        middle = first + next_checkpoint(last - first, checkpoints)
        # The state is handed over without a name here, so that it is gone when its steps are reversed.
        adjoint = reverse(advance, pull_back, (middle, last), advance(first, middle, state), checkpoints - 1, adjoint)
        last = middle
    return pull_back(first, last, state, adjoint)
