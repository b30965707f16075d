"""Every library behind the one call: order of its methods, errors in step with the tolerance, gradients."""

from __future__ import annotations

import importlib.metadata
import math
from functools import cache

import numpy as np
import pytest
import torch
from scipy.linalg import expm
from torch import Tensor

from reference.libraries.diffrax import Diffrax
from reference.libraries.prepared import EvaluationLimitError, prepare
from reference.libraries.scipy import Scipy
from reference.libraries.suite import Suite
from reference.libraries.torchdiffeq import Torchdiffeq
from reference.libraries.torchdyn import Torchdyn
from reference.libraries.torchode import Torchode
from suite.declarations import Library, LibraryMissingError
from suite.solvers import METHODS
from tests.reference.libraries.fields import ForcedRotation

LIBRARIES: tuple[Library, ...] = (Suite(), Torchdiffeq(), Torchdyn(), Torchode(), Diffrax(), Scipy())
PEERS = LIBRARIES[2:]
FIXED = ("euler", "midpoint", "heun2")
ADAPTIVE = ("bosh3", "dopri5", "tsit5", "dopri8")
DIFFERENTIATING = [library for library in PEERS if library.gradients]

FIELD = ForcedRotation()
Y0 = torch.tensor([[1.0, 0.5], [0.2, -0.3], [1.0, 1.0]], dtype=torch.float64)
TIMES = torch.tensor([0.0, 2.0], dtype=torch.float64)


def _installed(library: Library) -> Library:
    try:
        library.version()
    except LibraryMissingError as missing:
        pytest.skip(str(missing))
    return library


@cache
def _exact(time: float) -> Tensor:
    """The flow of ``y' = y A + Re exp(i t)`` is that of a linear system with ``cos t`` and ``sin t`` as states."""
    system = np.zeros((4, 4))
    system[:2, :2] = FIELD.matrix.detach().numpy().T
    system[:2, 2] = 1.0  # the state 2 is cos t
    system[2, 3], system[3, 2] = -1.0, 1.0
    starts = np.concatenate([Y0.numpy(), np.ones((3, 1)), np.zeros((3, 1))], axis=1)
    return torch.from_numpy(starts @ expm(system * time).T)[:, :2]


def _error(library: Library, method: str, tolerance: float, step_size: float | None = None) -> float:
    solve = prepare(library, FIELD, Y0, TIMES, method=method, rtol=tolerance, atol=tolerance, step_size=step_size)
    solve.run()
    return float((solve.states[-1] - _exact(2.0)).abs().max())


def _having(methods: tuple[str, ...]) -> list[pytest.ParameterSet]:
    return [
        pytest.param(library, method, id=f"{library.name}-{method}")
        for library in PEERS
        for method in methods
        if method in library.methods
    ]


@pytest.mark.parametrize(("library", "method"), _having(FIXED))
def test_fixed_step_error_falls_with_the_order_of_the_method(library: Library, method: str) -> None:
    coarse, fine = (_error(_installed(library), method, 1e-3, step) for step in (0.02, 0.01))
    assert math.log2(coarse / fine) == pytest.approx(1 if method == "euler" else 2, abs=0.15)


@pytest.mark.parametrize(("library", "method"), _having(ADAPTIVE))
def test_adaptive_error_follows_the_tolerance(library: Library, method: str) -> None:
    _installed(library)
    tolerances = (1e-4, 1e-7) if library.name == "torchdyn" else (1e-4, 1e-7, 1e-10)
    for tolerance in tolerances:
        assert _error(library, method, tolerance) < 30 * tolerance


def test_torchdyn_in_double_precision_rounds_its_steps_to_single() -> None:
    library = _installed(Torchdyn())
    assert _error(library, "tsit5", 1e-12) > 1e-9


@pytest.mark.parametrize("library", PEERS, ids=lambda library: str(library.name))
def test_states_at_several_times_forwards_and_backwards_lie_on_the_exact_flow(library: Library) -> None:
    _installed(library)
    times = torch.tensor([0.0, 0.3, 1.1, 2.0], dtype=torch.float64)
    states = library.odeint(FIELD, Y0, times, method="dopri5", rtol=1e-7, atol=1e-7).detach()
    assert states.shape == (4, 3, 2)
    torch.testing.assert_close(states, torch.stack([_exact(t) for t in times.tolist()]), rtol=0, atol=3e-6)
    back = library.odeint(FIELD, _exact(2.0), times.flip(0), method="dopri5", rtol=1e-7, atol=1e-7).detach()
    torch.testing.assert_close(back[-1], Y0, rtol=0, atol=3e-6)


