"""Log-likelihoods of point-process models against closed forms and scipy's solver and quadrature."""

from __future__ import annotations

import math
from typing import cast

import numpy as np
import pytest
import torch
from scipy import integrate
from torch import nn

from suite.datasets.poisson_events import HORIZON, INTENSITIES, sample
from suite.models.point_process import HistogramRate, IntensityPath, LatentIntensity

DOUBLE = torch.float64


def model(**changes: object) -> LatentIntensity:
    torch.manual_seed(3)
    settings: dict[str, object] = {
        "latent": 3,
        "hidden": 8,
        "typical_rate": 2.0,
        "intervals": 200,
        "integral_scale": 100.0,
        "method": "dopri5",
        "tolerance": 1e-11,
    }
    return LatentIntensity(**{**settings, **changes}).to(DOUBLE)  # type: ignore[arg-type]


def test_log_likelihood_of_a_latent_intensity_agrees_with_scipy_at_events_and_in_the_integral() -> None:
    latent = model()
    events = sample(INTENSITIES["two-bumps"], 3, torch.Generator().manual_seed(0))
    with torch.no_grad():
        found = latent(HORIZON).log_likelihood(events.times, events.mask)

        def field(t: float, z: np.ndarray) -> np.ndarray:
            return np.asarray(latent.field(torch.tensor(t), torch.from_numpy(z)).numpy())

        start = latent.initial[0].numpy()
        solved = integrate.solve_ivp(
            field, (0, HORIZON), start, rtol=1e-12, atol=1e-13, method="DOP853", dense_output=True
        )

        def rate(t: float) -> float:
            return float(latent.rate(torch.from_numpy(solved.sol(t))))

        integral, _ = integrate.quad(rate, 0, HORIZON, epsabs=1e-11, epsrel=1e-11)
        for times, mask, value in zip(events.times, events.mask, found, strict=True):
            expected = sum(math.log(rate(float(time))) for time in times[mask]) - integral
            assert float(value) == pytest.approx(expected, abs=1e-8)


def test_log_likelihood_of_a_constant_intensity_is_the_closed_form() -> None:
    latent = model(intervals=4, tolerance=1e-6)
    with torch.no_grad():
        last = cast(nn.Linear, latent.rate.layers[-1])
        last.weight.zero_()  # the intensity is one and the same at every state
        last.bias.fill_(math.log(math.expm1(2.0)))
    events = sample(INTENSITIES["sinusoid"], 4, torch.Generator().manual_seed(0))
    found = latent(HORIZON).log_likelihood(events.times, events.mask)
    expected = events.counts.to(DOUBLE) * math.log(2.0 + 1e-8) - (2.0 + 1e-8) * HORIZON
    assert torch.allclose(found, expected, rtol=0, atol=1e-8)


def test_a_known_intensity_read_off_cubics_has_the_log_likelihood_of_adaptive_quadrature() -> None:
    """The state is the time and the intensity is 2 + sin: cubics are exact for the state, whatever the spacing."""

    class Known(nn.Module):
        def forward(self, z: torch.Tensor) -> torch.Tensor:
            return 2 + torch.sin(z).squeeze(-1)

    grid = torch.linspace(0, HORIZON, 6, dtype=DOUBLE)
    integral = 2 * grid + 1 - torch.cos(grid)
    path = IntensityPath(
        0.0, 2.0, grid.view(-1, 1, 1), torch.ones(6, 1, 1, dtype=DOUBLE), integral.unsqueeze(-1), Known()
    )
    times = torch.tensor([[0.0, 3.3, 7.7, HORIZON], [4.0, 5.5, HORIZON, HORIZON]], dtype=DOUBLE)
    mask = torch.tensor([[True, True, True, True], [True, True, False, False]])
    count, _ = integrate.quad(lambda t: 2 + math.sin(t), 0, HORIZON, epsabs=1e-12)
    late, _ = integrate.quad(lambda t: 2 + math.sin(t), 4, HORIZON, epsabs=1e-12)
    logs = [sum(math.log(2 + math.sin(t)) for t in row) for row in ((0.0, 3.3, 7.7, HORIZON), (4.0, 5.5))]
    whole = path.log_likelihood(times, mask).tolist()
    assert whole == pytest.approx([value - count for value in logs], abs=1e-8)
    part = path.log_likelihood(times[1:], mask[1:], first=2).tolist()
    assert part == pytest.approx([logs[1] - late], abs=1e-8)


