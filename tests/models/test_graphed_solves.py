"""Training steps whose solver chooses its steps, as recordings: they train as plain steps do and count as they do."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim import Adam

from suite.gradients import solve_with_integral
from suite.harness.meters import host_syncs
from suite.models.graphed_step import WARM_UP, GraphedStep
from suite.models.ode_block import ODEBlock
from suite.solvers.errors import StepLimitError
from suite.solvers.graphs.inner_solves import InnerSolve, InnerSolves
from tests.solvers.tape_recorder import TapedSteps, never_recorded
from tests.solvers.watching_recorder import CopiesFromHost

STEPS = 6


class Field(nn.Module):
    """A perceptron that time moves and a rate quickens."""

    def __init__(self) -> None:
        super().__init__()
        self.net = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 2))
        self.rate = nn.Parameter(torch.tensor(1.0))

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        out: Tensor = self.rate * self.net(y) + torch.sin(3 * t)
        return out


def block(**solver: Any) -> ODEBlock:
    torch.manual_seed(0)
    return ODEBlock(Field(), **{"rtol": 1e-3, "atol": 1e-3, **solver}).double()


def rate_of(model: ODEBlock) -> Tensor:
    field = model.counted.vector_field
    assert isinstance(field, Field)
    return field.rate


def losses_of(model: nn.Module) -> Any:
    return lambda y: (model(y).square().mean(), y.sum())


def batches(count: int = STEPS, size: int = 5) -> list[Tensor]:
    generator = torch.Generator().manual_seed(1)
    return [torch.randn(size, 2, generator=generator, dtype=torch.float64) for _ in range(count)]


def trained(model: ODEBlock, *, recorded: bool, inputs: list[Tensor]) -> tuple[list[float], GraphedStep, Any]:
    optimiser = Adam(model.parameters(), lr=2**-6)
    taped = TapedSteps()
    make = taped if recorded else GraphedStep
    step = make(losses_of(model), optimiser, gradient_norm=1.0)
    return [float(step(y)[0]) for y in inputs], step, taped.made[0][1] if recorded else None


def test_recorded_steps_train_and_count_as_plain_ones() -> None:
    plain, own = block(), block()
    expected, _, _ = trained(plain, recorded=False, inputs=batches())
    found, step, recorder = trained(own, recorded=True, inputs=batches())
    assert step.fallback == ""
    assert found == pytest.approx(expected, rel=1e-9)
    for one, other in zip(own.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-9)
    assert (own.nfe_forward, own.nfe_backward) == (plain.nfe_forward, plain.nfe_backward)
    assert recorder.captures == 2
    assert recorder.replays == 2 * (STEPS - WARM_UP)


def test_methods_that_evaluate_anew_at_every_step_are_recorded_too() -> None:
    plain, own = block(method="fehlberg2"), block(method="fehlberg2")
    expected, _, _ = trained(plain, recorded=False, inputs=batches())
    found, step, _ = trained(own, recorded=True, inputs=batches())
    assert step.fallback == ""
    assert found == pytest.approx(expected, rel=1e-9)
    # The device evaluates the field at the end of every step, the host not of the last.
    assert plain.nfe_forward < own.nfe_forward <= plain.nfe_forward + len(batches()) * 4


def test_a_solve_that_needs_more_steps_than_were_recorded_is_taken_again_and_no_step_is_lost() -> None:
    plain, own, taped = block(), block(), TapedSteps()
    losses = []
    for model, recorded in ((plain, False), (own, True)):
        optimiser = Adam(model.parameters(), lr=2**-6)
        step = (taped if recorded else GraphedStep)(losses_of(model), optimiser)
        course = []
        for number, y in enumerate(batches(9)):
            if number == 4:
                with torch.no_grad():
                    rate_of(model).fill_(12.0)
            course.append(float(step(y)[0]))
        losses.append(course)
    assert losses[1] == pytest.approx(losses[0], rel=1e-6)
    assert step.fallback == ""
    assert (own.nfe_forward, own.nfe_backward) == (plain.nfe_forward, plain.nfe_backward)
    ((_, recorder),) = taped.made
    assert recorder.captures >= 4
    assert recorder.replays > 4


def test_outputs_inside_are_stops_backwards_with_or_without_cotangents() -> None:
    """The loss on some outputs; the host stops at these alone, so numbers agree to tolerance."""
    t = torch.linspace(0, 2, 6, dtype=torch.float64)

    class Path(ODEBlock):
        def forward(self, y0: Tensor) -> Tensor:
            states = self.solved(y0, t)
            assert isinstance(states, Tensor)
            return states[torch.tensor([1, 5])]

    courses = []
    for recorded in (False, True):
        torch.manual_seed(0)
        model = Path(Field(), rtol=1e-6, atol=1e-6).double()
        courses.append(trained(model, recorded=recorded, inputs=batches())[0])
    assert courses[1] == pytest.approx(courses[0], rel=1e-5)


@pytest.mark.parametrize(
    ("method", "outputs"), [("dopri5", 2), ("dopri5", 7), ("bosh3", 2), ("fehlberg2", 2), ("adaptive_heun", 7)]
)
def test_direct_gradients_are_those_of_autograd_through_the_steps(method: str, outputs: int) -> None:
    """At a tolerance at which steps are refused too, and losses that weigh every output otherwise."""
    t = torch.linspace(0, 2, outputs, dtype=torch.float64)
    weights = torch.linspace(1, 2, outputs, dtype=torch.float64).view(-1, 1, 1)

    class Path(ODEBlock):
        def forward(self, y0: Tensor) -> Tensor:
            states = self.solved(y0, t)
            assert isinstance(states, Tensor)
            return weights * states

    models, courses = [], []
    for recorded in (False, True):
        torch.manual_seed(0)
        model = Path(Field(), rtol=1e-4, atol=1e-4, method=method, gradient="direct").double()
        with torch.no_grad():
            rate_of(model).fill_(6.0)
        losses, step, _ = trained(model, recorded=recorded, inputs=batches())
        models.append(model)
        courses.append(losses)
    assert step.fallback == ""
    assert courses[1] == pytest.approx(courses[0], rel=1e-9)
    for one, other in zip(*(model.parameters() for model in models), strict=True):
        torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-9)
    assert models[1].nfe_backward == 0
    if method not in {"fehlberg2", "adaptive_heun"}:  # whose steps evaluate at their end on the device alone
        assert models[1].nfe_forward == models[0].nfe_forward


def test_direct_gradients_reach_the_initial_state() -> None:
    solves, model, y0 = InnerSolves(), block(gradient="direct", method="dopri5"), batches()[0].requires_grad_()
    (expected,) = torch.autograd.grad(model(y0).square().sum(), y0)
    with solves.measured():
        (found,) = torch.autograd.grad(model(y0).square().sum(), y0)
    torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-12)


class Outer(nn.Module):
    """Solves along a field whose rate comes from outside of it, with the integral of a network's output."""

    def __init__(self, *, carries_history: bool) -> None:
        super().__init__()
        self.field, self.density, self.scale = Field(), nn.Linear(2, 1), nn.Parameter(torch.tensor(0.5))
        self.carries_history = carries_history

    def forward(self, y0: Tensor) -> Tensor:
        scale = 2 * self.scale if self.carries_history else self.scale
        t = torch.tensor([0.0, 0.7, 1.0], dtype=torch.float64)

        def running(t: Tensor, y: Tensor, f: Tensor) -> Tensor:
            del t, f
            found: Tensor = scale * self.density(y).squeeze(-1).square()
            return found

        solution, integral = solve_with_integral(self.field, running, y0, t, rtol=1e-5, atol=1e-5)
        assert isinstance(solution.states, Tensor)
        return solution.states[1].square().mean() + integral[1:].mean()


