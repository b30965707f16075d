"""Random linear systems agree with scipy's matrix exponential, whatever the tolerance, outputs, dtype and shape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.linalg import expm
from torch import Tensor

from suite.solvers import METHODS, GridMethod, explicit_methods, odeint, solve

DTYPES = (torch.float32, torch.float64, torch.complex64, torch.complex128)
ADAPTIVE = [name for name, method in explicit_methods().items() if method.adaptive]
FIXED = [
    name
    for name, method in METHODS.items()
    if isinstance(method, GridMethod) or (name in explicit_methods() and not method.adaptive)
]

# Global errors in units of the tolerance: steps add up, and eigenvalues of modulus 2 amplify over a span of 2.
TOLERANCES = 300


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

    def errors(self, states: tuple[Tensor, ...], t: Tensor) -> list[float]:
        """Return the largest error at every output, relative to the size of the state where that is above 1."""
        y0 = self.join(tuple(part[0] for part in states))
        errors = []
        for index, time in enumerate(t.tolist()):
            exact = self.exact(y0, time - t[0].item())
            found = self.join(tuple(part[index] for part in states)).to(torch.complex128)
            errors.append(float((found - exact).abs().max() / (1 + exact.abs().max())))
        return errors


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
ones = shape.map(lambda one: (one,))


@settings(max_examples=80, deadline=None, derandomize=True)
@given(systems(tuples), output_times(), st.sampled_from(ADAPTIVE), st.sampled_from([1e-3, 1e-5, 1e-7, 1e-9]))
def test_tuple_state_agrees_with_the_matrix_exponential_to_tolerance(
    problem: tuple[LinearSystem, Tensor], t: Tensor, method: str, tolerance: float
) -> None:
    system, y0 = problem
    order = METHODS[method].order
    # Single precision adds rounding errors below its own tolerance; methods of order 2 would take 1e5 steps at 1e-9.
    tolerance = max(tolerance, 20 * torch.finfo(y0.dtype).eps, 1e-6 if order == 2 else 0)
    states = odeint(system.field, system.split(y0), t, method=method, rtol=tolerance, atol=tolerance)
    assert isinstance(states, tuple)
    assert [part.shape for part in states] == [(len(t), *shape) for shape in system.shapes]
    assert all(part.dtype == y0.dtype for part in states)
    assert max(system.errors(states, t)) <= TOLERANCES * tolerance


@settings(max_examples=40, deadline=None, derandomize=True)
@given(systems(ones), output_times(), st.sampled_from(ADAPTIVE), st.sampled_from([1e-4, 1e-6]))
def test_one_tensor_and_a_tuple_of_it_take_the_same_steps(
    problem: tuple[LinearSystem, Tensor], t: Tensor, method: str, tolerance: float
) -> None:
    system, y0 = problem
    (part,) = system.split(y0)
    bare = solve(lambda time, y: system.field(time, (y,))[0], part, t, method=method, rtol=tolerance, atol=tolerance)
    wrapped = solve(system.field, (part,), t, method=method, rtol=tolerance, atol=tolerance)
    assert isinstance(bare.states, Tensor)
    precision = 1e3 * torch.finfo(y0.dtype).eps
    torch.testing.assert_close(wrapped.states[0], bare.states, rtol=10 * tolerance + precision, atol=tolerance)
    assert abs(wrapped.statistics.accepted - bare.statistics.accepted) <= 2


@settings(max_examples=60, deadline=None, derandomize=True)
@given(systems(tuples), output_times(), st.sampled_from(FIXED))
def test_fixed_steps_agree_with_the_matrix_exponential_to_their_order(
    problem: tuple[LinearSystem, Tensor], t: Tensor, method: str
) -> None:
    """Steps of ``h`` with ``|A| h`` of about 0.05 err by about ``2 |A| (|A| h) ** order``."""
    system, y0 = problem
    options = {"step_size": 0.02, "interp": "cubic"}
    states = odeint(system.field, system.split(y0), t, method=method, options=options)
    assert isinstance(states, tuple)
    order = min(METHODS[method].order, 3)  # of the cubic between grid points
    precision = 200 * torch.finfo(y0.dtype).eps
    assert max(system.errors(states, t)) <= 10 * 0.05**order + precision


@settings(max_examples=40, deadline=None, derandomize=True)
@given(systems(tuples), st.floats(0.05, 2), st.sampled_from(ADAPTIVE), st.booleans())
def test_there_and_back_again_is_where_it_began(
    problem: tuple[LinearSystem, Tensor], span: float, method: str, dense: bool
) -> None:
    system, y0 = problem
    tolerance = max(1e-6, 20 * torch.finfo(y0.dtype).eps)
    t = torch.tensor([0.0, span], dtype=torch.float64)
    there = solve(system.field, system.split(y0), t, method=method, rtol=tolerance, atol=tolerance, dense=dense)
    turned = tuple(part[-1] for part in there.states)
    back = solve(system.field, turned, t.flip(0), method=method, rtol=tolerance, atol=tolerance, dense=dense)
    end = system.join(tuple(part[-1] for part in back.states))
    largest = 1 + system.join(turned).abs().max() + y0.abs().max()
    assert (end - y0).abs().max() <= TOLERANCES * tolerance * largest
