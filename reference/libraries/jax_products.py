"""The matrix products of a field's evaluations alone, as one loop compiled by jax."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from torch import Tensor


def jax_products(matrices: Sequence[Tensor], states: Tensor, evaluations: int, steps: int) -> Callable[[], None]:
    """Return a function that does them on a CPU and ends when they are done.

    Args:
        matrices: What an evaluation multiplies with, shapes ``[outputs, inputs]``.
        states: Shape ``[batch, n]``; each product is of the result of the one before.
        evaluations: Evaluations of one step: one round of the loop.
        steps: Rounds.
    """
    import jax

    def several(count: Any, y: Any, weights: Any) -> Any:
        def step(_: Any, y: Any) -> Any:
            for weight in weights * evaluations:
                y = jax.numpy.matmul(y, weight.T)
            return y

        return jax.lax.fori_loop(0, count, step, y)

    compiled = jax.jit(several)
    y = jax.numpy.asarray(states.detach().numpy())
    weights = tuple(jax.numpy.asarray(matrix.detach().numpy()) for matrix in matrices)

    def run() -> None:
        jax.block_until_ready(compiled(steps, y, weights))

    return run
