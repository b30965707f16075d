"""Vector fields of theorem 1 of Chen et al. 2018 beside the planar one: a general one, and one without divergence."""

from suite.models.exact_divergence.hamiltonian_field import HamiltonianField
from suite.models.exact_divergence.perceptron_field import PerceptronField
from suite.models.exact_divergence.trace import jacobian_trace

__all__ = ["HamiltonianField", "PerceptronField", "jacobian_trace"]
