"""The counts of the authors' re-do of Table 1, calculated from its description; two are in torchdiffeq's issue 32."""

import pytest
from torch import nn

from suite.models import ConvolutionalField, ImageClassifier, ODEBlock, parameter_count, perceptron, residual_body

CHANNELS = 64


@pytest.mark.parametrize(
    ("stem", "body", "count"),
    [
        ("conv", ODEBlock(ConvolutionalField(CHANNELS)), 208_266),
        ("conv", residual_body(CHANNELS, 6), 576_778),
        ("conv", residual_body(CHANNELS, 1), 206_858),
        ("conv", residual_body(CHANNELS, 0), 132_874),
        ("res", ODEBlock(ConvolutionalField(CHANNELS)), 232_970),
        ("res", residual_body(CHANNELS, 6), 601_482),
    ],
)
def test_classifier_has_the_parameters_of_the_redo(stem: str, body: nn.Module, count: int) -> None:
    assert parameter_count(ImageClassifier(body, channels=CHANNELS, stem_kind=stem)) == count


def test_perceptron_of_300_hidden_units_has_238510_parameters() -> None:
    assert parameter_count(perceptron(784, 300, 10)) == 238_510


def test_frozen_parameters_are_not_counted() -> None:
    model = perceptron(784, 300, 10)
    next(model.parameters()).requires_grad_(False)
    assert parameter_count(model) == 238_510 - 784 * 300
