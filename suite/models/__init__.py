"""Vector fields and networks that the papers define."""

from suite.models.convolutional_field import ConvolutionalField
from suite.models.image_classifier import ImageClassifier, residual_body
from suite.models.ode_block import ODEBlock
from suite.models.parameter_count import parameter_count
from suite.models.perceptron import perceptron
from suite.models.residual_block import ResidualBlock
from suite.models.solved_field import Gradient
from suite.models.stems import STEMS, stem

__all__ = [
    "STEMS",
    "ConvolutionalField",
    "Gradient",
    "ImageClassifier",
    "ODEBlock",
    "ResidualBlock",
    "parameter_count",
    "perceptron",
    "residual_body",
    "stem",
]
