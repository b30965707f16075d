"""Differentiate through a solve: directly (autograd through ``solve``), or in one of the ways given here."""

from suite.gradients.adjoint import odeint_adjoint
from suite.gradients.checkpointed import Checkpointed
from suite.gradients.continuous_adjoint import Adjoint
from suite.gradients.event import odeint_event
from suite.gradients.generalised import solve_with_integral
from suite.gradients.interpolated import InterpolatedAdjoint
from suite.gradients.reversible import Reversible
from suite.gradients.variants import Variant

__all__ = [
    "Adjoint",
    "Checkpointed",
    "InterpolatedAdjoint",
    "Reversible",
    "Variant",
    "odeint_adjoint",
    "odeint_event",
    "solve_with_integral",
]
