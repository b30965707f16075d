"""Networks around dynamics of first, higher and selective higher order (Massaroli et al. 2020, appendix B.1)."""

from suite.models.order_networks.harmonic import HarmonicField, harmonic_start
from suite.models.order_networks.kinds import KINDS, Kind
from suite.models.order_networks.steady_field import SteadyField

__all__ = ["KINDS", "HarmonicField", "Kind", "SteadyField", "harmonic_start"]
