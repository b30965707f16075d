"""A problem that cannot be solved is refused before any work, in one sentence that says what was wrong."""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from suite.solvers import (
    METHODS,
    CountedField,
    InvalidProblemError,
    InvalidTypeError,
    UnknownMethodError,
    odeint,
    solve,
)
from suite.solvers.vector_field import VectorField
from tests.solvers.problems import times

Y0 = times(1, 2)
T = times(0, 1)


def decay(t: Tensor, y: Tensor) -> Tensor:
    return -y


def refuse(words: str, field: VectorField = decay, y0: Any = Y0, t: Any = T, **arguments: Any) -> None:
    """Expect one sentence that holds ``words``, and that the field was called no more than once to find out."""
    counted = CountedField(field)
    # Recorded, as a warning that is an error would hide a storm of them.
    with warnings.catch_warnings(record=True) as storm:
        warnings.simplefilter("always")
        with pytest.raises(InvalidProblemError, match=words) as caught:
            solve(counted, y0, t, **arguments)
    assert not storm
    assert isinstance(caught.value, ValueError), "as handlers written for torchdiffeq expect"
    assert isinstance(caught.value, AssertionError), "likewise"
    assert "\n" not in str(caught.value)
    assert counted.nfe <= 1


def test_unknown_method_names_the_known_ones() -> None:
    with pytest.raises(UnknownMethodError, match="unknown method 'rk45'; the methods are ") as caught:
        odeint(decay, Y0, T, method="rk45")
    assert all(name in str(caught.value) for name in METHODS)


@pytest.mark.parametrize(
    ("t", "words"),
    [
        (times(0, 1, 0.5), r"output times t must be strictly increasing or decreasing, but 0\.5 follows 1"),
        (times(0, -1, 0.5), r"strictly increasing or decreasing, but -1 follows 0"),
        (times(0, 1, 1, 2), "strictly increasing or decreasing, but 1 follows 1"),
        (times(1, 1), "strictly increasing or decreasing, but 1 follows 1"),
        (times(), "output times t are empty; give at least one"),
        (times(0, math.nan, 1), "output times t must be finite, but include nan"),
        (times(0, math.inf), "output times t must be finite, but include inf"),
        (times(0, 1)[None], r"1-dimensional floating-point tensor, not of shape \(1, 2\)"),
        (times(1)[0], r"1-dimensional floating-point tensor, not of shape \(\)"),
        (torch.arange(3), r"1-dimensional floating-point tensor, not of shape \(3,\) and torch\.int64"),
        (times(0, 1) + 0j, r"1-dimensional floating-point tensor, .* torch\.complex128"),
        ([0.0, 1.0], "output times t are a tensor, not list"),
    ],
)
@pytest.mark.parametrize("method", ["dopri5", "rk4"])
def test_times_that_are_no_strictly_monotone_sequence(t: Any, words: str, method: str) -> None:
    refuse(words, t=t, method=method)


@pytest.mark.parametrize(
    ("y0", "words"),
    [
        ([1.0, 2.0], "initial state y0 is a tensor or a tuple of tensors, not list"),
        ((Y0, 1.0), "initial state y0 is a tensor or a tuple of tensors, not float"),
        (torch.tensor([1, 2]), r"initial state y0 is floating-point or complex, not torch\.int64"),
        ((Y0, torch.tensor([True])), r"initial state y0 is floating-point or complex, not torch\.bool"),
        ((Y0, Y0.float()), "the parts of y0 have one dtype and device, not .*float32.*float64"),
        ((), "initial state y0 is an empty tuple; it needs at least one tensor"),
    ],
)
def test_state_that_is_no_floating_point_tensor(y0: Any, words: str) -> None:
    refuse(words, y0=y0)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (lambda t, y: y[:1], r"returned a tensor of shape \(1,\) .* for a state of shape \(2,\)"),
        (lambda t, y: y[None], r"returned a tensor of shape \(1, 2\) .* for a state of shape \(2,\)"),
        (lambda t, y: y.sum(), r"returned a tensor of shape \(\) .* for a state of shape \(2,\)"),
        (lambda t, y: y.float(), r"and torch\.float32, for a state of shape \(2,\) and torch\.float64"),
        (lambda t, y: y + 0j, r"and torch\.complex128, for a state of shape \(2,\) and torch\.float64"),
        (lambda t, y: (y,), "returned a tuple of 1 for a state that is one tensor"),
        (lambda t, y: [y], r"returned a list, for a state of shape \(2,\)"),
        (lambda t, y: 0.0, r"returned a float, for a state of shape \(2,\)"),
        (lambda t, y: None, r"returned a NoneType, for a state of shape \(2,\)"),
    ],
)
@pytest.mark.parametrize("method", ["dopri5", "rk4"])
def test_field_that_returns_something_else_than_a_state(field: Callable[..., Any], words: str, method: str) -> None:
    refuse(words, field, method=method)


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (lambda t, y: y[0], r"returned a tensor of shape \(2,\) .* for a state that is a tuple of 2"),
        (lambda t, y: (y[0],), "returned a tuple of 1 for a state that is a tuple of 2"),
        (lambda t, y: (y[0], y[0]), r"returned a tensor of shape \(2,\) .*, for a state of shape \(\)"),
        (lambda t, y: (y[0], 1.0), r"returned a float, for a state of shape \(\)"),
    ],
)
def test_field_that_returns_another_tuple(field: Callable[..., Any], words: str) -> None:
    refuse(words, field, y0=(Y0, Y0[0]))


