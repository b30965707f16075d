"""Continuous normalizing flows controlled by data: one flow for many densities (Massaroli et al. 2020, section 5)."""

from suite.models.conditional_flow.class_densities import (
    ClassDensities,
    ConditionalDensities,
    FlowMaker,
    MixtureDensity,
    SelfControlledDensity,
    SeparateDensities,
)
from suite.models.conditional_flow.conditional_flow import ConditionalFlow
from suite.models.conditional_flow.controlled_field import ControlledField
from suite.models.conditional_flow.log_determinant import log_determinant

__all__ = [
    "ClassDensities",
    "ConditionalDensities",
    "ConditionalFlow",
    "ControlledField",
    "FlowMaker",
    "MixtureDensity",
    "SelfControlledDensity",
    "SeparateDensities",
    "log_determinant",
]
