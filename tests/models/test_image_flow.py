"""Image classifiers with a Neural ODE and convolutional corrections: shapes, sizes by hand, and where g starts."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from suite.models import parameter_count
from suite.models.image_flow import ImageFlowSize, convolutional_correction, image_classifier, steady_convolutions
from suite.solvers import solve
from suite.solvers.hyper import Hypersolver


def convolution(before: int, after: int) -> int:
    """Return the parameters of a 3 x 3 convolution."""
    return 9 * before * after + after


@pytest.mark.parametrize(("keep_image", "added"), [(True, 3), (False, 4)])
def test_classifier_maps_images_to_states_and_scores(keep_image: bool, added: int) -> None:
    model = image_classifier(ImageFlowSize(1, 4, 5, keep_image, 2), tolerance=1e-2)
    images = torch.randn(3, 1, 8, 8)
    states = model.augmentation(images)
    assert states.shape == (3, 4, 8, 8)
    assert model(images).shape == (3, 10)
    field = convolution(4, 5) + convolution(5, 5) + convolution(5, 4)
    assert parameter_count(model) == 2 + convolution(1, added) + field + 10 * (4 * 4 + 1)
    if keep_image:
        assert isinstance(model.augmentation, nn.Sequential)
        torch.testing.assert_close(states[:, :1], model.augmentation[0](images))


def test_field_does_not_see_the_depth_and_is_the_plain_composition() -> None:
    field = steady_convolutions(2, 3)
    z = torch.randn(2, 2, 5, 5)
    assert isinstance(field.layers, nn.Sequential)
    first, _, second, _, third = field.layers
    by_hand = third(nn.functional.softplus(second(nn.functional.softplus(first(z)))))
    for depth in (0.0, 0.7):
        torch.testing.assert_close(field(torch.tensor(depth), z), by_hand)


def test_untrained_hypersolver_is_its_base_solver() -> None:
    field, z = steady_convolutions(3, 4), torch.randn(2, 3, 6, 6)
    times, options = torch.tensor([0.0, 1.0], dtype=torch.float64), {"step_size": 0.25}
    for base, parts, stages in (("euler", ("state", "k1", "step"), 1), ("midpoint", ("state", "stages", "step"), 2)):
        correction = convolutional_correction(3, (4,), parts=parts, stages=stages, activation=nn.ReLU)
        plain = solve(field, z, times, method=base, options=options).states
        corrected = solve(field, z, times, method=Hypersolver(base, correction), options=options).states
        assert isinstance(plain, torch.Tensor)
        assert isinstance(corrected, torch.Tensor)
        assert torch.equal(plain, corrected)
        width = 3 * (1 + stages) + 1
        assert parameter_count(correction) == convolution(width, 4) + convolution(4, 3)
