"""Predictions as CUDA graphs: all kernels of a solve on equal steps replayed by one launch."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn

from suite.experiments.poli2020.image_methods import Stepping
from suite.solvers import ExplicitRungeKutta
from suite.solvers.hyper import Hypersolver, StepInputs

Predict = Callable[[Tensor], Tensor]

_WARM_UP = 3


def bare_ends(stepping: Stepping, field: nn.Module, starts: Tensor, steps: int) -> Tensor:
    """Return what ``solve`` returns at depth 1 for a field without time, by operations on states alone.

    ``solve`` gives the field its time and asks in the end whether the result is finite; both need the host, and a graph
    that is being captured must not wait for it.
    """
    size, zero = 1 / steps, starts.new_zeros(())
    if stepping.name == "ab2":
        return _two_step(field, starts, size, steps)
    given = stepping.method
    correction = given.correction if isinstance(given, Hypersolver) else None
    method = given.base if isinstance(given, Hypersolver) else given
    if not isinstance(method, ExplicitRungeKutta):
        raise TypeError(f"{stepping.name} is no explicit Runge-Kutta method")
    rows, weights, power = method.tableau.coefficients.tolist(), method.tableau.weights.tolist(), method.order + 1
    z = starts
    for step in range(steps):
        slopes: list[Tensor] = []
        for row in rows:
            slopes.append(field(zero, _moved(z, slopes, row, size)))
        end = _moved(z, slopes, weights, size)
        if correction is not None:
            inputs = StepInputs(size, step * size, z, slopes, starts)
            found = correction(inputs)
            if not isinstance(found, Tensor):
                raise TypeError("the state is one tensor")
            end = torch.add(end, found, alpha=size**power)
        z = end
    return z


def _moved(z: Tensor, slopes: list[Tensor], weights: list[float], size: float) -> Tensor:
    for slope, weight in zip(slopes, weights, strict=False):
        if weight:
            z = torch.add(z, slope, alpha=size * weight)
    return z


def _two_step(field: nn.Module, starts: Tensor, size: float, steps: int) -> Tensor:
    """Take steps of the two-step Adams-Bashforth method, the first of them by Heun's."""
    zero = starts.new_zeros(())
    before = field(zero, starts)
    slopes = [before, field(zero, starts + size * before)]
    z = _moved(starts, slopes, [0.5, 0.5], size)
    for _ in range(steps - 1):
        now = field(zero, z)
        z = _moved(z, [now, before], [1.5, -0.5], size)
        before = now
    return z


def captured(predict: Predict, images: Tensor) -> Callable[[], Tensor]:
    """Return a function that replays a prediction of some images on a CUDA device, and returns the scores.

    Args:
        predict: From images to scores, without waiting for the host.
        images: On the device.
    """
    side = torch.cuda.Stream()
    side.wait_stream(torch.cuda.current_stream())
    with torch.cuda.stream(side):
        for _ in range(_WARM_UP):
            predict(images)
    torch.cuda.current_stream().wait_stream(side)
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        scores = predict(images)

    def replay() -> Tensor:
        graph.replay()
        return scores

    return replay
