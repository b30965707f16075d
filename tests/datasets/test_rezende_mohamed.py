"""The energies of Rezende and Mohamed against integrals that are known."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import integrate

from suite.datasets.rezende_mohamed import ENERGIES, grid, log_normaliser

WIDTHS = {"u3": (0.35, 0.35), "u4": (0.4, 0.35)}


@pytest.mark.parametrize("target", ["u3", "u4"])
@pytest.mark.parametrize("half_width", [4.0, 8.0])
def test_strip_of_a_ridge_holds_its_two_gaussians_at_every_z1(target: str, half_width: float) -> None:
    """Along z2 each branch is a Gaussian, wherever the sine puts it: exp(-U) is their sum."""
    z1 = torch.linspace(-half_width, half_width, 41, dtype=torch.float64)[:-1] + half_width / 40
    z2 = torch.linspace(-12, 12, 4801, dtype=torch.float64)
    density = (-ENERGIES[target](torch.cartesian_prod(z1, z2).view(40, 4801, 2))).exp()
    across = torch.trapezoid(density, z2, dim=1)
    torch.testing.assert_close(across, torch.full_like(z1, math.sqrt(2 * math.pi) * sum(WIDTHS[target])))


@pytest.mark.parametrize(("target", "floor"), [("u1", -1.878), ("u3", -2.642), ("u4", -2.711)])
def test_floor_of_the_loss_in_the_strip_is_minus_the_log_normaliser(target: str, floor: float) -> None:
    """Where z2 is free, the normaliser of U4 is larger than in the window, whose lower edge cuts its lower branch."""
    if target == "u1":
        assert -log_normaliser(target, 8.0) == pytest.approx(floor, abs=1e-3)
    else:
        assert -math.log(8 * math.sqrt(2 * math.pi) * sum(WIDTHS[target])) == pytest.approx(floor, abs=1e-3)
    assert -log_normaliser(target) >= floor - 1e-3
    assert -log_normaliser(target) == pytest.approx(floor, abs=0.03 if target == "u4" else 1e-3)


@pytest.mark.parametrize("target", list(ENERGIES))
def test_normaliser_of_the_window_is_that_of_adaptive_quadrature(target: str) -> None:
    def density(z2: float, z1: float) -> float:
        return math.exp(-float(ENERGIES[target](torch.tensor([z1, z2], dtype=torch.float64))))

    # A quarter of the window, where branches are close and cross the border.
    expected, _ = integrate.dblquad(density, 1.0, 3.0, -4.0, -2.0, epsabs=1e-4)
    centres, area = grid(800)
    part = (centres[:, 0] > 1) & (centres[:, 0] < 3) & (centres[:, 1] < -2)
    assert float((-ENERGIES[target](centres[part])).exp().sum()) * area == pytest.approx(expected, rel=1e-3, abs=1e-4)


def test_improper_normalisers_double_with_the_window_and_the_proper_one_stays() -> None:
    wide, wider = (math.exp(log_normaliser("u3", half, 800)) for half in (4.0, 8.0))
    assert wider == pytest.approx(2 * wide, rel=1e-3)
    assert log_normaliser("u1", 8.0) == pytest.approx(log_normaliser("u1", 4.0), abs=1e-3)


def test_two_crescents_are_mirrored_and_lie_where_the_ring_meets_the_lobes() -> None:
    z = torch.randn(50, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    energy = ENERGIES["u1"]
    torch.testing.assert_close(energy(z), energy(-z))
    torch.testing.assert_close(energy(z), energy(z * torch.tensor([1.0, -1.0], dtype=torch.float64)))
    top, right = energy(torch.tensor([[0.0, 2.0], [2.0, 0.0]], dtype=torch.float64)).tolist()
    # On the ring: at the lobe's centre its Gaussian is 1; between the lobes both are exp(-(2 / 0.6)^2 / 2).
    assert right == pytest.approx(-math.log1p(math.exp(-((4 / 0.6) ** 2) / 2)))
    assert top == pytest.approx((2 / 0.6) ** 2 / 2 - math.log(2))


@pytest.mark.parametrize("target", list(ENERGIES))
def test_gradients_are_finite_far_away(target: str) -> None:
    z = torch.tensor([[1e3, 2.0], [-1e3, 0.5], [0.1, -60.0]], requires_grad=True)
    ENERGIES[target](z).sum().backward()
    assert z.grad is not None
    assert bool(z.grad.isfinite().all())


def test_cells_of_the_grid_tile_the_window() -> None:
    centres, area = grid(10, 4.0)
    assert centres.shape == (100, 2)
    assert area * 100 == pytest.approx(64)
    assert centres.abs().max() == pytest.approx(3.6)