def test_field_may_return_a_list_for_a_tuple_as_in_torchdiffeq() -> None:
    first, second = odeint(lambda t, y: [-y[0], -y[1]], (Y0, Y0[0]), T)
    torch.testing.assert_close(first[-1], Y0 * math.exp(-1), rtol=1e-6, atol=0)
    torch.testing.assert_close(second, first[:, 0])


@pytest.mark.parametrize("name", ["rtol", "atol"])
@pytest.mark.parametrize(
    ("tolerance", "words"),
    [
        (-1e-3, r"is a finite number of at least 0, not -0\.001"),
        (math.nan, "is a finite number of at least 0, not nan"),
        (math.inf, "is a finite number of at least 0, not inf"),
        (times(1e-3, -1e-3), "has entries that are negative or not finite"),
        (times(1e-3, math.nan), "has entries that are negative or not finite"),
        (times(1e-3, 1e-3, 1e-3), "does not fit the state"),
        ((1e-3, 1e-3), "has 2 parts for a state of 1"),
        ("tight", "does not fit the state"),
        (None, "does not fit the state"),
        (1j, "does not fit the state"),
        (times(1e-3, 1e-3).requires_grad_(), "takes no part in differentiation, but requires a gradient"),
    ],
)
def test_tolerance_that_is_no_tolerance(name: str, tolerance: Any, words: str) -> None:
    refuse(f"{name} {words}", **{name: tolerance})


@pytest.mark.parametrize("name", ["rtol", "atol"])
@pytest.mark.parametrize("tolerance", [-1e-3, math.nan, math.inf])
def test_number_that_is_no_tolerance_is_refused_by_fixed_steps_too(name: str, tolerance: Any) -> None:
    refuse(f"{name} is a finite number of at least 0", method="rk4", **{name: tolerance})


