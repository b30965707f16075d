"""Vector fields with known properties: mild, contracting, and of a stiffness that differs between samples."""

from suite.models.dynamics.linear_decay import LinearDecay
from suite.models.dynamics.tanh_field import TanhField
from suite.models.dynamics.van_der_pol import VanDerPol

__all__ = ["LinearDecay", "TanhField", "VanDerPol"]
