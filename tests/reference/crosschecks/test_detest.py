"""The DETEST problems are those of the literature: closed forms, invariants, formulas alike in every library."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from scipy.linalg import expm
from scipy.optimize import brentq
from scipy.special import ellipj, jv, jvp
from torch import Tensor

from reference.crosschecks.detest import DetestProblem, problems
from reference.crosschecks.detest_systems import CENTRAL_MASS, GRAVITATION, PLANET_MASSES
from reference.libraries.prepared import prepare
from reference.libraries.scipy import Scipy

PROBLEMS = {problem.name: problem for problem in problems()}
T = 20.0

Vector = NDArray[np.float64]


@cache
def _end(name: str, method: str = "dopri8") -> Vector:
    problem = PROBLEMS[name]
    solve = prepare(Scipy(), problem.field, problem.y0, problem.times, method=method, rtol=1e-13, atol=1e-14)
    solve.run()
    return solve.states[-1].numpy()


def _kepler(eccentricity: float) -> list[float]:
    """Position and velocity of an orbit of semi-major axis 1 at time 20, by Kepler's equation."""
    anomaly = brentq(lambda e: e - eccentricity * np.sin(e) - T, 0, 2 * T, xtol=1e-15, rtol=1e-15)
    minor = np.sqrt(1 - eccentricity**2)
    rate = 1 / (1 - eccentricity * np.cos(anomaly))
    return [
        np.cos(anomaly) - eccentricity,
        minor * np.sin(anomaly),
        -np.sin(anomaly) * rate,
        minor * np.cos(anomaly) * rate,
    ]


def _chain(rates: list[float]) -> list[float]:
    """Bateman's chain from a unit of its first member, every entry of the generator written out."""
    generator = np.zeros((10, 10))
    for member, rate in enumerate(rates):
        generator[member, member] -= rate
        generator[member + 1, member] += rate
    return list(expm(T * generator)[:, 0])


def _diffusion(size: int) -> list[float]:
    """Sine series of ``u' = second difference of u`` from a unit in the first point."""
    angles = np.arange(1, size + 1) * np.pi / (size + 1)
    modes = np.sin(np.outer(np.arange(1, size + 1), angles)) * np.sqrt(2 / (size + 1))
    return list(modes @ (np.exp(T * (2 * np.cos(angles) - 2)) * modes[0]))


def _falling_body() -> list[float]:
    # y' = v, v' = a - b v^2 from rest: v = sqrt(a / b) tanh(sqrt(a b) t), and y its integral.
    a, b = 0.032, 0.4
    rate = np.sqrt(a * b)
    return [30 + np.log(np.cosh(rate * T)) / b, np.sqrt(a / b) * np.tanh(rate * T)]


def _pursuit() -> list[float]:
    # y' = sinh(-log(1 - t / 25)) = (25 / (25 - t) - (25 - t) / 25) / 2, and y its integral.
    left = 25 - T
    return [(-25 * np.log(left / 25) - (25**2 - left**2) / 50) / 2, (25 / left - left / 25) / 2]


def _torus() -> list[float]:
    radius = 2 + np.cos(T)
    return [radius * np.cos(T), radius * np.sin(T), np.sin(T)]


CLOSED_FORMS = {
    "A1": [np.exp(-T)],
    "A2": [1 / np.sqrt(1 + T)],
    "A3": [np.exp(np.sin(T))],
    "A4": [20 / (1 + 19 * np.exp(-T / 4))],
    "B2": [1 + np.exp(-T) / 2 + np.exp(-3 * T) / 2, 1 - np.exp(-3 * T), 1 - np.exp(-T) / 2 + np.exp(-3 * T) / 2],
    "B4": _torus(),
    "B5": list(ellipj(T, 0.51)[:3]),
    "C1": _chain([1.0] * 9),
    "C2": _chain([float(rate) for rate in range(1, 10)]),
    "C3": _diffusion(10),
    "C4": _diffusion(51),
    **{f"D{number}": _kepler(eccentricity) for number, eccentricity in enumerate((0.1, 0.3, 0.5, 0.7, 0.9), 1)},
    "E1": [jv(0.5, 1 + T), jvp(0.5, 1 + T)],
    "E4": _falling_body(),
    "E5": _pursuit(),
}


def test_there_are_25_problems_five_of_each_class() -> None:
    assert list(PROBLEMS) == [f"{letter}{number}" for letter in "ABCDE" for number in range(1, 6)]


@pytest.mark.parametrize("name", CLOSED_FORMS)
def test_end_state_equals_the_closed_form(name: str) -> None:
    np.testing.assert_allclose(_end(name), CLOSED_FORMS[name], rtol=1e-9, atol=1e-10)


