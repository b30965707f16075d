import pytest
import torch
from torch.nn import functional

from suite.models import STEMS, ConvolutionalField, ImageClassifier, ODEBlock, ResidualBlock, residual_body, stem
from suite.models.normalisation import group_norm


@pytest.mark.parametrize(("channels", "groups"), [(4, 4), (32, 32), (64, 32), (96, 32)])
def test_normalisation_has_at_most_32_groups(channels: int, groups: int) -> None:
    assert group_norm(channels).num_groups == groups


@pytest.mark.parametrize("channels", [0, 48])
def test_channels_that_cannot_be_grouped_are_refused(channels: int) -> None:
    with pytest.raises(ValueError, match=f"1 to 32 or a multiple of 32, not {channels}"):
        group_norm(channels)


@pytest.mark.parametrize(("kind", "size"), [("conv", 6), ("res", 7)])
def test_stem_downsamples_twice(kind: str, size: int) -> None:
    assert stem(kind, 1, 4)(torch.rand(2, 1, 28, 28)).shape == (2, 4, size, size)


def test_unknown_stem_lists_the_known_ones() -> None:
    with pytest.raises(ValueError, match="unknown stem 'pool'; the stems are conv, res"):
        stem("pool", 1, 4)


def test_residual_block_without_its_last_convolution_is_the_identity() -> None:
    block = ResidualBlock(4, 4)
    torch.nn.init.zeros_(block.conv2.weight)
    x = torch.randn(2, 4, 6, 6)
    assert torch.equal(block(x), x)


def test_residual_block_activates_before_each_convolution() -> None:
    block = ResidualBlock(4, 8, stride=2)
    x = torch.randn(2, 4, 7, 7)
    activated = functional.group_norm(x, 4).relu()
    inner = functional.conv2d(activated, block.conv1.weight, stride=2, padding=1)
    residual = functional.conv2d(functional.group_norm(inner, 8).relu(), block.conv2.weight, padding=1)
    assert block.projection is not None
    shortcut = functional.conv2d(activated, block.projection.weight, stride=2)
    torch.testing.assert_close(block(x), shortcut + residual)


@pytest.mark.parametrize("kind", STEMS)
def test_classifier_maps_images_to_ten_scores_and_trains_every_parameter(kind: str) -> None:
    for body in (residual_body(4, 2), residual_body(4, 0), ODEBlock(ConvolutionalField(4), rtol=1e-2, atol=1e-2)):
        model = ImageClassifier(body, channels=4, stem_kind=kind)
        scores = model(torch.rand(3, 1, 28, 28))
        assert scores.shape == (3, 10)
        functional.cross_entropy(scores, torch.tensor([1, 2, 3])).backward()
        # Biases before a normalisation by channel have no effect on the scores, so their gradient may be zero.
        weights = [parameter for parameter in model.parameters() if parameter.dim() > 1]
        assert all(weight.grad is not None and weight.grad.abs().max() > 0 for weight in weights)
