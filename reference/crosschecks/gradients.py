"""Gradients of ODE solves: ours direct and adjoint, torchdiffeq's direct and adjoint, against finite differences."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import ClassVar

import torch
from torch import Tensor, nn

from reference.crosschecks.finite_differences import WRT, directional_derivatives, directions
from reference.crosschecks.gradient_problems import GradientProblem, analytic_problems, model_problem
from reference.libraries.suite import Suite
from reference.libraries.torchdiffeq import Torchdiffeq
from suite.declarations import Axis, Cell, Experiment, Library, Meter, ModelSpec, Profile, Settings, setting
from suite.models import ImageClassifier, ODEBlock
from suite.solvers import CountedField

_ODE_NET = ModelSpec("chen2018/table1", "ode-net")


@dataclass(frozen=True)
class GradientSettings(Settings):
    """Methods, tolerances and sizes of the comparison."""

    methods: tuple[str, ...] = setting(
        ("dopri5", "tsit5", "dopri8", "bosh3"), ours="adaptive methods of orders 3, 5 and 8; torchdiffeq lacks tsit5"
    )
    tolerances: tuple[float, ...] = setting(
        (1e-3, 1e-4, 1e-5, 1e-6, 1e-7, 1e-8, 1e-9, 1e-10), ours="absolute and relative, the same forwards and backwards"
    )
    trained_tolerances: tuple[float, ...] = setting(
        (1e-2, 1e-3, 1e-4, 1e-5, 1e-6),
        ours="the same for the trained ODE-Net's field, whose finite differences are less exact",
    )
    trained_methods: tuple[str, ...] = setting(("dopri5", "bosh3"), ours="methods on the trained ODE-Net's field")
    outputs: int = setting(5, ours="output times, the loss depending on all of them")
    directions: int = setting(16, ours="directions of the finite differences; every axis where there are no more")
    trained_directions: int = setting(6, ours="the same for the trained ODE-Net's field")
    images: int = setting(2, ours="test images whose features start the trained field")


class Gradients(Experiment):
    """Relative error of gradients with respect to initial state, parameters and times.

    The error is ``|g - d| / |d|`` over the directions of the finite differences: ``g`` the gradient's products with
    them, ``d`` the central differences of a loss solved by scipy at a tighter tolerance.
    """

    id = "crosscheck/gradients"
    title = "Gradient correctness: direct and adjoint, ours and torchdiffeq's, against finite differences"
    variants = (
        "torchdiffeq-direct",
        "torchdiffeq-adjoint",
        "direct",
        "adjoint-segments",
        "adjoint-quadrature",
        "adjoint-seminorm",
        "adjoint",
    )
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": GradientSettings(
            methods=("dopri5",),
            trained_methods=("dopri5",),
            tolerances=(1e-4, 1e-7),
            trained_tolerances=(1e-3,),
            outputs=3,
            directions=2,
            trained_directions=1,
            images=1,
        ),
        "quick": GradientSettings(
            methods=("dopri5", "dopri8"),
            trained_methods=("dopri5",),
            tolerances=(1e-3, 1e-4, 1e-6, 1e-8, 1e-10),
            trained_tolerances=(1e-1, 1e-2, 1e-3),
            outputs=3,
            directions=6,
            trained_directions=2,
            images=1,
        ),
        "laptop": GradientSettings(
            methods=("dopri5", "tsit5", "dopri8"), trained_tolerances=(1e-1, 1e-2, 1e-3, 1e-4), trained_directions=3
        ),
        "paper": GradientSettings(),
    }
    datasets = ("mnist",)
    headline = "gradient_error"
    paper_cost = "estimated, not measured: 10 minutes on one core; a GPU does not help, the problems are small"

    def needs(self, cell: Cell) -> Sequence[ModelSpec]:
        """Every cell takes the field of Table 1's trained ODE-Net."""
        del cell
        return (_ODE_NET,)

    def run(self, cell: Cell, meter: Meter) -> None:
        """Measure one way to differentiate on every problem, method and tolerance."""
        settings = cell.settings
        if not isinstance(settings, GradientSettings):
            raise TypeError(f"{cell.name} has settings of {type(settings).__name__}, not GradientSettings")
        library, gradient = _way(cell.variant)
        problems = [*analytic_problems(settings.outputs, meter.generator("problems")), _trained(settings, meter)]
        for done, problem in enumerate(problems):
            trained = problem.name == "ode-net"
            count = settings.trained_directions if trained else settings.directions
            along = directions(problem, count, meter.generator(f"directions of {problem.name}"))
            exact = _finite_differences(problem, along)
            tolerances = settings.trained_tolerances if trained else settings.tolerances
            methods = settings.trained_methods if trained else settings.methods
            for method in (name for name in methods if name in library.methods):
                for tolerance in tolerances:
                    axes: dict[str, Axis] = {"problem": problem.name, "method": method, "tolerance": tolerance}
                    found = differentiate(problem, library, gradient, method, tolerance)
                    meter.record("nfe_forward", found.nfe_forward, "evaluations", **axes)
                    meter.record("nfe_backward", found.nfe_backward, "evaluations", **axes)
                    for wrt in WRT:
                        products = along[wrt] @ found.gradients[wrt]
                        error = float((products - exact[wrt]).norm() / exact[wrt].norm())
                        meter.record("gradient_error", error, "1", **axes, wrt=wrt, reference="finite-differences")
            meter.progress(done + 1, len(problems), "problems")