@pytest.mark.parametrize("name", sorted(set(PROBLEMS) - set(CLOSED_FORMS)))
def test_end_state_without_closed_form_agrees_with_adams_of_lsoda(name: str) -> None:
    np.testing.assert_allclose(_end(name), _end(name, "lsoda"), rtol=1e-8, atol=1e-9)


def _spiral(t: float, y: Vector) -> float:
    # A5 is homogeneous: with y = t tan(angle), log(radius) + angle is constant.
    return float(np.log(np.hypot(t, y[0])) + np.arctan2(y[0], t))


def _populations(t: float, y: Vector) -> float:
    del t
    return float(y[0] - np.log(y[0]) + 2 * (y[1] - np.log(y[1])))


def _amount(t: float, y: Vector) -> float:
    del t
    return float(y.sum())


@pytest.mark.parametrize(
    ("name", "invariant"), [("A5", _spiral), ("B1", _populations), ("B3", _amount), ("C1", _amount), ("C2", _amount)]
)
def test_invariant_is_kept(name: str, invariant: object) -> None:
    assert callable(invariant)
    assert invariant(T, _end(name)) == pytest.approx(invariant(0.0, PROBLEMS[name].y0.numpy()), rel=1e-10)


def test_energy_and_momentum_of_the_outer_planets_are_kept() -> None:
    start, end = _five_bodies(PROBLEMS["C5"].y0.numpy()), _five_bodies(_end("C5"))
    np.testing.assert_allclose(end, start, rtol=1e-10)


def _five_bodies(state: Vector) -> Vector:
    """Energy and angular momentum in the frame of the centre of mass, the sun as a body of its own."""
    masses = np.array([CENTRAL_MASS, *PLANET_MASSES])
    at = np.concatenate([np.zeros((1, 3)), state[:15].reshape(5, 3)])
    velocity = np.concatenate([np.zeros((1, 3)), state[15:].reshape(5, 3)])
    velocity = velocity - masses @ velocity / masses.sum()
    at = at - masses @ at / masses.sum()
    energy = 0.5 * masses @ (velocity**2).sum(axis=1)
    for one in range(6):
        for other in range(one):
            energy -= GRAVITATION * masses[one] * masses[other] / np.linalg.norm(at[one] - at[other])
    return np.array([energy, *(masses[:, None] * np.cross(at, velocity)).sum(axis=0)])


def test_outer_planets_have_the_semi_major_axes_of_astronomy() -> None:
    positions, velocities = PROBLEMS["C5"].y0[:15].reshape(5, 3), PROBLEMS["C5"].y0[15:].reshape(5, 3)
    pull = GRAVITATION * (CENTRAL_MASS + torch.tensor(PLANET_MASSES, dtype=torch.float64))
    axes = 1 / (2 / positions.norm(dim=1) - velocities.square().sum(dim=1) / pull)
    torch.testing.assert_close(
        axes, torch.tensor([5.20, 9.58, 19.2, 30.1, 39.5], dtype=torch.float64), rtol=0.02, atol=0
    )


@pytest.mark.parametrize("problem", PROBLEMS.values(), ids=lambda problem: str(problem.name))
def test_formula_gives_numpy_and_torch_the_same_derivative(problem: DetestProblem) -> None:
    state = problem.y0 + 0.1
    constants = tuple(number.numpy() for number in problem.field.numbers())
    by_numpy = problem.field.formula(np, 0.7, state.numpy(), *constants)
    by_torch: Tensor = problem.field(torch.tensor(0.7, dtype=torch.float64), state)
    assert by_torch.shape == problem.y0.shape
    np.testing.assert_allclose(by_torch.numpy(), by_numpy, rtol=1e-14, atol=1e-15)


def test_formula_gives_jax_the_same_derivative() -> None:
    jax = pytest.importorskip("jax", reason="jax is not installed; pip install diffrax")
    with jax.enable_x64(True):
        for problem in PROBLEMS.values():
            constants = tuple(jax.numpy.asarray(number.numpy()) for number in problem.field.numbers())
            state = problem.y0 + 0.1
            by_jax = problem.field.formula(jax.numpy, 0.7, jax.numpy.asarray(state.numpy()), *constants)
            by_torch = problem.field(torch.tensor(0.7, dtype=torch.float64), state)
            np.testing.assert_allclose(np.asarray(by_jax), by_torch.numpy(), rtol=1e-14, atol=1e-15)


def test_an_unknown_problem_is_refused_by_name() -> None:
    with pytest.raises(ValueError, match="no DETEST problem is called 'F1'; they are A1, A2"):
        problems(["F1"])