def test_tolerance_that_is_zero_where_the_state_is() -> None:
    with pytest.raises(InvalidProblemError, match="atol is positive wherever the state is zero"):
        odeint(decay, times(0, 1), T, atol=0.0)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"stepsize": 0.1}, "unknown option 'stepsize'; this method takes beta, .*first_step, .*step_t"),
        ({"first_step": 0.0}, r"option first_step is positive and finite, not 0\.0"),
        ({"first_step": -0.1}, r"option first_step is positive and finite, not -0\.1"),
        ({"safety": 0.0}, r"option safety lies in \(0, 1\], not 0\.0"),
        ({"safety": math.nan}, r"option safety lies in \(0, 1\], not nan"),
        ({"dfactor": 1.5}, "0 < dfactor < 1 <= ifactor, not 1.5 and 10"),
        ({"ifactor": 0.5}, "0 < dfactor < 1 <= ifactor, not 0.2 and 0.5"),
        ({"min_step": 1.0, "max_step": 0.5}, "0 <= min_step <= max_step and 0 < max_step, not 1.0 and 0.5"),
        ({"max_step": 0.0}, "0 <= min_step <= max_step and 0 < max_step, not 0.0 and 0.0"),
        ({"min_step": -1.0}, "0 <= min_step <= max_step"),
        ({"max_num_steps": 0}, "option max_num_steps is a whole number of at least 1, not 0"),
        ({"max_num_steps": 2.5}, r"option max_num_steps is a whole number of at least 1, not 2\.5"),
        ({"max_num_steps": math.nan}, "option max_num_steps is a whole number of at least 1, not nan"),
        ({"max_num_steps": "many"}, "option max_num_steps is a number, not 'many'"),
        ({"first_step": times(0.1, 0.2)}, r"option first_step is a number, not a tensor of shape \(2,\)"),
        ({"safety": None}, "option safety is a number, not None"),
        ({"min_step": [1.0]}, r"option min_step is a number, not \[1\.0\]"),
        ({"dtype": torch.int64}, "option dtype is a floating-point dtype of torch, not torch.int64"),
        ({"dtype": "float64"}, "option dtype is a floating-point dtype of torch, not 'float64'"),
        ({"step_t": 0.5}, r"option step_t is a tensor or a sequence of times, not 0\.5"),
        ({"step_t": [0.5, "one"]}, "option step_t is a number, not 'one'"),
        ({"jump_t": times(math.nan)}, "option jump_t holds times, not nan"),
        ({"jump_t": times(1) + 1j}, r"option jump_t holds real times, not torch\.complex128"),
        ({"norm": 2}, "option norm is a function, not 2"),
        ({"norm": lambda y: None}, "option norm returns a real tensor of one entry, not a NoneType"),
        ({"norm": lambda y: 0.0}, "option norm returns a real tensor of one entry, not a float"),
        ({"norm": torch.abs}, r"option norm returns a real tensor of one entry, not a tensor of shape \(2,\)"),
        ({"norm": lambda y: y.sum() * math.nan}, "option norm is 0 for a state of zeros, not nan"),
        ({"beta": 0.5}, r"option beta lies in \[0, 0\.267\) for a method of order 5, not 0\.5"),
        ({"beta": -0.1}, r"option beta lies in \[0, 0\.267\)"),
        ({"beta": math.nan}, r"option beta lies in \[0, 0\.267\)"),
    ],
)
def test_option_of_an_adaptive_method_out_of_range(options: dict[str, Any], words: str) -> None:
    refuse(words, options=options)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"stepsize": 0.1}, "unknown option 'stepsize'; this method takes grid_constructor, interp, .*step_size"),
        ({"step_size": math.inf}, "option step_size is positive and finite, not inf"),
        ({"step_size": "small"}, "option step_size is a number, not 'small'"),
        ({"step_size": times(0.1, 0.2)}, r"option step_size is a number, not a tensor of shape \(2,\)"),
        ({"perturb": 1}, "option perturb is True or False, not 1"),
        ({"grid_constructor": 0.1}, r"option grid_constructor is a function, not 0\.1"),
        ({"grid_constructor": lambda f, y, t: None}, "times of grid_constructor are a tensor, not NoneType"),
        ({"grid_constructor": lambda f, y, t: t[:1]}, "grid_constructor made a grid from 0 to 0"),
        ({"grid_constructor": lambda f, y, t: times(0, 0.5, 0.3, 1)}, r"strictly increasing .*, but 0\.3 follows 0\.5"),
        ({"step_size": 0.0}, r"option step_size is positive and finite, not 0\.0"),
        ({"step_size": -0.1}, r"option step_size is positive and finite, not -0\.1"),
        ({"step_size": math.nan}, "option step_size is positive and finite, not nan"),
        ({"interp": "quintic"}, "option interp is 'linear' or 'cubic', not 'quintic'"),
        (
            {"step_size": 0.1, "grid_constructor": lambda f, y, t: t},
            "step_size and grid_constructor exclude each other",
        ),
        ({"adaptive": True}, "'rk4' cannot be adaptive: its tableau has no embedded solution"),
    ],
)
def test_option_of_a_fixed_grid_out_of_range(options: dict[str, Any], words: str) -> None:
    refuse(words, method="rk4", options=options)


@pytest.mark.parametrize(
    ("method", "options", "names"),
    [
        ("dopri5", {"step_size": 0.1, "interp": "cubic"}, "interp, step_size"),
        ("rk4", {"first_step": 0.1, "step_size": 0.5}, "first_step"),
    ],
)
def test_option_of_the_other_kind_of_method_warns_and_changes_nothing(
    method: str, options: dict[str, Any], names: str
) -> None:
    with pytest.warns(UserWarning, match=f"options without effect on this method: {names}$"):
        warned = odeint(decay, Y0, T, method=method, options=options)
    own = {"step_size": 0.5} if method == "rk4" else None
    assert isinstance(warned, Tensor)
    plain = odeint(decay, Y0, T, method=method, options=own)
    assert isinstance(plain, Tensor)
    assert torch.equal(warned, plain)


@pytest.mark.parametrize("field", [None, "decay", Y0, 1.0])
def test_vector_field_that_cannot_be_called(field: Any) -> None:
    with pytest.raises(InvalidTypeError, match="the vector field is a function of time and state, not "):
        solve(field, Y0, T)


@pytest.mark.parametrize("options", [[("step_size", 0.1)], "rk4", 0.1])
def test_options_that_are_no_mapping(options: Any) -> None:
    refuse("options are a mapping of names to values, not ", options=options)


@pytest.mark.parametrize("method", [5, ["rk4"], ("dopri5",), "Dopri5", ""])
def test_method_that_is_none(method: Any) -> None:
    refuse("unknown method .*; the methods are .*dopri5, ", method=method)


def test_gradient_that_is_none() -> None:
    refuse("gradient is one of suite.gradients, not 'adjoint'", gradient="adjoint")


