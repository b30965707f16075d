"""Random linear systems agree with scipy's matrix exponential, whatever the tolerance, outputs, dtype and shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm
from torch import Tensor

from suite.solvers import odeint

DTYPES = (torch.float32, torch.float64, torch.complex64, torch.complex128)
ADAPTIVE = ("bosh3", "dopri5", "tsit5", "dopri8")


@dataclass
class LinearSystem:
    """``dy/dt = A y`` for a state split into parts of any shape."""

    matrix: Tensor
    shapes: tuple[tuple[int, ...], ...]

    def join(self, parts: tuple[Tensor, ...]) -> Tensor:
        return torch.cat([part.reshape(-1) for part in parts])

    def split(self, flat: Tensor) -> tuple[Tensor, ...]:
        sizes = [int(np.prod(shape)) for shape in self.shapes]
        return tuple(part.reshape(shape) for part, shape in zip(flat.split(sizes), self.shapes, strict=True))

    def field(self, t: Tensor, parts: tuple[Tensor, ...]) -> tuple[Tensor, ...]:
        return self.split(self.matrix @ self.join(parts))

    def exact(self, flat: Tensor, elapsed: float) -> Tensor:
        return torch.as_tensor(expm(self.matrix.numpy().astype(complex) * elapsed)) @ flat.to(torch.complex128)


@st.composite
def systems(draw: st.DrawFn, shapes: st.SearchStrategy[tuple[tuple[int, ...], ...]]) -> tuple[LinearSystem, Tensor]:
    """Draw a system with eigenvalues of modulus up to about 2, and a state."""
    chosen = draw(shapes)
    size = sum(int(np.prod(shape)) for shape in chosen)
    dtype = draw(st.sampled_from(DTYPES))
    generator = torch.Generator().manual_seed(draw(st.integers(0, 2**32)))
    matrix = torch.randn(size, size, dtype=dtype, generator=generator) / max(size, 1) ** 0.5
    return LinearSystem(matrix, chosen), torch.randn(size, dtype=dtype, generator=generator)


@st.composite
def output_times(draw: st.DrawFn) -> Tensor:
    """Draw two to six different times within 2 of a start, forwards or backwards."""
    start = draw(st.sampled_from([0.0, -3.0, 10.0]))
    gaps = draw(st.lists(st.floats(1e-3, 0.4), min_size=1, max_size=5))
    direction = draw(st.sampled_from([1, -1]))
    return start + direction * torch.tensor([0.0, *np.cumsum(gaps)], dtype=torch.float64)


shape = st.sampled_from([(), (1,), (3,), (2, 1), (1, 2, 2)])
tuples = st.lists(shape, min_size=1, max_size=3).map(tuple)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(systems(tuples), output_times(), st.sampled_from(ADAPTIVE), st.sampled_from([1e-3, 1e-5, 1e-7, 1e-9]))
def test_tuple_state_agrees_with_the_matrix_exponential(
    problem: tuple[LinearSystem, Tensor], t: Tensor, method: str, tolerance: float
) -> None:
    system, y0 = problem
    precision = torch.finfo(y0.dtype).eps
    tolerance = max(tolerance, 20 * precision)
    states = odeint(system.field, system.split(y0), t, method=method, rtol=tolerance, atol=tolerance)
    assert [part.shape for part in states] == [(len(t), *shape) for shape in system.shapes]
    for index, time in enumerate(t.tolist()):
        flat = system.join(tuple(part[index] for part in states))
        exact = system.exact(y0, time - t[0].item())
        error = (flat.to(torch.complex128) - exact).abs().max()
        assert error <= 300 * tolerance * (1 + exact.abs().max())


@settings(max_examples=30, deadline=None, derandomize=True)
@given(systems(shape.map(lambda one: (one,))), output_times(), st.sampled_from(["rk4", "rk4_classic", "heun3"]))
def test_fixed_steps_of_one_tensor_agree_with_the_matrix_exponential(
    problem: tuple[LinearSystem, Tensor], t: Tensor, method: str
) -> None:
    system, y0 = problem
    (shape,) = system.shapes
    states = odeint(
        lambda time, y: system.field(time, (y,))[0],
        y0.reshape(shape),
        t,
        method=method,
        options={"step_size": 0.02, "interp": "cubic"},
    )
    assert isinstance(states, Tensor)
    for index, time in enumerate(t.tolist()):
        exact = system.exact(y0, time - t[0].item())
        error = (states[index].reshape(-1).to(torch.complex128) - exact).abs().max()
        assert error <= max(3e-4, 100 * torch.finfo(y0.dtype).eps) * (1 + exact.abs().max())
