"""Models that tell two classes of points in the plane apart, with a flow between two networks."""

from suite.models.planar_classifiers.fields import (
    data_controlled_perceptron,
    galerkin_perceptron,
    perceptron_field,
    stacked_perceptrons,
)
from suite.models.planar_classifiers.planar_classifier import PlanarClassifier

__all__ = [
    "PlanarClassifier",
    "data_controlled_perceptron",
    "galerkin_perceptron",
    "perceptron_field",
    "stacked_perceptrons",
]