def test_direct_gradients_reach_whatever_the_field_reads() -> None:
    """Also what is no parameter of the field that is solved; refused where it has a history of its own."""
    for carries_history, reason in ((False, ""), (True, "reads tensors that have gradients of their own")):
        models, courses = [], []
        for recorded in (False, True):
            torch.manual_seed(0)
            model = Outer(carries_history=carries_history).double()
            optimiser = Adam(model.parameters(), lr=2**-6)
            step = (TapedSteps() if recorded else GraphedStep)(lambda y, model=model: (model(y),), optimiser)
            courses.append([float(step(y)[0]) for y in batches()])
            models.append(model)
        assert reason in step.fallback
        assert bool(step.fallback) == carries_history
        assert courses[1] == pytest.approx(courses[0], rel=1e-9)
        for one, other in zip(*(model.parameters() for model in models), strict=True):
            torch.testing.assert_close(one, other, rtol=1e-7, atol=1e-9)


def test_fixed_grids_inside_are_counted_at_every_replay(monkeypatch: pytest.MonkeyPatch) -> None:
    # The states of a recording are not looked at, which a stand-in does not say of itself.
    monkeypatch.setattr("suite.solvers.problem.is_recording", lambda: True)
    given: dict[str, Any] = {"method": "euler", "gradient": "direct", "options": {"step_size": 0.25}}
    own = block(**given)
    _, step, recorder = trained(own, recorded=True, inputs=batches())
    assert step.fallback == ""
    assert own.nfe_forward == 4 * STEPS
    assert own.nfe_backward == 0
    assert (recorder.captures, recorder.replays) == (1, STEPS - WARM_UP)


