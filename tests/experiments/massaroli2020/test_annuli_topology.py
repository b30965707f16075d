"""Winding numbers and maxima of maps whose answer is known, and of flows, where the theorem gives it."""

import math

import pytest
import torch
from torch import Tensor, nn

from suite.datasets.annuli import circle
from suite.experiments.massaroli2020.annuli_topology import CircleProfile, PlanarMap, look_closer, winding_number
from suite.models.ode_block import ODEBlock
from suite.models.planar_classifiers import PlanarClassifier, perceptron_field


def power(exponent: int) -> PlanarMap:
    """The complex map ``z -> z^exponent``, which winds as often as its exponent says."""

    def image(points: Tensor) -> Tensor:
        return torch.view_as_real(torch.view_as_complex(points.contiguous()) ** exponent)

    return image


@pytest.mark.parametrize("exponent", [1, 2, 3, 5])
def test_powers_wind_as_often_as_their_exponent(exponent: int) -> None:
    found = winding_number(power(exponent), 2.0, 40)
    assert found.number == pytest.approx(exponent, abs=1e-9)
    assert found.largest_step <= 0.5


def test_a_reflection_winds_backwards_and_a_fold_not_at_all() -> None:
    assert winding_number(lambda x: x * torch.tensor([1.0, -1.0]), 1.0, 16).number == pytest.approx(-1)
    # A paraboloid's shadow: the circle lands far to one side of the image of the centre.
    folded = winding_number(lambda x: torch.stack([x.square().sum(1), 0.1 * x[:, 0]], dim=1), 1.0, 64)
    assert folded.number == pytest.approx(0, abs=1e-9)


def test_steps_that_turn_far_are_divided_until_the_number_is_the_curves_own() -> None:
    """A circle shifted until it all but touches the centre turns by almost pi within one coarse interval."""

    def shifted(points: Tensor) -> Tensor:
        # The origin stays where it is, the circle moves by 0.999 of its radius.
        return points + torch.where(points.norm(dim=1, keepdim=True) > 0, 0.999, 0.0) * torch.tensor([1.0, 0.0])

    found = winding_number(shifted, 1.0, 7)
    assert found.number == pytest.approx(1)
    assert found.largest_step <= 0.5
    assert found.points > 7


def test_a_narrow_peak_between_the_points_is_found() -> None:
    def peak(points: Tensor) -> Tensor:
        angle = torch.atan2(points[:, 1], points[:, 0])
        return 1 / (1 + ((angle - 1.0) / 1e-3).square())

    values = peak(circle(2.0, 100))
    assert float(values.max()) < 0.5
    found = look_closer(peak, 2.0, values)
    assert found.largest == pytest.approx(1, abs=1e-3)
    assert found.angle_of_largest == pytest.approx(1.0, abs=1e-4)
    # Above one half it is 2e-3 rad wide.
    assert found.share_above(0.5) == pytest.approx(2e-3 / (2 * math.pi), rel=0.1)


def test_share_of_a_circle_above_a_threshold_is_that_of_the_cosine() -> None:
    angles = torch.linspace(0, 2 * math.pi, 2_001, dtype=torch.float64)[:-1]
    cosine = CircleProfile(angles, angles.cos())
    for threshold in (-0.9, 0.0, 0.5, 0.99):
        assert cosine.share_above(threshold) == pytest.approx(math.acos(threshold) / math.pi, abs=1e-5)
    assert cosine.share_above(1.0) == 0.0
    assert cosine.share_above(-1.1) == pytest.approx(1)


def test_a_flow_keeps_the_winding_number_and_its_read_out_has_no_maximum_inside() -> None:
    """Any planar flow with any linear read-out, here with random weights of a strong, depth-dependent field."""
    torch.manual_seed(2)
    block = ODEBlock(perceptron_field(2, 2, (16,), reads_depth=True))
    model = PlanarClassifier(nn.Identity(), block, nn.Linear(2, 1)).double()
    with torch.no_grad():
        for parameter in model.field.parameters():
            parameter.mul_(4)
    found = winding_number(lambda x: model.final_states(x, 1e-8), 2.0, 200)
    assert found.number == pytest.approx(1, abs=1e-9)
    assert found.largest_step < math.pi / 2
    values = model.predictions(circle(2.0, 400), 1e-8)
    outer = look_closer(lambda x: model.predictions(x, 1e-8), 2.0, values)
    inside = torch.cat([circle(radius, 100) for radius in (0.01, 0.5, 1.0, 1.9)])
    assert outer.largest > float(model.predictions(inside, 1e-8).max())
