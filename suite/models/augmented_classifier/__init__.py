"""The image classifiers of Table 1 of Massaroli et al. 2020, after the authors' released notebooks."""

from suite.models.augmented_classifier.classifier import AugmentedClassifier, pooled_head
from suite.models.augmented_classifier.instance_normalised import (
    DepthInvariantField,
    ResidualStep,
    instance_normalised_layers,
)

__all__ = [
    "AugmentedClassifier",
    "DepthInvariantField",
    "ResidualStep",
    "instance_normalised_layers",
    "pooled_head",
]