@pytest.mark.parametrize(
    ("event_fn", "words"),
    [
        (0.5, r"event_fn is a function of time and state, not 0\.5"),
        (lambda t, y: 1.0, "event_fn returns a tensor, not float"),
        (lambda t, y: None, "event_fn returns a tensor, not NoneType"),
        (lambda t, y: y > 0, r"event_fn returns a real tensor, not one of torch\.bool"),
        (lambda t, y: y + 0j, r"event_fn returns a real tensor, not one of torch\.complex128"),
        (lambda t, y: y[:0], "event_fn returned a tensor without entries"),
    ],
)
@pytest.mark.parametrize(("method", "options"), [("dopri5", None), ("rk4", {"step_size": 0.1})])
def test_event_function_that_is_none(event_fn: Any, words: str, method: str, options: dict[str, float] | None) -> None:
    refuse(words, event_fn=event_fn, method=method, options=options)


def test_event_function_that_returns_another_shape_later() -> None:
    with pytest.raises(InvalidProblemError, match=r"event_fn returned shape \(1,\) where it had returned \(2,\)"):
        solve(decay, Y0, T, event_fn=lambda t, y: y if t == 0 else y[:1])


@pytest.mark.parametrize("count", [1, 3])
def test_event_needs_a_start_and_a_direction(count: int) -> None:
    words = f"with event_fn, t holds two times, the start and a direction, not {count}"
    refuse(words, t=torch.arange(float(count)), event_fn=lambda t, y: y)


def test_event_on_a_fixed_grid_needs_a_step_size() -> None:
    refuse("an event on a fixed grid needs the option step_size", method="rk4", event_fn=lambda t, y: y)


@pytest.mark.parametrize("problem", [{"t": [0.0, 1.0]}, {"t": torch.arange(3)}, {"options": "rk4"}, {"event_fn": 0.5}])
def test_wrong_type_is_a_type_error_and_a_value_error_and_an_assertion(problem: dict[str, Any]) -> None:
    for kind in (TypeError, ValueError, AssertionError):
        with pytest.raises(kind) as caught:
            solve(decay, Y0, **{"t": T, **problem})
        assert isinstance(caught.value, InvalidTypeError)


@pytest.mark.parametrize("error", [ZeroDivisionError, TypeError])
def test_error_of_the_field_itself_reaches_the_user_unchanged(error: type[Exception]) -> None:
    def failing(t: Tensor, y: Tensor) -> Tensor:
        raise error("mine")

    with pytest.raises(error, match=r"^mine$") as caught:
        solve(failing, Y0, T)
    assert type(caught.value) is error


@pytest.mark.parametrize("solver", [odeint, solve])
@pytest.mark.parametrize(
    ("method", "options", "words"),
    [
        ("dopri5", {"step_size": 0.1}, "options without effect on this method: step_size"),
        ("dopri5", {"grid_points": times(0.5), "eps": 1e-6}, "'grid_points' and 'eps' are old names"),
        ("rk4", {"eps": 1e-6}, "'grid_points' and 'eps' are old names"),
    ],
)
def test_the_one_warning_points_at_the_line_of_the_user(
    solver: Callable[..., Any], method: str, options: dict[str, Any], words: str
) -> None:
    with pytest.warns(UserWarning, match=words) as caught:
        solver(decay, Y0, T, method=method, options=options)
    assert [warning.filename for warning in caught] == [__file__]


def test_old_names_of_options_do_what_the_present_ones_do() -> None:
    def jump(t: Tensor, y: Tensor) -> Tensor:
        return torch.where(t < 0.5, 1.0, 3.0) * torch.ones_like(y)

    with pytest.warns(UserWarning, match="old names"):
        old = solve(jump, Y0, T, options={"grid_points": times(0.5), "eps": 1e-6})
    assert old.statistics == solve(jump, Y0, T, options={"jump_t": times(0.5)}).statistics
    with pytest.warns(UserWarning, match="old names"):
        old = solve(jump, Y0, T, method="heun2", options={"step_size": 0.5, "eps": 1e-6})
    assert isinstance(old.states, Tensor)
    torch.testing.assert_close(old.states[1], Y0 + 2, rtol=1e-12, atol=0)


def test_options_may_be_tensors_of_one_entry() -> None:
    plain = solve(decay, Y0, T, options={"first_step": 0.1, "max_step": 0.2, "step_t": [0.3], "jump_t": None})
    tensors = {"first_step": times(0.1)[0], "max_step": times(0.2), "step_t": times(0.3)}
    assert solve(decay, Y0, T, options=tensors).statistics == plain.statistics
    grid = solve(decay, Y0, T, method="rk4", options={"step_size": times(0.1)})
    assert grid.statistics.accepted == 10
