"""Flows of probability densities: planar normalizing flows, and continuous ones that an ODE transports."""

from suite.models.flows.continuous_flow import ContinuousFlow
from suite.models.flows.flow_field import FlowField
from suite.models.flows.gaussian import gaussian_log_density, gaussian_samples
from suite.models.flows.planar_field import PlanarField
from suite.models.flows.planar_flow import NormalizingFlow, PlanarFlow

__all__ = [
    "ContinuousFlow",
    "FlowField",
    "NormalizingFlow",
    "PlanarField",
    "PlanarFlow",
    "gaussian_log_density",
    "gaussian_samples",
]
