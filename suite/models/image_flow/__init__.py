"""Neural ODEs on images and the convolutional corrections of their hypersolvers (Poli et al. 2020, released code)."""

from suite.models.image_flow.classifier import ImageFlowSize, image_classifier, steady_convolutions
from suite.models.image_flow.correction import convolutional_correction

__all__ = ["ImageFlowSize", "convolutional_correction", "image_classifier", "steady_convolutions"]
