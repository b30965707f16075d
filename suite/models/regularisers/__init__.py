"""Losses along paths that make a flow easier to solve (Massaroli et al. 2020, appendix B.3)."""

from suite.models.regularisers.jacobian_norm import JacobianNorm
from suite.models.regularisers.kinetic import kinetic_energy, total_magnitude

__all__ = ["JacobianNorm", "kinetic_energy", "total_magnitude"]
