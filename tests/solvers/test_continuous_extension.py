"""Inside a step the solution is a polynomial of derived order that joins value and slope at both ends."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from suite.solvers import Interpolant, InvalidProblemError, explicit_methods, odeint_dense, solve
from suite.solvers.dense_output import continuous_extension
from suite.solvers.runge_kutta import Step
from tests.solvers.problems import slope, times, toda, toda_start, toda_taylor

# Known extensions from a method's own stages: of order 4 for dopri5 (Hairer, Norsett and Wanner I, section II.6) and
# tsit5 (Tsitouras 2011), the cubic Hermite polynomial for methods up to order 4 that have no more stages. dopri8's own
# give order 5; added stages raise it to 7, the order of DOP853's.
ORDERS = {1: 1, 2: 2, 3: 3, 4: 3, 5: 4, 8: 7}
INSIDE = (0.1, 0.3, 0.5, 0.7, 0.9)


def one_step(name: str, size: float) -> Interpolant:
    interpolant = solve(
        toda, toda_start(), times(0, size), method=name, options=fixed(name, size), dense=True
    ).interpolant
    assert interpolant is not None
    assert len(interpolant.steps) == 1
    return interpolant


def fixed(name: str, size: float) -> dict[str, object]:
    return {"step_size": size, "adaptive": False} if explicit_methods()[name].adaptive else {"step_size": size}


def value(interpolant: Interpolant, time: float) -> Tensor:
    state = interpolant(time)
    assert isinstance(state, Tensor)
    return state


@pytest.mark.parametrize("name", explicit_methods())
def test_order_of_the_extension_is_the_known_one(name: str) -> None:
    method = explicit_methods()[name]
    assert continuous_extension(method.tableau).order == ORDERS[method.order]


@pytest.mark.parametrize("name", explicit_methods())
def test_error_slope_inside_one_step_is_extension_order_plus_one(name: str) -> None:
    exact = toda_taylor()
    expected = continuous_extension(explicit_methods()[name].tableau).order + 1
    # Rounding hides the errors of a high order at small steps.
    sizes = [(0.035 if expected < 7 else 0.2) * 0.8**i for i in range(7)]
    errors = []
    for size in sizes:
        interpolant = one_step(name, size)
        errors.append(max(float((value(interpolant, x * size) - exact(x * size)).abs().max()) for x in INSIDE))
    found = slope(sizes, errors, 2e-14 if expected < 7 else 1e-12, 1.0)
    # The freedom in dopri8's extension is spent on its leading error, which leaves little of it.
    assert expected - 0.2 <= found <= expected + (1.0 if name == "dopri8" else 0.2)


def dormand_and_prince_inside(x: float) -> list[float]:
    """Weights at ``x`` of the extension that Hairer, Norsett and Wanner I, section II.6, give for dopri5."""
    bump, rise = x**2 * (x - 1) ** 2, x**2 * (3 - 2 * x)
    b1, _, b3, b4, b5, b6, _ = explicit_methods()["dopri5"].tableau.weights
    return [
        rise * b1 + x * (x - 1) ** 2 - bump * 5 * (2558722523 - 31403016 * x) / 11282082432,
        0.0,
        rise * b3 + bump * 100 * (882725551 - 15701508 * x) / 32700410799,
        rise * b4 - bump * 25 * (443332067 - 31403016 * x) / 1880347072,
        rise * b5 + bump * 32805 * (23143187 - 3489224 * x) / 199316789632,
        rise * b6 - bump * 55 * (29972135 - 7076736 * x) / 822651844,
        x**2 * (x - 1) + bump * 10 * (7414447 - 829305 * x) / 29380423,
    ]


def tsitouras_inside(x: float) -> list[float]:
    """Weights at ``x`` of the extension that Tsitouras (2011) gives for his pair."""
    return [
        -1.0530884977290216 * x * (x - 1.3299890189751412) * (x**2 - 1.4364028541716351 * x + 0.7139816917074209),
        0.1017 * x**2 * (x**2 - 2.1966568338249754 * x + 1.2949852507374631),
        2.490627285651252793 * x**2 * (x**2 - 2.38535645472061657 * x + 1.57803468208092486),
        -16.54810288924490272 * (x - 1.21712927295533244) * (x - 0.61620406037800089) * x**2,
        47.37952196281928122 * (x - 1.203071208372362603) * (x - 0.658047292653547382) * x**2,
        -34.87065786149660974 * (x - 1.2) * (x - 2 / 3) * x**2,
        2.5 * (x - 1) * (x - 0.6) * x**2,
    ]


@pytest.mark.parametrize(("name", "published"), [("dopri5", dormand_and_prince_inside), ("tsit5", tsitouras_inside)])
def test_extension_is_as_accurate_as_the_published_one(name: str, published: Callable[[float], list[float]]) -> None:
    exact, size = toda_taylor(), 0.03
    interpolant = one_step(name, size)
    (step,) = interpolant.steps
    assert isinstance(step, Step)

    stages = step.stages

    def published_value(x: float) -> Tensor:
        return step.y0 + size * torch.mv(stages, torch.tensor(published(x), dtype=torch.float64))

    errors = [
        max(float((at(x) - exact(x * size)).abs().max()) for x in INSIDE)
        for at in (lambda x: value(interpolant, x * size), published_value)
    ]
    assert errors[0] <= 1.1 * errors[1] < 1e-7
    torch.testing.assert_close(published_value(1.0), step.y1, rtol=0, atol=1e-13)


@pytest.mark.parametrize("name", explicit_methods())
def test_value_and_slope_join_at_both_ends_of_a_step(name: str) -> None:
    interpolant = solve(toda, toda_start(), times(0, 1), method=name, options=fixed(name, 0.25), dense=True).interpolant
    assert interpolant is not None
    for before, after in zip(interpolant.steps, interpolant.steps[1:], strict=False):
        joint = torch.tensor(float(after.start), dtype=torch.float64, requires_grad=True)
        for step in (before, after):
            state = step.interpolate(joint)
            # The weights of dopri8's added stages are near a thousand, and so is what rounding gains.
            torch.testing.assert_close(state.detach(), after.y0, rtol=0, atol=2e-12 if name == "dopri8" else 1e-13)
            derivative = torch.stack([torch.autograd.grad(entry, joint, retain_graph=True)[0] for entry in state])
            torch.testing.assert_close(
                derivative, toda(joint.detach(), after.y0), rtol=0, atol=1e-10 if name == "dopri8" else 1e-12
            )


@pytest.mark.parametrize("name", [name for name, method in explicit_methods().items() if method.order <= 3])
def test_extension_up_to_order_three_is_the_cubic_hermite_polynomial(name: str) -> None:
    size = 0.4
    interpolant = one_step(name, size)
    (step,) = interpolant.steps
    f0, f1 = toda(times(0), step.y0), toda(times(size), step.y1)
    for x in INSIDE:
        hermite = (
            (1 + 2 * x) * (1 - x) ** 2 * step.y0
            + x * (1 - x) ** 2 * size * f0
            + x**2 * (3 - 2 * x) * step.y1
            + x**2 * (x - 1) * size * f1
        )
        torch.testing.assert_close(value(interpolant, x * size), hermite, rtol=0, atol=1e-14)


@pytest.mark.parametrize("direction", [1, -1])
def test_dense_solution_meets_the_tolerance_everywhere_and_counts_no_more_steps(direction: int) -> None:
    exact = toda_taylor()
    dense = odeint_dense(toda, toda_start(), times(0)[0], times(direction)[0], rtol=1e-9, atol=1e-9)
    for x in torch.linspace(0, direction, 41, dtype=torch.float64).tolist():
        # The oscillator starts at rest, and so reverses: x(-t) = x(t), v(-t) = -v(t).
        reversed_exact = exact(abs(x)) * times(1, direction)
        torch.testing.assert_close(value(dense, x), reversed_exact, rtol=0, atol=3e-8)
    plain = solve(toda, toda_start(), times(0, direction), rtol=1e-9, atol=1e-9)
    assert len(dense.steps) == plain.statistics.accepted


def test_dense_solution_refuses_a_time_outside_and_two_equal_times() -> None:
    dense = odeint_dense(toda, toda_start(), times(0)[0], times(1)[0])
    with pytest.raises(InvalidProblemError, match=r"the solution is known from 0 to 1, not at 1\.5"):
        dense(1.5)
    with pytest.raises(InvalidProblemError, match="strictly increasing or decreasing"):
        odeint_dense(toda, toda_start(), times(1)[0], times(1)[0])


def test_dense_solution_of_a_tuple_state_is_a_tuple() -> None:
    dense = odeint_dense(lambda t, y: (-y[0], y[0]), (times(1), times(0)), times(0)[0], times(1)[0])
    decayed, gathered = dense(0.5)
    torch.testing.assert_close(decayed, torch.exp(times(-0.5)), rtol=0, atol=1e-6)
    torch.testing.assert_close(gathered, 1 - decayed, rtol=0, atol=1e-14)


def test_dense_solution_at_a_tensor_time_has_the_field_for_its_derivative() -> None:
    dense = odeint_dense(toda, toda_start(), times(0)[0], times(1)[0], rtol=1e-10, atol=1e-10)
    time = torch.tensor(0.3, dtype=torch.float64, requires_grad=True)
    state = dense(time)
    assert isinstance(state, Tensor)
    (derivative,) = torch.autograd.grad(state[0], time)
    assert derivative.item() == pytest.approx(state[1].item(), abs=1e-7)
