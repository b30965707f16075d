import math

import numpy as np
import pytest
import torch
from torch import Tensor

from suite.datasets.spirals import GENERATORS, common_centre_spirals, released_spirals, subsample_times


def generator(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def turned(positions: Tensor, centre: Tensor) -> Tensor:
    """The turns that each trajectory makes around its centre, counter-clockwise positive."""
    moved = positions - centre
    steps = torch.atan2(
        moved[:, :-1, 0] * moved[:, 1:, 1] - moved[:, :-1, 1] * moved[:, 1:, 0], (moved[:, :-1] * moved[:, 1:]).sum(-1)
    )
    return steps.sum(dim=1) / (2 * math.pi)


def test_common_centre_spirals_run_inwards_around_the_origin_one_to_1_3_turns_in_the_first_half() -> None:
    spirals = common_centre_spirals(200, 200, generator(), noise_std=0.1)
    assert int((spirals.direction == 1).sum()) == 100
    radius = spirals.truth.norm(dim=-1)
    assert bool((radius.diff(dim=1) < 0).all())
    assert 0.7 <= float(radius[:, 0].min()) < float(radius[:, 0].max()) <= 1.3
    observed = turned(spirals.truth[:, :101], torch.zeros(2, dtype=torch.float64))
    assert torch.equal(observed.sign(), spirals.direction)
    assert 0.99 < float(observed.abs().min()) < float(observed.abs().max()) < 1.32


def test_no_position_of_a_common_centre_spiral_tells_its_direction() -> None:
    spirals = common_centre_spirals(400, 200, generator(), noise_std=0.1)
    starts, direction = spirals.truth[:, 0], spirals.direction
    of_each = [starts[direction == sign] for sign in (1, -1)]
    ordered = [each[each[:, 0].argsort()] for each in of_each]
    torch.testing.assert_close(*ordered)  # every start occurs with both directions
    # A linear probe of any noisy position, fitted on one half of the spirals, is at chance on the other.
    for point in (0, 50, 199):
        design = torch.cat((spirals.noisy[:, point], torch.ones(400, 1, dtype=torch.float64)), dim=1)
        weights = torch.linalg.lstsq(design[:200], direction[:200].unsqueeze(1)).solution
        correct = float(((design[200:] @ weights).squeeze(1).sign() == direction[200:]).double().mean())
        assert abs(correct - 0.5) < 0.11  # three standard errors of 200 fair coins


def test_released_spirals_are_windows_of_the_two_printed_curves_that_position_tells_apart() -> None:
    spirals = released_spirals(100, 200, generator(), noise_std=0.3)
    for sign, centre in ((1.0, 5.0), (-1.0, -5.0)):
        truth = spirals.truth[spirals.direction == sign]
        middle = torch.tensor([centre, 0.0], dtype=torch.float64)
        turns = turned(truth[:, :101], middle)
        torch.testing.assert_close(turns, torch.full_like(turns, sign * 100 * 3 / 499))  # 3 turns in 499 steps
        radius = (truth - middle).norm(dim=-1)
        assert bool((radius.diff(dim=1) > 0).all())
        if sign > 0:
            torch.testing.assert_close(radius.diff(dim=1), torch.full_like(radius[:, 1:], 0.3 * 6 * math.pi / 499))
        else:
            torch.testing.assert_close((15 / radius).diff(dim=1), torch.full_like(radius[:, 1:], -6 * math.pi / 499))


@pytest.mark.parametrize("name", GENERATORS)
def test_noise_has_the_deviation_asked_for_and_generators_are_reproducible(name: str) -> None:
    spirals = GENERATORS[name](100, 200, generator(), noise_std=0.25)
    assert float((spirals.noisy - spirals.truth).std()) == pytest.approx(0.25, rel=0.02)
    assert torch.equal(spirals.noisy, GENERATORS[name](100, 200, generator(), noise_std=0.25).noisy)
    assert not torch.equal(spirals.noisy, GENERATORS[name](100, 200, generator(1), noise_std=0.25).noisy)


def test_subsamples_are_ascending_distinct_and_uniform() -> None:
    kept = subsample_times(4_000, 10, 3, generator())
    assert bool((kept.diff(dim=1) > 0).all())
    counts = np.bincount(kept.flatten().numpy(), minlength=10)
    assert np.abs(counts / 4_000 - 0.3).max() < 4 * math.sqrt(0.3 * 0.7 / 4_000)
    assert torch.equal(subsample_times(2, 5, 5, generator()), torch.arange(5).expand(2, -1))


def test_what_cannot_be_generated_is_refused() -> None:
    with pytest.raises(ValueError, match="so their number is even, not 3"):
        common_centre_spirals(3, 10, generator(), noise_std=0.1)
    with pytest.raises(ValueError, match="at most 500 points, not 501"):
        released_spirals(2, 501, generator(), noise_std=0.1)
    with pytest.raises(ValueError, match="can keep 1 to 10, not 11"):
        subsample_times(2, 10, 11, generator())
