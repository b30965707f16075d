import math
from itertools import pairwise
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suite.gradients import Adjoint, Checkpointed
from suite.models.depth_varying import DepthConcatenation, DepthField, StackedField
from suite.solvers import Differentiation, solve

TIGHT: dict[str, Any] = {"rtol": 1e-10, "atol": 1e-10}


class Rate(nn.Module):
    """``dz/ds = k z``."""

    def __init__(self, k: float) -> None:
        super().__init__()
        self.k = nn.Parameter(torch.tensor(k, dtype=torch.float64))

    def forward(self, s: Tensor, z: Tensor) -> Tensor:
        return self.k * z


def networks(pieces: int, **arguments: Any) -> StackedField:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        fields = [
            DepthField(DepthConcatenation(), nn.Linear(3, 6), nn.Tanh(), nn.Linear(6, 2)).double()
            for _ in range(pieces)
        ]
    return StackedField(fields, **arguments)


def end(field: nn.Module, z0: Tensor, times: Tensor, **arguments: Any) -> Tensor:
    states = solve(field, z0, times, **{**TIGHT, **arguments}).states
    assert isinstance(states, Tensor)
    return states[-1]


def start(n: int = 3) -> Tensor:
    return torch.randn(n, 2, generator=torch.Generator().manual_seed(1), dtype=torch.float64)


@pytest.mark.parametrize("times", [(0.5, 2.0), (2.0, 0.5), (0.7, 1.9)])
def test_solution_is_that_of_one_solve_for_each_piece(times: tuple[float, float]) -> None:
    field = networks(3, start=0.5, end=2.0)
    t = torch.tensor(times, dtype=torch.float64)
    points = [times[0], *field.jumps(*times), times[1]]
    points.sort(reverse=times[1] < times[0])
    z = start()
    for first, last in pairwise(points):
        piece = field.fields[field.piece_at((first + last) / 2)]
        z = end(piece, z, torch.tensor([first, last], dtype=torch.float64))
    assert len(points) == 4
    torch.testing.assert_close(end(field, start(), t, options=field.adaptive_options(t)), z, rtol=1e-8, atol=1e-8)
    on_grid = end(field, start(), t, method="rk4", options=field.grid_options(30))
    torch.testing.assert_close(on_grid, z, rtol=1e-7, atol=1e-7)


@pytest.mark.parametrize("gradient", [Adjoint(), Adjoint(variant="quadrature"), Checkpointed()], ids=repr)
def test_gradients_of_every_piece_agree_with_autograd(gradient: Differentiation) -> None:
    field, z0 = networks(4), start().requires_grad_()
    t = torch.tensor([0.0, 1.0], dtype=torch.float64)
    inputs = (z0, *field.parameters())
    assert len(inputs) == 17
    found, direct = (
        torch.autograd.grad(end(field, z0, t, gradient=way, options=field.adaptive_options(t)).square().sum(), inputs)
        for way in (gradient, None)
    )
    torch.testing.assert_close(found, direct, rtol=1e-7, atol=1e-8)


def test_gradient_of_a_piece_that_is_not_reached_is_zero() -> None:
    field = StackedField([Rate(0.3), Rate(-0.5), Rate(1.0)])
    t = torch.tensor([0.0, 0.5], dtype=torch.float64)
    last = end(field, torch.ones(1, dtype=torch.float64), t, gradient=Adjoint(), options=field.adaptive_options(t))
    # z(1/2) = exp(k_1 / 3 + k_2 / 6)
    value = math.exp(0.3 / 3 - 0.5 / 6)
    found = torch.autograd.grad(last.sum(), tuple(field.parameters()))
    torch.testing.assert_close(torch.stack(found), value * torch.tensor([1 / 3, 1 / 6, 0.0]).double())


def test_adjoint_on_a_fixed_grid_keeps_inside_the_pieces() -> None:
    field, z0 = networks(3), start()
    t = torch.tensor([0.0, 0.4, 1.0], dtype=torch.float64)
    inputs = tuple(field.parameters())
    found, direct = (
        torch.autograd.grad(
            end(field, z0, t, method="rk4", gradient=way, options=field.grid_options(25)).square().sum(), inputs
        )
        for way in (Adjoint(), None)
    )
    torch.testing.assert_close(found, direct, rtol=1e-6, atol=1e-8)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize(("pieces", "length"), [(3, 1.0), (7, 1.0), (20, 0.3), (11, 10.0)])
def test_pieces_on_either_side_of_a_jump_are_neighbours_in_every_dtype(
    dtype: torch.dtype, pieces: int, length: float
) -> None:
    """The nearest times to a jump on which a solver evaluates lie in the piece before and the piece after it."""
    field = StackedField([Rate(0.0)] * pieces, end=length, beyond="periodic")
    jumps = field.jumps(-1e-9, 3 * length + 1e-9)
    assert len(jumps) == 3 * pieces + 1
    for index, jump in enumerate(jumps):
        clock = torch.tensor(jump, dtype=dtype)
        above, below = (torch.nextafter(clock, torch.tensor(to, dtype=dtype)) for to in (math.inf, -math.inf))
        assert field.piece_at(float(above)) == index % pieces
        assert field.piece_at(float(below)) == (index - 1) % pieces
        assert field.piece_at(jump) == index % pieces


def test_field_is_held_or_repeated_beyond_its_interval() -> None:
    rates = [Rate(0.3), Rate(-0.5)]
    held, repeated = StackedField(rates), StackedField(rates, beyond="periodic")
    assert held.boundaries == (0.0, 0.5, 1.0)
    assert (held.jumps(-1.0, 3.0), repeated.jumps(-0.5, 1.0)) == ((0.5,), (-0.5, 0.0, 0.5, 1.0))
    assert [held.piece_at(s) for s in (-5.0, -0.2, 0.2, 0.7, 1.0, 9.0)] == [0, 0, 0, 1, 1, 1]
    assert [repeated.piece_at(s) for s in (-0.2, 0.2, 0.7, 1.0, 1.6)] == [1, 0, 1, 0, 1]
    t = torch.tensor([0.0, 2.25], dtype=torch.float64)
    one = torch.ones(1, dtype=torch.float64)
    for field, exponent in ((held, 0.15 - 0.5 * 1.75), (repeated, 2 * 0.15 - 2 * 0.25 + 0.25 * 0.3)):
        found = end(field, one, t, options=field.adaptive_options(t))
        assert found.item() == pytest.approx(math.exp(exponent), rel=1e-9)


def test_jumps_cost_fewer_evaluations_when_they_are_told() -> None:
    field, z0 = networks(5), start()
    t = torch.tensor([0.0, 1.0], dtype=torch.float64)
    told, untold = (
        solve(field, z0, t, rtol=1e-8, atol=1e-8, options=options).statistics.nfe
        for options in (field.adaptive_options(t), None)
    )
    assert told < 0.5 * untold


def test_impossible_stacks_are_refused() -> None:
    with pytest.raises(ValueError, match="there is a field"):
        StackedField([])
    with pytest.raises(ValueError, match="unknown continuation"):
        StackedField([Rate(0.0)], beyond="mirror")  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="at least one step"):
        StackedField([Rate(0.0)]).grid_options(0)
    with pytest.raises(ValueError, match="one depth for all samples"):
        StackedField([Rate(0.0)])(torch.zeros(3), torch.zeros(3, 2))
