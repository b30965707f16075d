"""Thinning against what is known of Poisson processes: counts, and times that are uniform once rescaled."""

from __future__ import annotations

import math

import pytest
import torch
from scipy import integrate, stats

from suite.datasets.poisson_events import HORIZON, INTENSITIES, Intensity, sample

NO_PHASE = torch.zeros(1, dtype=torch.float64)


def generator(seed: int = 1) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def rate(intensity: Intensity, t: float, phase: float) -> float:
    double = torch.float64
    return float(intensity.rate(torch.tensor(t, dtype=double), torch.tensor(phase, dtype=double)))


@pytest.mark.parametrize("name", INTENSITIES)
@pytest.mark.parametrize(("start", "end", "phase"), [(0.0, HORIZON, 0.0), (HORIZON / 2, 7.0, 1.3)])
def test_integrals_of_an_intensity_agree_with_adaptive_quadrature(
    name: str, start: float, end: float, phase: float
) -> None:
    intensity = INTENSITIES[name]
    phases = torch.tensor([phase], dtype=torch.float64)
    count, _ = integrate.quad(lambda t: rate(intensity, t, phase), start, end, epsabs=1e-12)
    expected, _ = integrate.quad(
        lambda t: (value := rate(intensity, t, phase)) * math.log(value) - value, start, end, epsabs=1e-12
    )
    assert intensity.integral(start, end, phases).item() == pytest.approx(count, rel=1e-10)
    assert intensity.expected_log_likelihood(start, end, phases).item() == pytest.approx(expected, rel=1e-10)


@pytest.mark.parametrize("name", INTENSITIES)
def test_counts_are_poisson_with_the_integral_of_the_intensity_as_mean(name: str) -> None:
    intensity, count = INTENSITIES[name], 400
    events = sample(intensity, count, generator())
    for start, end in ((0.0, HORIZON), (2.0, 3.0), (6.0, 9.0)):
        total = int(events.between(start, end).sum())
        mean = float(intensity.integral(start, end, events.phase).sum())
        assert stats.poisson(mean).cdf(total) == pytest.approx(0.5, abs=0.4995)
    counts = events.counts.double()
    means = intensity.integral(0.0, HORIZON, events.phase)
    dispersion = float(((counts - means) ** 2 / means).sum())  # chi-square: the variance of a count is its mean
    assert stats.chi2(count).cdf(dispersion) == pytest.approx(0.5, abs=0.4995)


@pytest.mark.parametrize("name", INTENSITIES)
def test_times_are_uniform_after_rescaling_by_the_integrated_intensity(name: str) -> None:
    intensity = INTENSITIES[name]
    events = sample(intensity, 40, generator(2))
    rescaled = []
    for times, mask, phase in zip(events.times, events.mask, events.phase.unsqueeze(-1), strict=True):
        total = float(intensity.integral(0.0, HORIZON, phase))
        rescaled += [float(intensity.integral(0.0, float(time), phase)) / total for time in times[mask]]
    assert stats.kstest(rescaled, "uniform").pvalue > 0.001
    # A wrong intensity is found out at this size, so that the test can fail.
    assert stats.kstest([float(time) / HORIZON for time in events.times[events.mask]], "uniform").pvalue < 0.2


def test_sequences_are_sorted_padded_at_their_end_and_their_own_only_where_the_phase_is_random() -> None:
    events = sample(INTENSITIES["random-phase"], 20, generator())
    assert (events.times.diff(dim=1) >= 0).all()
    assert (events.times[~events.mask] == HORIZON).all()
    assert not (events.mask.int().diff(dim=1) > 0).any()
    assert len(events.phase.unique()) == 20
    assert (sample(INTENSITIES["sinusoid"], 3, generator()).phase == 0).all()


def test_the_same_generator_state_gives_the_same_sequences() -> None:
    first, second = (sample(INTENSITIES["two-bumps"], 5, generator()) for _ in range(2))
    assert torch.equal(first.times, second.times)


def test_an_intensity_above_its_bound_is_refused() -> None:
    wrong = Intensity("wrong", INTENSITIES["sinusoid"].rate, bound=5.0)
    with pytest.raises(ValueError, match="'wrong' exceeds its bound of 5"):
        sample(wrong, 10, generator())
    with pytest.raises(ValueError, match="at least one sequence"):
        sample(INTENSITIES["sinusoid"], 0, generator())