def test_what_cannot_be_part_of_a_recording_is_said() -> None:
    for given, reason in (
        ({"options": {"jump_t": torch.tensor([0.5])}}, "jump_t and step_t are times at which the host stops"),
    ):
        plain, own = block(**given), block(**given)
        expected, _, _ = trained(plain, recorded=False, inputs=batches(4))
        found, step, _ = trained(own, recorded=True, inputs=batches(4))
        assert step.fallback == reason
        assert found == pytest.approx(expected, rel=1e-9)
        assert own.nfe_forward == plain.nfe_forward


def test_a_solve_without_an_end_has_the_error_of_the_host() -> None:
    own = block(options={"max_num_steps": 1})
    with pytest.raises(StepLimitError, match="max_num_steps = 1"):
        trained(own, recorded=True, inputs=batches())


def test_solves_are_provided_with_spare_steps_and_only_grow() -> None:
    solves, model, (y, *_) = InnerSolves(), block(), batches()

    def work() -> None:
        model(y).square().mean().backward()

    with solves.measured():
        work()
    assert len(solves) == 2
    assert solves.settle()
    solves.provide()
    provided = [solve.steps for solve in solves._solves]
    assert all(steps > outcome.tried for steps, outcome in zip(provided, solves._outcomes, strict=True))
    solves.provide()
    assert [solve.steps for solve in solves._solves] == provided
    with solves.recorded():
        work()
    assert solves.settle()
    with pytest.raises(RuntimeError, match="other problems"), solves.recorded():
        model(y)


@pytest.mark.parametrize("gradient", ["adjoint", "direct"])
def test_what_is_recorded_waits_for_nothing_and_copies_nothing_from_the_host(
    monkeypatch: pytest.MonkeyPatch, gradient: str
) -> None:
    """On the meta device there is no value to read: what runs there can be captured."""
    take = InnerSolve.take

    def three_steps(self: InnerSolve, resident: Any, y: Tensor, stored: Any, *, measured: bool) -> None:
        self.steps = 3
        take(self, resident, y, stored, measured=False)

    monkeypatch.setattr(InnerSolve, "take", three_steps)
    solves, model = InnerSolves(), block(gradient=gradient).to("meta")
    y = torch.empty(5, 2, dtype=torch.float64, device="meta")
    times = torch.tensor([0.0, 0.5, 1.0])

    def work() -> None:
        states = model.solved(y, times)  # not by a call: there is no autocast of this device to ask for
        assert isinstance(states, Tensor)
        states[-1].square().mean().backward()

    with solves.measured():
        work()
    copies = CopiesFromHost()
    with solves.recorded(), host_syncs() as waits, copies:
        work()
    assert waits.value == 1  # the output times, which are on the host
    assert copies.seen == []


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:The AccumulateGrad node's stream:UserWarning")
@pytest.mark.parametrize("gradient", ["adjoint", "direct"])
@pytest.mark.parametrize("method", ["dopri5", "bosh3"])
def test_training_by_graphs_is_that_by_plain_steps(method: str, gradient: str) -> None:
    models = [block(method=method, gradient=gradient).cuda() for _ in range(2)]
    courses, inputs = [], [y.cuda() for y in batches(12)]
    makers: list[Callable[..., GraphedStep]] = [never_recorded, GraphedStep]
    for model, make in zip(models, makers, strict=True):
        optimiser = Adam(model.parameters(), lr=2**-6)
        step = make(losses_of(model), optimiser, gradient_norm=1.0)
        course = []
        for number, y in enumerate(inputs):
            if number == 6:
                with torch.no_grad():
                    rate_of(model).fill_(12.0)
            course.append(float(step(y)[0]))
        courses.append(course)
    assert step.fallback == ""
    assert courses[1] == pytest.approx(courses[0], rel=1e-6)
    assert models[1].nfe_forward == models[0].nfe_forward
    assert models[1].nfe_backward == models[0].nfe_backward
