"""Fields of two linear layers whose parameters depend on depth in one way or another, and what can be read off them."""

from suite.models.two_layer_fields.dependence import DEPENDENCES, Dependence, two_layer_field
from suite.models.two_layer_fields.parameters_at_depth import DepthDependent, depth_variation, parameters_at
from suite.models.two_layer_fields.piecewise_mean import piecewise_mean
from suite.models.two_layer_fields.repeated_field import RepeatedField

__all__ = [
    "DEPENDENCES",
    "Dependence",
    "DepthDependent",
    "RepeatedField",
    "depth_variation",
    "parameters_at",
    "piecewise_mean",
    "two_layer_field",
]