@pytest.mark.parametrize(
    ("library", "gradient"),
    [pytest.param(library, gradient, id=f"{library.name}-{gradient}")
     for library in DIFFERENTIATING for gradient in library.gradients],
)  # fmt: skip
def test_gradients_equal_finite_differences_of_the_matrix_exponential(library: Library, gradient: str) -> None:
    solve = prepare(_installed(library), FIELD, Y0, TIMES, method="dopri5", rtol=1e-8, atol=1e-8, gradient=gradient)
    solve.run()
    by_start, by_matrix = solve.gradients
    exact_by_start, exact_by_matrix = _exact_gradients()
    torch.testing.assert_close(by_start, exact_by_start, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(by_matrix, exact_by_matrix, rtol=1e-5, atol=1e-6)


@cache
def _exact_gradients() -> tuple[Tensor, Tensor]:
    """Differentiate the mean square at the end through the matrix exponential of the system with its forcing."""
    matrix, start = FIELD.matrix.detach().clone().requires_grad_(True), Y0.clone().requires_grad_(True)
    forcing = torch.tensor([[1.0, 0.0], [1.0, 0.0]], dtype=torch.float64)
    rotation = torch.tensor([[0.0, -1.0], [1.0, 0.0]], dtype=torch.float64)
    system = torch.cat(
        [torch.cat([matrix.T, forcing], dim=1), torch.cat([torch.zeros_like(rotation), rotation], dim=1)]
    )
    ones, zeros = torch.ones(3, 1, dtype=torch.float64), torch.zeros(3, 1, dtype=torch.float64)
    end = torch.cat([start, ones, zeros], dim=1) @ torch.matrix_exp(2.0 * system).T
    by_start, by_matrix = torch.autograd.grad(end[:, :2].square().mean(), (start, matrix))
    return by_start, by_matrix


def test_diffrax_evaluations_agree_with_those_that_a_callback_in_the_field_counts() -> None:
    library = _installed(Diffrax())
    counting = CountingRotation()
    for method in ("dopri5", "adaptive_heun"):  # with and without a last evaluation that is the next step's first
        counting.count = 0
        solve = prepare(library, counting, Y0, TIMES, method=method, rtol=1e-5, atol=1e-5)
        solve.run()
        assert counting.count <= solve.nfe <= counting.count + 3


class CountingRotation(ForcedRotation):
    """The same field, which counts on the host how often compiled code evaluates it."""

    count = 0

    def formula(self, xp: object, t: object, y: object, *numbers: object) -> object:
        import jax

        zero = jax.pure_callback(self._one_more, jax.ShapeDtypeStruct((), np.float64), t)
        return super().formula(xp, t, y, *numbers) + zero

    def _one_more(self, t: object) -> np.ndarray[tuple[()], np.dtype[np.float64]]:
        del t
        self.count += 1
        return np.zeros((), np.float64)


@pytest.mark.parametrize("library", LIBRARIES, ids=lambda library: str(library.name))
def test_a_solve_beyond_its_evaluations_is_given_up(library: Library) -> None:
    _installed(library)
    with pytest.raises(EvaluationLimitError, match="more than 50 evaluations"):
        prepare(library, FIELD, Y0, TIMES, method="dopri5", rtol=1e-12, atol=1e-12, most_evaluations=50).run()


def test_a_library_that_is_not_installed_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def absent(name: str) -> str:
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(importlib.metadata, "version", absent)
    for library in PEERS:
        with pytest.raises(LibraryMissingError, match=f"{library.name} is not installed; pip install {library.name}"):
            library.version()


def test_diffrax_refuses_a_field_of_torch_alone() -> None:
    library = _installed(Diffrax())
    with pytest.raises(TypeError, match="diffrax takes a NeutralField, not a Linear"):
        library.odeint(torch.nn.Linear(2, 2), Y0, TIMES, method="dopri5", rtol=1e-3, atol=1e-3)


def test_methods_carry_the_names_of_ours() -> None:
    for library in (Torchdyn(), Torchode(), Diffrax()):
        assert library.methods <= set(METHODS)
