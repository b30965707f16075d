"""The suite measures: solvers, gradients, models, data sets and experiments of continuous-depth deep learning.

``odeint``, ``odeint_adjoint``, ``odeint_event`` and ``odeint_dense`` take what torchdiffeq's functions of these names
take and return what they return; ``solve`` is the full form.
"""

from suite.gradients import odeint_adjoint, odeint_event
from suite.solvers import odeint, odeint_dense, solve

__all__ = ["odeint", "odeint_adjoint", "odeint_dense", "odeint_event", "solve"]
