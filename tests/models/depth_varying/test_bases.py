import math

import numpy as np
import pytest
import torch

from suite.models.depth_varying import Basis, ChebyshevBasis, FourierBasis, MonomialBasis, ReleasedFourierBasis

BASES = [FourierBasis(3), MonomialBasis(4), ChebyshevBasis(4), ReleasedFourierBasis(3)]


@pytest.mark.parametrize("basis", BASES, ids=lambda basis: type(basis).__name__)
def test_size_is_the_number_of_functions_and_the_first_is_one(basis: Basis) -> None:
    s = torch.linspace(-1, 2, 7, dtype=torch.float64)
    values = basis(s)
    assert values.shape == (7, basis.size)
    torch.testing.assert_close(values[:, 0].detach(), torch.ones(7, dtype=torch.float64))
    torch.testing.assert_close(basis(s[3]), values[3])


@pytest.mark.parametrize("period", [1.0, 2.5])
def test_fourier_functions_are_orthogonal_and_periodic(period: float) -> None:
    basis = FourierBasis(4, period).float().double()
    # The rectangle rule is exact for trigonometric polynomials of a degree below the number of points.
    s = torch.arange(32, dtype=torch.float64) * period / 32
    values = basis(s)
    gram = values.T @ values * period / 32
    expected = torch.diag(torch.tensor([period, *[period / 2] * 8], dtype=torch.float64))
    torch.testing.assert_close(gram, expected, rtol=0, atol=1e-13)
    torch.testing.assert_close(basis(s + period), values, rtol=0, atol=1e-13)


def test_fourier_functions_have_their_known_values() -> None:
    values = FourierBasis(2)(torch.tensor(1 / 8, dtype=torch.float64))
    half = math.sqrt(0.5)
    torch.testing.assert_close(values, torch.tensor([1, half, 0, half, 1], dtype=torch.float64), rtol=0, atol=1e-15)


def test_monomials_are_powers() -> None:
    values = MonomialBasis(3)(torch.tensor([0.0, 0.5, -2.0]))
    assert values.tolist() == [[1, 0, 0, 0], [1, 0.5, 0.25, 0.125], [1, -2, 4, -8]]


def test_chebyshev_functions_are_numpys_on_the_unit_interval() -> None:
    s = np.linspace(-0.2, 1.2, 15)
    expected = np.polynomial.chebyshev.chebvander(2 * s - 1, 5)
    torch.testing.assert_close(ChebyshevBasis(5)(torch.from_numpy(s)), torch.from_numpy(expected), rtol=1e-12, atol=0)
    assert ChebyshevBasis(0)(torch.from_numpy(s)).tolist() == [[1.0]] * 15


def test_chebyshev_functions_are_orthogonal_with_their_weight() -> None:
    nodes = torch.from_numpy(np.polynomial.chebyshev.chebgauss(16)[0])
    values = ChebyshevBasis(4)((nodes + 1) / 2)
    expected = torch.diag(torch.tensor([1, 0.5, 0.5, 0.5, 0.5], dtype=torch.float64))
    torch.testing.assert_close(values.T @ values / 16, expected, rtol=0, atol=1e-14)


def test_released_functions_have_frequencies_that_are_no_harmonics() -> None:
    """Five harmonics give the frequencies 0, 1.25, 2.5, 3.75 and 5, without ``2 pi``; two give 0 and 2."""
    basis = ReleasedFourierBasis(5).double()
    s = torch.tensor(0.3, dtype=torch.float64)
    angles = 0.3 * np.array([0, 1.25, 2.5, 3.75, 5])
    expected = torch.from_numpy(np.concatenate([np.cos(angles), np.sin(angles)]))
    torch.testing.assert_close(basis(s).detach(), expected)
    assert float((basis(s + 1) - basis(s)).detach().abs().max()) > 0.5
    torch.testing.assert_close(ReleasedFourierBasis(2)(s)[1].detach(), torch.tensor(0.6).cos(), check_dtype=False)
    with torch.no_grad():
        basis.dilation.fill_(2.0)
        basis.shift.fill_(-0.6)
    torch.testing.assert_close(basis(s)[5:].detach(), torch.zeros(5, dtype=torch.float64), rtol=0, atol=1e-15)


@pytest.mark.parametrize("make", [lambda: FourierBasis(-1), lambda: FourierBasis(1, 0.0), lambda: MonomialBasis(-1)])
def test_impossible_sizes_are_refused(make: object) -> None:
    assert callable(make)
    with pytest.raises(ValueError, match="at least 0"):
        make()
    with pytest.raises(ValueError, match="at least one harmonic"):
        ReleasedFourierBasis(0)