def test_reading_off_cubics_is_of_fourth_order_in_the_spacing() -> None:
    times = torch.linspace(0.03, HORIZON - 0.01, 50, dtype=DOUBLE).unsqueeze(0)
    errors = []
    with torch.no_grad():
        exact = model(intervals=3_200)(HORIZON).states_at(times)
        for intervals in (10, 20, 40):
            errors.append(float((model(intervals=intervals)(HORIZON).states_at(times) - exact).abs().max()))
    slopes = [math.log2(errors[i] / errors[i + 1]) for i in range(2)]
    assert slopes[1] == pytest.approx(4, abs=0.4)


def test_each_sequence_follows_its_own_initial_state() -> None:
    latent = model(intervals=20, tolerance=1e-8)
    z0 = torch.tensor([[0.5, 0.0, -0.5], [-1.0, 1.0, 0.3]], dtype=DOUBLE)
    times = torch.tensor([[1.0, 2.5], [0.2, 9.9]], dtype=DOUBLE)
    together = latent(HORIZON, z0).rate_at(times)
    alone = torch.cat([latent(HORIZON, z0[i : i + 1]).rate_at(times[i : i + 1]) for i in range(2)])
    assert torch.allclose(together, alone, atol=1e-6)


def test_gradient_of_the_log_likelihood_matches_central_differences() -> None:
    latent = model(intervals=40, tolerance=1e-9)
    events = sample(INTENSITIES["sinusoid"], 2, torch.Generator().manual_seed(0))

    def loss() -> torch.Tensor:
        path: IntensityPath = latent(HORIZON)
        return path.log_likelihood(events.times, events.mask).sum()

    loss().backward()
    for parameter in (latent.initial, *latent.field.parameters(), *latent.rate.parameters()):
        assert parameter.grad is not None
        step, place = 1e-5, (0,) * parameter.dim()
        with torch.no_grad():
            values = []
            for sign in (1, -1):
                parameter[place] += sign * step
                values.append(float(loss()))
                parameter[place] -= sign * step
        difference = (values[0] - values[1]) / (2 * step)
        assert float(parameter.grad[place]) == pytest.approx(difference, rel=1e-4, abs=1e-5)


def test_histogram_is_the_maximum_likelihood_rate_of_each_bin() -> None:
    events = sample(INTENSITIES["two-bumps"], 30, torch.Generator().manual_seed(0))
    constant = HistogramRate.fitted(events.times, events.mask, HORIZON, bins=1, pseudo_count=0.0)
    assert float(constant.rates) == pytest.approx(float(events.counts.sum()) / (30 * HORIZON))
    fine = HistogramRate.fitted(events.times, events.mask, HORIZON, bins=8, pseudo_count=0.0)
    best = float(fine.log_likelihood(events.times, events.mask).sum())
    for factor in (0.98, 1.02):
        for bin_index in range(8):
            changed = fine.rates.clone()
            changed[bin_index] *= factor
            other = HistogramRate(changed, HORIZON).log_likelihood(events.times, events.mask).sum()
            assert float(other) < best
    assert float(fine.integral(0.0)) == pytest.approx(float(events.counts.sum()) / 30)
    steps, _ = integrate.quad(
        lambda t: float(fine.rate_at(torch.tensor(t, dtype=DOUBLE))),
        3.3,
        HORIZON,
        points=[1.25 * i for i in range(3, 8)],
    )
    assert float(fine.integral(3.3)) == pytest.approx(steps, rel=1e-9)


def test_impossible_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="are positive"):
        model(intervals=0)
    with pytest.raises(ValueError, match="at least one bin"):
        HistogramRate.fitted(torch.ones(1, 1), torch.ones(1, 1, dtype=torch.bool), HORIZON, bins=0, pseudo_count=0.5)
