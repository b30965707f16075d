"""Gradients of ODE solves: every way of ours and torchdiffeq's direct and adjoint, against finite differences."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from reference.crosschecks.finite_differences import WRT, directional_derivatives, directions
from reference.crosschecks.gradient_problems import GradientProblem, analytic_problems, model_problem
from reference.crosschecks.reconstruction import WatchedField, reverse_solve_error
from reference.crosschecks.ways import REVERSIBLE_METHODS, WAYS, way
from suite.declarations import Axis, Cell, Experiment, Library, Meter, ModelSpec, Profile, Settings, setting
from suite.models import ImageClassifier, ODEBlock

EXACT = ("direct", "checkpointed", "recursive", "reversible")
"""Ways that differentiate the discretised solution itself; the others approximate a continuous gradient."""

TRAINED = "ode-net"
_ODE_NET = ModelSpec("chen2018/table1", TRAINED)


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
    reversible_steps: tuple[int, ...] = setting(
        (32, 64, 128, 256, 512, 1024), ours="steps of the reversible methods, which have a fixed size"
    )
    outputs: int = setting(5, ours="output times, the loss depending on all of them")
    latent_outputs: int = setting(24, ours="the same for the latent ODE, one for each observation of a series")
    directions: int = setting(16, ours="directions of the finite differences; every axis where there are no more")
    trained_directions: int = setting(6, ours="the same for the trained ODE-Net's field")
    images: int = setting(2, ours="test images whose features start the trained field")


class Gradients(Experiment):
    """Relative error of gradients with respect to initial state, parameters and times.

    ``gradient_error`` against ``finite-differences`` is ``|g - d| / |d|`` over the directions of the differences: ``g``
    the gradient's products with them, ``d`` the central differences of a loss solved by scipy at a tighter tolerance.
    Against ``direct`` it is ``|g - b| / |b|`` with ``b`` the gradient by backpropagation through the same solve, where
    the discretised solution is differentiated.

    ``reconstruction_error`` is ``|y - y(0)| / |y(0)|`` for the state ``y`` that a backward pass takes for the initial
    one: solved back from the end by the same method and tolerance for the continuous adjoints (as far as they drift
    where no stored output corrects them), and seen at the first time in the backward pass itself for the others.
    """

    id = "crosscheck/gradients"
    title = "Gradient correctness: every way to differentiate, ours and torchdiffeq's, against finite differences"
    variants = WAYS
    profiles: ClassVar[Mapping[Profile, Settings]] = {
        "smoke": GradientSettings(
            methods=("dopri5",),
            trained_methods=("dopri5",),
            tolerances=(1e-4, 1e-7),
            trained_tolerances=(1e-3,),
            reversible_steps=(16, 64),
            outputs=3,
            latent_outputs=20,
            directions=2,
            trained_directions=1,
            images=1,
        ),
        "quick": GradientSettings(
            methods=("dopri5", "dopri8"),
            trained_methods=("dopri5",),
            tolerances=(1e-3, 1e-4, 1e-6, 1e-8, 1e-10),
            trained_tolerances=(1e-1, 1e-2, 1e-3),
            reversible_steps=(64, 128, 256),
            outputs=3,
            latent_outputs=20,
            directions=4,
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
        settings = GradientSettings.of(cell.settings)
        library, gradient = way(cell.variant)
        analytic = analytic_problems(settings.outputs, settings.latent_outputs, meter.generator("problems"))
        problems = [*analytic, _trained(settings, meter)]
        for done, problem in enumerate(problems):
            count = settings.trained_directions if problem.name == TRAINED else settings.directions
            along = directions(problem, count, meter.generator(f"directions of {problem.name}"))
            exact = _finite_differences(problem, along)
            for accuracy in _accuracies(settings, problem, library, gradient):
                _measure(problem, library, gradient, accuracy, along, exact, meter)
            meter.progress(done + 1, len(problems), "problems")


@dataclass(frozen=True)
class Accuracy:
    """A method with its tolerance, or with its number of equal steps."""

    method: str
    tolerance: float = float("nan")
    steps: int = 0

    def axes(self) -> dict[str, Axis]:
        """Return it as the axes of a measurement."""
        if self.steps:
            return {"method": self.method, "steps": self.steps}
        return {"method": self.method, "tolerance": self.tolerance}

    def arguments(self, times: Tensor) -> dict[str, Any]:
        """Return it as arguments of a solve over ``times``."""
        if self.steps:
            # No solve on a grid reads the tolerances.
            step_size = float(times[-1] - times[0]) / self.steps
            return {"method": self.method, "rtol": 1e-3, "atol": 1e-3, "step_size": step_size}
        return {"method": self.method, "rtol": self.tolerance, "atol": self.tolerance}


def _accuracies(
    settings: GradientSettings, problem: GradientProblem, library: Library, gradient: str
) -> Iterator[Accuracy]:
    if gradient == "reversible":
        for method in REVERSIBLE_METHODS:
            yield from (Accuracy(method, steps=steps) for steps in settings.reversible_steps)
        return
    trained = problem.name == TRAINED
    for method in settings.trained_methods if trained else settings.methods:
        if method in library.methods:
            tolerances = settings.trained_tolerances if trained else settings.tolerances
            yield from (Accuracy(method, tolerance) for tolerance in tolerances)


def _measure(
    problem: GradientProblem,
    library: Library,
    gradient: str,
    accuracy: Accuracy,
    along: dict[str, Tensor],
    exact: dict[str, Tensor],
    meter: Meter,
) -> None:
    axes: dict[str, Axis] = {"problem": problem.name, **accuracy.axes()}
    found = differentiate(problem, library, gradient, accuracy)
    meter.record("nfe_forward", found.nfe_forward, "evaluations", **axes)
    meter.record("nfe_backward", found.nfe_backward, "evaluations", **axes)
    for wrt in WRT:
        error = _relative(along[wrt] @ found.gradients[wrt], exact[wrt])
        meter.record("gradient_error", error, "1", **axes, wrt=wrt, reference="finite-differences")
    if gradient in EXACT[1:]:
        direct = differentiate(problem, library, "direct", accuracy)
        for wrt in WRT:
            error = _relative(found.gradients[wrt], direct.gradients[wrt])
            meter.record("gradient_error", error, "1", **axes, wrt=wrt, reference="direct")
    if gradient not in (*EXACT, "interpolated"):
        meter.record("reconstruction_error", reverse_solve_error(problem, library, accuracy), "1", **axes)
    elif found.start is not None:
        meter.record("reconstruction_error", _relative(found.start, problem.y0), "1", **axes)


def _relative(found: Tensor, exact: Tensor) -> float:
    return float((found - exact).norm() / exact.norm())


@dataclass(frozen=True, eq=False)
class Differentiated:
    """Gradients of one backward pass, flat, what both passes cost, and the initial state that the backward pass saw."""

    gradients: dict[str, Tensor]
    nfe_forward: int
    nfe_backward: int
    start: Tensor | None


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
    return model_problem(TRAINED, field, features, settings.outputs, meter.generator("weights of ode-net"))


# The variants of a seed share their finite differences; in one process they are computed once.
_computed: dict[str, dict[str, Tensor]] = {}


def _finite_differences(problem: GradientProblem, along: dict[str, Tensor]) -> dict[str, Tensor]:
    tensors = [problem.y0, problem.times, problem.weights, *problem.field.parameters(), *along.values()]
    content = b"".join(tensor.detach().numpy().tobytes() for tensor in tensors)
    key = f"{problem.name} {hashlib.sha256(content).hexdigest()}"
    if key not in _computed:
        _computed[key] = directional_derivatives(problem, along)
    return _computed[key]


def differentiate(problem: GradientProblem, library: Library, gradient: str, accuracy: Accuracy) -> Differentiated:
    """Differentiate the loss of a problem once, forwards and backwards with the same accuracy.

    Args:
        problem: The problem.
        library: Whose solver.
        gradient: One of the library's ways to differentiate.
        accuracy: Method of the solver, and its tolerance or steps.
    """
    field = WatchedField(problem.field, float(problem.times[0]))
    y0 = problem.y0.clone().requires_grad_(True)
    times = problem.times.clone().requires_grad_(True)
    states = library.odeint(field, y0, times, gradient=gradient, **accuracy.arguments(problem.times))
    forward = field.nfe
    field.start = None
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
        field.start,
    )