@dataclass(frozen=True, eq=False)
class Differentiated:
    """Gradients of one backward pass, flat, and what both passes cost."""

    gradients: dict[str, Tensor]
    nfe_forward: int
    nfe_backward: int


def _way(variant: str) -> tuple[Library, str]:
    """Return the library of a variant and its name for the way to differentiate."""
    library: Library = Torchdiffeq() if variant.startswith("torchdiffeq-") else Suite()
    gradient = variant.removeprefix("torchdiffeq-").removeprefix("adjoint-")
    return library, gradient


def _trained(settings: GradientSettings, meter: Meter) -> GradientProblem:
    """Return the problem of the trained ODE-Net's field, from the features of test images."""
    model = meter.trained(_ODE_NET).cpu()
    if not (isinstance(model, ImageClassifier) and isinstance(model.body, ODEBlock)):
        raise TypeError("Table 1's ODE-Net is an image classifier with an ODE block")
    with torch.no_grad():
        features = model.stem(meter.dataset("mnist").test_images[: settings.images])
    field = model.body.counted.vector_field
    if not isinstance(field, nn.Module):
        raise TypeError("the vector field of Table 1's ODE-Net is a module")
    return model_problem("ode-net", field, features, settings.outputs, meter.generator("weights of ode-net"))


# The seven variants of a seed share their finite differences; in one process they are computed once.
_computed: dict[str, dict[str, Tensor]] = {}


def _finite_differences(problem: GradientProblem, along: dict[str, Tensor]) -> dict[str, Tensor]:
    tensors = [problem.y0, problem.times, problem.weights, *problem.field.parameters(), *along.values()]
    content = b"".join(tensor.detach().numpy().tobytes() for tensor in tensors)
    key = f"{problem.name} {hashlib.sha256(content).hexdigest()}"
    if key not in _computed:
        _computed[key] = directional_derivatives(problem, along)
    return _computed[key]


def differentiate(
    problem: GradientProblem, library: Library, gradient: str, method: str, tolerance: float
) -> Differentiated:
    """Differentiate the loss of a problem once, forwards and backwards at one tolerance.

    Args:
        problem: The problem.
        library: Whose solver.
        gradient: One of the library's ways to differentiate.
        method: Method of the solver.
        tolerance: Absolute and relative.
    """
    field = CountedField(problem.field)
    y0 = problem.y0.clone().requires_grad_(True)
    times = problem.times.clone().requires_grad_(True)
    states = library.odeint(field, y0, times, method=method, rtol=tolerance, atol=tolerance, gradient=gradient)
    forward = field.nfe
    parameters = tuple(problem.field.parameters())
    by_y0, by_times, *by_parameters = torch.autograd.grad(problem.loss(states), (y0, times, *parameters))
    return Differentiated(
        {
            "y0": by_y0.reshape(-1),
            "parameters": torch.cat([gradient.reshape(-1) for gradient in by_parameters]),
            "times": by_times,
        },
        forward,
        field.nfe - forward,
    )
