"""The networks of Table 1: one stem and one head, and between them residual blocks, nothing, or the solve of an ODE."""

from __future__ import annotations

from torch import nn

from suite.experiments.chen2018.table1_settings import Table1Settings
from suite.experiments.solver_choice import SolverChoice
from suite.models import Gradient, ImageClassifier, ODEBlock, perceptron, residual_body

ADAPTIVE = ("rk-net", "ode-net-vode", "ode-net")
"""The networks whose solver chooses its steps by a tolerance."""


def network(variant: str, settings: Table1Settings) -> nn.Module:
    """Return the untrained network of a variant."""
    if variant == "mlp":
        return perceptron(28 * 28, settings.hidden, 10)
    return ImageClassifier(_body(variant, settings), channels=settings.channels, stem_kind=settings.stem)


def training_solver(variant: str, settings: Table1Settings) -> tuple[SolverChoice, Gradient]:
    """Return the solver that an ODE network is trained with, and how it is differentiated."""
    tolerance = settings.tolerance
    solvers: dict[str, tuple[SolverChoice, Gradient]] = {
        "euler-1": (SolverChoice("euler", tolerance, steps=1), "direct"),
        "euler-4": (SolverChoice("euler", tolerance, steps=4), "direct"),
        "rk4-2": (SolverChoice("rk4", tolerance, steps=2), "direct"),
        "rk-net": (SolverChoice(settings.method, tolerance), "direct"),
        "ode-net-adams": (adams(settings, settings.adams_steps), "adjoint"),
        "ode-net-vode": (SolverChoice("vode_adams", tolerance), "adjoint"),
        "ode-net": (SolverChoice(settings.method, tolerance), "adjoint"),
    }
    return solvers[variant]


def adams(settings: Table1Settings, steps: int) -> SolverChoice:
    """Return our implicit Adams method with a number of equal steps."""
    return SolverChoice("implicit_adams", settings.tolerance, steps=steps, max_iters=settings.adams_iterations)


def ode_block(model: nn.Module) -> ODEBlock | None:
    """Return the block of continuous depth of a network that has one."""
    return model.body if isinstance(model, ImageClassifier) and isinstance(model.body, ODEBlock) else None


def _body(variant: str, settings: Table1Settings) -> nn.Module:
    residual_blocks = {"resnet": settings.blocks, "resnet-1": 1, "no-block": 0}
    if variant in residual_blocks:
        return residual_body(settings.channels, residual_blocks[variant])
    solver, gradient = training_solver(variant, settings)
    return solver.block(settings.channels, gradient)
