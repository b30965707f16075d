"""Differentiate through a solve: directly (autograd through ``solve``), or by the continuous adjoint."""

from suite.gradients.adjoint import odeint_adjoint
from suite.gradients.variants import Variant

__all__ = ["Variant", "odeint_adjoint"]
