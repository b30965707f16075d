"""The solver cases: their axes, and for each the work to time. One registry for airspeed-velocity and pytest-benchmark.

Preparing a case does everything that is not to be timed, and returns a function of no arguments that does the timed
work and ends with the device idle: both tools time it by the wall clock, launches and waiting included, which is what a
user waits. On CUDA the same work is also timed by events. Another library is reached by its name in the registry of
libraries alone.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor, nn

from suite.declarations import Library, LibraryMissingError
from suite.harness import meters, registry
from suite.harness.meters.call_time import call_time

from . import problems

WORK = ("forward", "adjoint", "training")
"""A solve without gradients; the backward pass of the adjoint method; one training step through the solver's steps."""
LIBRARIES = ("suite", "torchdiffeq")
METHODS = ("rk4", "dopri5")
DEVICES = ("cpu", "cuda")
SIZES = ("small", "large")
BATCHES = {"cpu": dict(zip(SIZES, (16, 512), strict=True)), "cuda": dict(zip(SIZES, (128, 65536), strict=True))}
"""States at once on each device: so few that the solver's own work is most of it, and enough to fill the device."""

TOLERANCE = 1e-6
"""Relative tolerance of adaptive methods; the absolute one is a hundredth of it."""

CUDA_WARM_UP = 3
"""Calls with which a case on CUDA is prepared, after which caches are filled and CUDA graphs captured."""


class CaseUnavailableError(NotImplementedError):
    """The case cannot run here (no GPU, no such library); both tools then skip it, with this reason."""


@dataclass(frozen=True)
class Case:
    """One point on the axes."""

    work: str
    library: str
    method: str
    device: str
    batch: int
    span: float = problems.SPAN

    @property
    def group(self) -> str:
        """What cases that differ in the library alone have in common."""
        return f"{self.work}, {self.method} on {self.device}, batch {self.batch}"


@dataclass(frozen=True)
class Prepared:
    """The timed work of a case, and the vector field whose evaluations it costs.

    Attributes:
        launch: The work, which on CUDA may end before the device does: what events are put around.
        field: The vector field.
        device: Where the work is done.
    """

    launch: Callable[[], Tensor]
    field: nn.Module
    device: torch.device

    def run(self) -> Tensor:
        """Do the work and wait for the device."""
        result = self.launch()
        meters.synchronise(self.device)
        return result

    def device_seconds(self, rounds: int = 10) -> float:
        """Return the shortest time [s] between CUDA events around the work; not-a-number on a CPU."""
        return min(call_time(self.launch, self.device).device for _ in range(rounds))


def every_case() -> Iterator[Case]:
    """Yield all cases, those of one group together."""
    for work, method, device, size, library in itertools.product(WORK, METHODS, DEVICES, SIZES, LIBRARIES):
        yield Case(work, library, method, device, BATCHES[device][size])


def require_device(device: str) -> None:
    """Raise :class:`CaseUnavailableError` where the device is missing."""
    if device == "cuda" and not torch.cuda.is_available():
        raise CaseUnavailableError("no CUDA device")


@lru_cache(maxsize=2)
def prepare(case: Case) -> Prepared:
    """Prepare a case and warm it up; cached, because airspeed-velocity sets a case up again before every timed call.

    Raises:
        CaseUnavailableError: When the device or the library is missing, or the library lacks the method.
    """
    prepared = fresh(case)
    for _ in range(CUDA_WARM_UP if case.device == "cuda" else 0):
        prepared.run()
    return prepared


def fresh(case: Case) -> Prepared:
    """Prepare a case on a vector field that no solve has seen, so that its first call evaluates it step by step.

    Raises:
        CaseUnavailableError: When the device or the library is missing, or the library lacks the method.
    """
    require_device(case.device)
    library = _library(case)
    return {"forward": _forward, "adjoint": _adjoint, "training": _training}[case.work](case, library)


def error(case: Case) -> float:
    """Return the relative error of a result: the final state, or the gradient with respect to the field's matrix.

    Raises:
        CaseUnavailableError: For a training step, whose exact result is not known.
    """
    if case.work == "training":
        raise CaseUnavailableError("a training step has no exact result")
    result = prepare(case).run()
    field, y0 = _linear_problem(case)
    exact = problems.exact_final_state(field, y0, case.span)
    if case.work == "adjoint":
        (exact,) = torch.autograd.grad(_loss(exact), [field.matrix])
    return float(((result - exact).norm() / exact.norm()).detach())


def _library(case: Case) -> Library:
    library = registry.libraries().get(case.library)
    if library is None:
        raise CaseUnavailableError(f"no library is registered as {case.library!r}")
    try:
        library.version()
    except LibraryMissingError as missing:
        raise CaseUnavailableError(str(missing)) from missing
    if case.method not in library.methods:
        raise CaseUnavailableError(f"{case.library} has no method {case.method!r}")
    return library


def _solve(case: Case, library: Library, field: nn.Module, y0: Tensor, gradient: str) -> Tensor:
    """Return the final state."""
    states = library.odeint(
        field,
        y0,
        torch.tensor([0.0, case.span], dtype=y0.dtype, device=y0.device),
        method=case.method,
        rtol=TOLERANCE,
        atol=TOLERANCE / 100,
        step_size=problems.STEP_SIZE if case.method == "rk4" else None,
        gradient=gradient,
    )
    return states[-1]


def _linear_problem(case: Case) -> tuple[problems.LinearField, Tensor]:
    """Return the field and states in float64, where the solver's error stands clear of rounding."""
    field = problems.LinearField().to(case.device, torch.float64)
    return field, problems.initial_state(case.batch, case.device).double()


def _loss(state: Tensor) -> Tensor:
    return state.square().mean()


def _forward(case: Case, library: Library) -> Prepared:
    field, y0 = _linear_problem(case)

    def run() -> Tensor:
        with torch.no_grad():
            return _solve(case, library, field, y0, "direct")

    return Prepared(run, field, torch.device(case.device))


def _adjoint(case: Case, library: Library) -> Prepared:
    field, y0 = _linear_problem(case)
    loss = _loss(_solve(case, library, field, y0, "adjoint"))

    def run() -> Tensor:
        return torch.autograd.grad(loss, [field.matrix], retain_graph=True)[0]

    return Prepared(run, field, torch.device(case.device))


def _training(case: Case, library: Library) -> Prepared:
    field = problems.TanhField().to(case.device)
    y0 = problems.initial_state(case.batch, case.device)
    # A rate of zero: the update costs the same, and every call then does the same work.
    optimiser = torch.optim.SGD(field.parameters(), lr=0.0)

    def run() -> Tensor:
        optimiser.zero_grad()
        loss = _loss(_solve(case, library, field, y0, "direct"))
        loss.backward()
        optimiser.step()
        return loss.detach()

    return Prepared(run, field, torch.device(case.device))
