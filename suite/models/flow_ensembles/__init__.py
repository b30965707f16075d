"""Flows of several sizes trained at once: the same arithmetic in fewer and larger operations."""

from suite.models.flow_ensembles.field_ensemble import FieldEnsemble, GatedEnsemble, SteadyEnsemble
from suite.models.flow_ensembles.flow_ensemble import FlowEnsemble
from suite.models.flow_ensembles.steady_planar_field import SteadyPlanarField

__all__ = ["FieldEnsemble", "FlowEnsemble", "GatedEnsemble", "SteadyEnsemble", "SteadyPlanarField"]
