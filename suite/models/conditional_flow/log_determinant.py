"""The log-determinant of the map that a flow makes of its data, by automatic differentiation of the solve."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor

from suite.models.flows import ContinuousFlow

FlowOf = Callable[[Tensor], ContinuousFlow]
"""The flow that given points go through; it may be controlled by the points themselves."""


def log_determinant(flow_of: FlowOf, x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Return what a flow says the log-determinant of ``x -> z`` is, and what it is.

    The Jacobian is that of the whole map: where the flow is controlled by ``x``, through the control as well. It takes
    one differentiable solve and ``d`` backward passes.

    Args:
        flow_of: From points to their flow, which must differentiate through the solver (``direct``).
        x: Data, shape ``[n, d]``, mapped each by itself.

    Returns:
        The images ``z [n, d]`` at the base; the integral of the trace, shape ``[n]``; and
        ``log |det dz/dx|``, shape ``[n]``.

    Raises:
        ValueError: When the flow would be differentiated by the adjoint equation, which leaves out the control.
    """
    with torch.enable_grad():
        point = x.detach().requires_grad_()
        flow = flow_of(point)
        if flow.gradient != "direct":
            raise ValueError("the adjoint gives no gradient to the control; the flow has to be differentiated directly")
        states, changes = flow.transport(point, torch.zeros_like(point[:, 0]), (flow.end_time, 0.0))
        image = states[-1]
        rows = [torch.autograd.grad(image[:, i].sum(), point, retain_graph=True)[0].detach() for i in range(x.shape[1])]
    jacobian = torch.stack(rows, dim=1)
    # The flow carries minus the integral of the trace as the change of log-density along its way.
    return image.detach(), -changes[-1].detach(), torch.linalg.slogdet(jacobian).logabsdet
