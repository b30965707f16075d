"""Parameters, options, norms and errors of ``odeint_adjoint``."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torchdiffeq
from torch import Tensor, nn

from suite.gradients import odeint_adjoint
from suite.solvers import CountedField, InvalidProblemError, NonFiniteError, odeint
from suite.solvers.tableaus import rk4
from tests.gradients.problems import Offset, Swirl, gradients, loss, relative_errors, start, true_gradients

T = torch.tensor([0.0, 0.5, 1.0], dtype=torch.float64)
VARIANTS = ("default", "seminorm", "quadrature", "segments")


def tensor(states: Tensor | tuple[Tensor, ...]) -> Tensor:
    assert isinstance(states, Tensor)
    return states


@pytest.mark.parametrize("options", [{}, {"norm": "seminorm"}])
@pytest.mark.parametrize(("method", "tolerance"), [("dopri5", 1e-9), ("bosh3", 1e-8)])
def test_gradients_agree_with_torchdiffeqs_adjoint(method: str, tolerance: float, options: dict[str, str]) -> None:
    arguments: dict[str, Any] = {"method": method, "rtol": tolerance, "atol": tolerance, "adjoint_options": options}
    ours = gradients(lambda field, y0, t: tensor(odeint_adjoint(field, y0, t, **arguments)))
    theirs = gradients(lambda field, y0, t: tensor(torchdiffeq.odeint_adjoint(field, y0, t, **arguments)))
    assert max(relative_errors(ours, theirs).values()) < 1e-5


@pytest.mark.parametrize("options", [{}, {"step_size": 0.05}])
def test_gradients_of_fixed_steps_agree_with_torchdiffeqs_adjoint(options: dict[str, float]) -> None:
    """Both solve the same adjoint system over the same grid from the same stored states.

    Not so for the first time: its gradient is an integral to them, and the Hamiltonian at that time to us.
    """
    arguments: dict[str, Any] = {"method": "rk4", "options": options}
    ours = gradients(lambda field, y0, t: tensor(odeint_adjoint(field, y0, t, **arguments)))
    theirs = gradients(lambda field, y0, t: tensor(torchdiffeq.odeint_adjoint(field, y0, t, **arguments)))
    errors = relative_errors(ours, theirs)
    assert errors.pop("t") < 1e-2
    assert max(errors.values()) < 1e-12


@pytest.mark.parametrize("variant", VARIANTS)
def test_parameter_that_the_field_does_not_use_has_gradient_zero(variant: str) -> None:
    field, y0 = Swirl(), start()
    field.register_parameter("unused", nn.Parameter(torch.ones(4)))
    loss(tensor(odeint_adjoint(field, y0, T, adjoint_options={"variant": variant}))).backward()
    assert torch.equal(field.get_parameter("unused").grad, torch.zeros(4))  # type: ignore[arg-type]
    assert field.a.grad is not None
    assert field.a.grad.abs().min() > 0


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("method", ["dopri5", "rk4"])
def test_constant_field_passes_the_cotangents_through(variant: str, method: str) -> None:
    y0 = start()
    states = odeint_adjoint(
        lambda t, y: torch.ones_like(y), y0, T, method=method, adjoint_params=(), adjoint_options={"variant": variant}
    )
    tensor(states).sum().backward()
    torch.testing.assert_close(y0.grad, torch.full_like(y0, 3.0))


def test_frozen_parameter_gets_no_gradient_and_the_others_theirs() -> None:
    field, y0 = Swirl(), start()
    field.b.requires_grad_(False)
    loss(tensor(odeint_adjoint(field, y0, T))).backward()
    whole, other = Swirl(), start()
    loss(tensor(odeint_adjoint(whole, other, T))).backward()
    assert field.b.grad is None
    torch.testing.assert_close(field.a.grad, whole.a.grad, rtol=1e-5, atol=1e-6)


def test_adjoint_params_says_what_to_differentiate_by() -> None:
    field, y0 = Swirl(), start()
    loss(tensor(odeint_adjoint(field, y0, T, adjoint_params=(field.a,)))).backward()
    assert field.b.grad is None
    assert field.a.grad is not None
    field, y0 = Swirl(), start()
    loss(tensor(odeint_adjoint(field, y0, T, adjoint_params=()))).backward()
    assert field.a.grad is None
    assert y0.grad is not None


def test_adjoint_params_may_be_computed_from_others() -> None:
    root = torch.tensor(0.7, dtype=torch.float64, requires_grad=True)
    rate, y0 = root**2, torch.ones(1, dtype=torch.float64, requires_grad=True)
    states = odeint_adjoint(lambda t, y: -rate * y, y0, T, adjoint_params=iter([rate]))
    tensor(states)[-1].sum().backward()
    assert root.grad is not None
    assert root.grad.item() == pytest.approx(-2 * 0.7 * math.exp(-(0.7**2)), rel=1e-6)


def test_function_that_is_no_module_needs_adjoint_params() -> None:
    with pytest.raises(InvalidProblemError, match=r"the vector field is not a torch\.nn\.Module, so .*adjoint_params"):
        odeint_adjoint(lambda t, y: -y, start(), T)


@pytest.mark.parametrize(
    ("forward", "backward", "options", "adjoint_options"),
    [
        ("dopri5", "tsit5", None, None),
        ("rk4", "dopri5", {"step_size": 0.01, "interp": "cubic"}, {}),
        ("dopri8", "rk4", None, {"step_size": 0.01}),
        ("dopri5", None, {"adaptive": False, "step_size": 0.01, "interp": "cubic"}, None),
        ("dopri5", "dopri5", None, {"adaptive": False, "step_size": 0.01}),
        ("dopri5", None, {"first_step": 0.01, "max_step": 0.1}, None),
        ("dopri5", None, {"norm": lambda y: y.abs().max()}, None),
        (
            "rk4",
            None,
            {"grid_constructor": lambda f, y, t: torch.linspace(0, 1, 41).double() * (t[-1] - t[0]) + t[0]},
            None,
        ),
    ],
)
def test_method_and_options_of_the_reverse_solve_are_free(
    forward: str, backward: str | None, options: dict[str, Any] | None, adjoint_options: dict[str, Any] | None
) -> None:
    def solve(field: nn.Module, y0: Tensor, t: Tensor) -> Tensor:
        return tensor(
            odeint_adjoint(
                field,
                y0,
                t,
                method=forward,
                rtol=1e-9,
                atol=1e-9,
                options=options,
                adjoint_method=backward,
                adjoint_options=adjoint_options,
            )
        )

    assert max(relative_errors(gradients(solve), true_gradients()).values()) < 1e-5


@pytest.mark.parametrize("variant", ["default", "segments"])
def test_norm_of_the_users_sees_time_state_adjoint_and_parameters(variant: str) -> None:
    field, y0, seen = Swirl(), start(), set()

    def norm(parts: tuple[Tensor, ...]) -> Tensor:
        seen.add(tuple(part.shape for part in parts))
        return torch.stack([part.abs().max() for part in parts]).max()

    states = odeint_adjoint(field, y0, T, adjoint_options={"norm": norm, "variant": variant})
    loss(tensor(states)).backward()
    assert seen == {((), (3,), (3,), (3, 3), (3,))}


def test_norm_that_ignores_the_parameters_is_the_seminorm() -> None:
    def nfe(options: dict[str, Any]) -> int:
        field, y0 = CountedField(Offset()), start()
        states = tensor(odeint_adjoint(field, y0, T, rtol=1e-6, atol=1e-6, adjoint_options=options))
        field.reset()
        states[-1].sum().backward()
        return field.nfe

    def state_and_adjoint(parts: tuple[Tensor, ...]) -> Tensor:
        _, y, adjoint, *_ = parts
        return torch.stack([part.square().mean().sqrt() for part in (y, adjoint)]).max()

    assert nfe({"norm": state_and_adjoint}) == nfe({"norm": "seminorm"}) < nfe({})


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (
            {"adjoint_options": {"variant": "fast"}},
            "variant is one of default, seminorm, quadrature, segments, not 'fast'",
        ),
        ({"adjoint_options": {"norm": "max"}}, "adjoint option norm is 'seminorm' or a function, not 'max'"),
        (
            {"adjoint_options": {"norm": "seminorm", "variant": "segments"}},
            "norm='seminorm' excludes variant='segments'",
        ),
        ({"adjoint_options": {"stepsize": 0.1}}, "unknown option 'stepsize'; this method takes beta"),
        ({"adjoint_options": {"first_step": -1.0}}, r"first_step is positive and finite, not -1\.0"),
        ({"adjoint_method": "rk45"}, "unknown method 'rk45'; the methods are"),
        ({"adjoint_rtol": -1e-3}, r"adjoint_rtol is a finite number of at least 0, not -0\.001"),
        ({"adjoint_atol": math.nan}, "adjoint_atol is a finite number of at least 0, not nan"),
        ({"rtol": torch.full((3,), 1e-3)}, "adjoint_rtol is a finite number of at least 0, not a Tensor"),
        ({"adjoint_method": "rk4", "options": {"max_step": 0.1}}, "options need adjoint_options beside them"),
        ({"t": T.flip(0)[[0, 2, 1]]}, "strictly increasing or decreasing"),
    ],
)
def test_mistake_about_the_reverse_solve_is_refused_before_any_work(arguments: dict[str, Any], words: str) -> None:
    field = CountedField(Swirl())
    with pytest.raises(InvalidProblemError, match=words) as caught:
        odeint_adjoint(field, start(), **({"t": T} | arguments))
    assert "\n" not in str(caught.value)
    assert field.nfe == 0


def test_complex_parameter_of_a_real_state_is_refused_where_its_gradient_is_part_of_the_state() -> None:
    matrix = torch.tensor([[0.5 + 1j, 0.2], [-0.3j, 0.1]], dtype=torch.complex128, requires_grad=True)
    y0 = torch.ones(2, dtype=torch.float64)

    def gradient(solver: Any, **arguments: Any) -> Tensor:
        states = solver(lambda t, y: (matrix @ y.to(matrix.dtype)).real, y0, T, rtol=1e-9, atol=1e-9, **arguments)
        (found,) = torch.autograd.grad(states[-1].sum(), matrix)
        return found

    with pytest.raises(InvalidProblemError, match="complex parameters need a complex state, or the variant 'quad"):
        gradient(odeint_adjoint, adjoint_params=(matrix,))
    quadrature = gradient(odeint_adjoint, adjoint_params=(matrix,), adjoint_options={"variant": "quadrature"})
    torch.testing.assert_close(quadrature, gradient(odeint), rtol=1e-7, atol=1e-7)


def test_tableau_given_twice_is_one_method() -> None:
    y0, options = start(), {"step_size": 0.01}
    states = odeint_adjoint(Swirl(), y0, T, method=rk4, adjoint_method=rk4, options=options)
    by_name = odeint_adjoint(Swirl(), y0, T, method="rk4", options=options)
    assert torch.equal(tensor(states), tensor(by_name))


def test_option_without_effect_on_the_reverse_solve_warns_at_the_call() -> None:
    with pytest.warns(UserWarning, match="options without effect on this method: step_size$"):
        odeint_adjoint(Swirl(), start().detach(), T, adjoint_options={"step_size": 0.1})


def test_tensor_tolerances_of_the_forward_solve_go_with_numbers_for_the_reverse_solve() -> None:
    def solve(field: nn.Module, y0: Tensor, t: Tensor) -> Tensor:
        tolerance = torch.full((3,), 1e-9, dtype=torch.float64)
        return tensor(
            odeint_adjoint(field, y0, t, rtol=tolerance, atol=tolerance, adjoint_rtol=1e-9, adjoint_atol=1e-9)
        )

    assert max(relative_errors(gradients(solve), true_gradients()).values()) < 1e-6


def test_reverse_solve_that_stops_says_where() -> None:
    """``y' = sqrt(y)`` stays at 0, where its derivative is infinite: the forward solve never notices."""
    y0 = torch.zeros(1, dtype=torch.float64, requires_grad=True)
    states = tensor(odeint_adjoint(lambda t, y: torch.sqrt(y), y0, T, adjoint_params=()))
    with pytest.raises(NonFiniteError, match=r"the vector field is not finite at t = 1$"):
        states[-1].sum().backward()


@pytest.mark.parametrize("variant", VARIANTS)
@pytest.mark.parametrize("method", ["dopri5", "rk4"])
def test_one_point_grid_passes_its_cotangent_to_the_initial_state(variant: str, method: str) -> None:
    field, y0 = Swirl(), start()
    t = torch.tensor([0.3], dtype=torch.float64, requires_grad=True)
    states = tensor(odeint_adjoint(field, y0, t, method=method, adjoint_options={"variant": variant}))
    torch.testing.assert_close(states, y0[None])
    (2 * states).sum().backward()
    torch.testing.assert_close(y0.grad, torch.full_like(y0, 2.0))
    assert field.a.grad is not None
    assert field.a.grad.count_nonzero() == 0
    assert t.grad is not None
    assert t.grad.count_nonzero() == 0


def test_states_are_those_of_odeint() -> None:
    field, y0 = Swirl(), start()
    plain = tensor(odeint(field, y0.detach(), T)).detach()
    # To rounding: where autograd does not follow a solve, the terms of its stage sums are added in another order.
    torch.testing.assert_close(tensor(odeint_adjoint(field, y0, T)).detach(), plain, rtol=0, atol=2e-13)
