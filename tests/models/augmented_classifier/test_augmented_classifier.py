"""The networks of Table 1 of Massaroli et al. 2020, layer by layer."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from suite.models import parameter_count
from suite.models.augmented_classifier import (
    AugmentedClassifier,
    DepthInvariantField,
    ResidualStep,
    instance_normalised_layers,
    pooled_head,
)


def random_images(*shape: int) -> Tensor:
    return torch.randn(*shape, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


def randomised(layers: nn.Sequential) -> nn.Sequential:
    """Return the layers in float64 with random affine parameters of the normalisations too."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(2)
        for parameter in layers.double().parameters():
            nn.init.normal_(parameter, std=0.5)
    return layers


def instance_normalised(x: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """Each channel of each image by its own mean and variance over the pixels."""
    mean, variance = x.mean(dim=(2, 3), keepdim=True), x.var(dim=(2, 3), keepdim=True, unbiased=False)
    return (x - mean) / (variance + 1e-5).sqrt() * weight[:, None, None] + bias[:, None, None]


@pytest.mark.parametrize("normalise_input", [True, False])
def test_the_field_is_its_formula(normalise_input: bool) -> None:
    layers = randomised(instance_normalised_layers(3, 5, 2, normalise_input=normalise_input))
    x = random_images(2, 3, 6, 7)
    own = dict(layers.named_parameters())
    hidden = instance_normalised(x, own["0.weight"], own["0.bias"]) if normalise_input else x
    for name in ("1.weight", "3.weight"):
        hidden = functional.conv2d(hidden, own[name], padding=1)
        hidden = hidden.exp().log1p()
    hidden = instance_normalised(hidden, own["5.weight"], own["5.bias"])
    expected = torch.einsum("oc,bchw->bohw", own["6.weight"][:, :, 0, 0], hidden) + own["6.bias"][:, None, None]
    torch.testing.assert_close(layers(x), expected)
    assert {name for name in own if name.endswith("bias")} == (
        {"0.bias", "5.bias", "6.bias"} if normalise_input else {"5.bias", "6.bias"}
    )


def test_a_channel_near_zero_is_steep_by_the_root_of_epsilon_under_the_first_normalisation_alone() -> None:
    # The derivative of the normalisation at a constant channel is (delta - mean) / sqrt(1e-5): 316 times its argument.
    step = 1e-9 * random_images(1, 3, 8, 8)
    with_norm, without = (nn.GroupNorm(3, 3).double(), nn.Identity())
    grown = with_norm(step) - with_norm(torch.zeros_like(step))
    centred = step - step.mean(dim=(2, 3), keepdim=True)
    torch.testing.assert_close(grown, centred / math.sqrt(1e-5), rtol=1e-6, atol=0)
    assert isinstance(instance_normalised_layers(3, 5)[0], type(with_norm))
    assert isinstance(instance_normalised_layers(3, 5, normalise_input=False)[0], type(without))


def test_the_depth_does_not_matter_and_a_residual_step_is_one_of_euler() -> None:
    layers = randomised(instance_normalised_layers(3, 4))
    x = random_images(2, 3, 5, 5)
    field = DepthInvariantField(layers)
    assert torch.equal(field(torch.tensor(0.0), x), field(torch.tensor(0.7), x))
    assert torch.equal(ResidualStep(layers)(x), x + field(torch.tensor(0.0), x))


def test_the_head_averages_patches_of_a_grid() -> None:
    head = randomised(pooled_head(2, 3, 4))
    x = random_images(2, 2, 8, 12)
    convolution, linear = head[0], head[3]
    assert isinstance(convolution, nn.Conv2d)
    assert isinstance(linear, nn.Linear)
    patches = convolution(x).reshape(2, 3, 4, 2, 4, 3).mean(dim=(3, 5))
    torch.testing.assert_close(head(x), patches.flatten(1) @ linear.weight.T + linear.bias)


def test_the_classifier_is_its_three_parts_in_a_row() -> None:
    model = AugmentedClassifier(
        nn.Conv2d(1, 4, 1), ResidualStep(instance_normalised_layers(4, 4)), pooled_head(4, 6, 4)
    )
    x = torch.randn(3, 1, 9, 9)
    assert torch.equal(model(x), model.head(model.body(model.augmentation(x))))
    assert model(x).shape == (3, 10)
    assert parameter_count(model) == sum(parameter_count(part) for part in (model.augmentation, model.body, model.head))
