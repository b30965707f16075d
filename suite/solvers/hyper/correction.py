"""A correction that is a network on the joined inputs of a step."""

from __future__ import annotations

from torch import Tensor, nn

from suite.solvers.hyper.inputs import InputForm, StepInputs


class NetworkCorrection(nn.Module):
    """``g(eps, s, x, z) = network([inputs of a declared form])``.

    Attributes:
        network: Maps the joined inputs to something like the state.
        form: Which inputs it takes.
    """

    def __init__(self, network: nn.Module, form: InputForm) -> None:
        super().__init__()
        self.network = network
        self.form = form

    def forward(self, inputs: StepInputs) -> Tensor:
        """Return the correction of a step, like the state."""
        correction: Tensor = self.network(self.form.join(inputs))
        return correction
