"""Corrections of hypersolvers: what they are given, how they are stored, and what is refused."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from suite.solvers import METHODS, InvalidProblemError, explicit_methods, solve
from suite.solvers.errors import InvalidTypeError
from suite.solvers.hyper import (
    Hypersolver,
    InputForm,
    NetworkCorrection,
    StepInputs,
    load_correction,
    save_correction,
)
from tests.solvers.hypersolvers import HYPER_HEUN, forced, nothing, small, start, state_of
from tests.solvers.problems import times

EXPLICIT = explicit_methods()


def test_released_input_forms_have_the_released_widths() -> None:
    """13 for HyperHeun of the CNF (state of 3), 65 for HyperEuler and HyperMidpoint on MNIST (32 channels)."""
    assert HYPER_HEUN.width(3, 2) == 13
    assert InputForm(("state", "k1", "step"), dim=1).width(32, 1) == 65
    assert InputForm(("state", "k2", "step"), dim=1).width(32, 2) == 65


def test_inputs_are_joined_in_the_declared_order_along_the_channels_of_images() -> None:
    images = torch.randn(2, 3, 4, 4)
    form = InputForm(("step", "state", "k2", "initial", "x", "time"), dim=1)
    inputs = StepInputs(0.5, 2.0, images, [images + 1, images + 2], images + 3, x=images[:, :1])
    joined = form.join(inputs)
    assert joined.shape == (2, form.width(3, 2, x_channels=1), 4, 4)
    one = torch.ones(2, 1, 4, 4)
    wanted = [0.5 * one, images, images + 2, images + 3, images[:, :1], 2 * one]
    assert torch.equal(joined, torch.cat(wanted, dim=1))


def test_steps_of_a_batch_may_differ() -> None:
    state = torch.zeros(3, 2)
    steps = torch.tensor([[0.1], [0.2], [0.3]])
    joined = InputForm(("step", "state")).join(StepInputs(steps, steps, state, [], state))
    assert torch.equal(joined[:, :1], steps)


def test_what_the_solve_is_conditioned_on_reaches_the_correction() -> None:
    x = torch.full((4, 3), 2.0, dtype=torch.float64)

    def correction(inputs: StepInputs) -> Tensor:
        assert inputs.x is not None
        return inputs.x

    hypersolver = Hypersolver("euler", correction).given(x)
    assert hypersolver.name == "hyper-euler"
    found = state_of(hypersolver, lambda t, y: 0 * y, start(), 0, 0.5)[-1]
    torch.testing.assert_close(found, start() + 0.25 * x)


def test_stored_corrections_come_back(tmp_path: Path) -> None:
    saved, other = (Hypersolver("heun2", small(3, 2, HYPER_HEUN, seed)) for seed in (1, 2))
    save_correction(tmp_path / "g.safetensors", saved)
    assert not torch.equal(state_of(other, forced, start(), 0, 1), state_of(saved, forced, start(), 0, 1))
    load_correction(tmp_path / "g.safetensors", other)
    assert torch.equal(state_of(other, forced, start(), 0, 1), state_of(saved, forced, start(), 0, 1))
    # The same tableau under another name is the same base.
    load_correction(tmp_path / "g.safetensors", Hypersolver(METHODS["heun2"].tableau, small(3, 2, HYPER_HEUN)))  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("base", "form"),
    [
        ("midpoint", HYPER_HEUN),
        ("euler", InputForm(("state", "stages", "stages", "initial", "step"))),
        ("heun2", InputForm(("stages", "state", "initial", "step"))),
        ("heun2", InputForm(("state", "stages", "initial", "step"), dim=1)),
    ],
)
def test_a_correction_of_another_base_or_form_is_refused(tmp_path: Path, base: str, form: InputForm) -> None:
    path = tmp_path / "g.safetensors"
    save_correction(path, Hypersolver("heun2", small(3, 2, HYPER_HEUN)))
    other = Hypersolver(base, small(3, EXPLICIT[base].tableau.stages, form))
    with pytest.raises(InvalidProblemError, match=r"holds a correction of base heun2, order 2, inputs state,stages"):
        load_correction(path, other)


def test_weights_of_another_shape_and_undeclared_corrections_are_refused(tmp_path: Path) -> None:
    path = tmp_path / "g.safetensors"
    save_correction(path, Hypersolver("heun2", small(3, 2, HYPER_HEUN)))
    wider = NetworkCorrection(nn.Linear(13, 3).double(), HYPER_HEUN)
    with pytest.raises(InvalidProblemError, match="are not those of this correction"):
        load_correction(path, Hypersolver("heun2", wider))
    with pytest.raises(InvalidTypeError, match="a module that declares its input form"):
        save_correction(path, Hypersolver("heun2", nothing))


@pytest.mark.parametrize(
    ("correction", "words"),
    [
        (lambda inputs: inputs.state[:2], r"returned a tensor of shape \(2, 3\)"),
        (lambda inputs: inputs.state.float(), "torch.float32 for a tensor of shape"),
        (lambda inputs: (inputs.state,), "returned a tuple"),
        (lambda inputs: 0.0, "returned a float"),
        (small(5, 1, InputForm(("state",))), "does not take a tensor of shape"),
        (small(3, 3, InputForm(("state", "k3"))), "takes the stage k3, and the base solver has 2"),
        (small(3, 2, InputForm(("state", "x"))), "takes an input x, and the hypersolver was given none"),
        (small(3, 2, InputForm(("state",), dim=4)), "joins along dimension 4"),
    ],
)
def test_corrections_that_do_not_fit_are_refused_in_one_sentence(
    correction: Callable[[StepInputs], Tensor], words: str
) -> None:
    with pytest.raises(InvalidProblemError, match=words):
        solve(forced, start(), times(0, 1), method=Hypersolver("heun2", correction))


def test_what_makes_no_hypersolver_is_refused() -> None:
    with pytest.raises(InvalidProblemError, match="is an explicit Runge-Kutta method, not 'implicit_euler'"):
        Hypersolver("implicit_euler", nothing)
    with pytest.raises(InvalidTypeError, match="the correction is a function"):
        Hypersolver("euler", 1.0)  # type: ignore[arg-type]
    with pytest.raises(InvalidProblemError, match="unknown part 'slope'"):
        InputForm(("slope",))
    with pytest.raises(InvalidProblemError, match="a tuple of one part at least"):
        InputForm(())
    with pytest.raises(InvalidProblemError, match="compile=True takes an explicit Runge-Kutta method"):
        solve(forced, start(), times(0, 1), method=Hypersolver("euler", nothing), compile=True)
    with pytest.raises(InvalidTypeError, match="a state that is one tensor"):
        InputForm(("state",)).join(StepInputs(0.1, 0.0, (start(), start()), [], (start(), start())))
