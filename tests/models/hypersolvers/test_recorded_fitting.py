"""A fit whose steps are recorded learns what one by plain steps learns, and goes on where it was interrupted."""

from __future__ import annotations

import copy
import dataclasses
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from suite.models.graphed_step import GraphedStep
from suite.models.hypersolvers import (
    FittingPlan,
    NominalTrajectories,
    PerceptronCorrection,
    TrajectoryCache,
    end_fitting,
    fit,
    fit_ends,
    fitting,
    nominal_trajectories,
    residual_samples,
)
from suite.solvers import explicit_methods
from suite.solvers.hyper import Hypersolver, InputForm
from tests.solvers.tape_recorder import TapedSteps, never_recorded

GRID = [k / 8 for k in range(9)]
ITERATIONS, REFRESH = 14, 5
PLAN = FittingPlan(iterations=ITERATIONS, batch=16, learning_rate=2**-6, last_learning_rate=2**-8)


def driven(t: Tensor, z: Tensor) -> Tensor:
    return torch.stack([z[..., 1], torch.cos(t) - z[..., 0]], dim=-1)


class Fit:
    """One fit of a small correction, with batches that are replaced."""

    def __init__(self, refresh: int | None = REFRESH, device: str = "cpu") -> None:
        torch.manual_seed(0)
        self.device = device
        form = InputForm(("state", "stages", "step"))
        self.correction = PerceptronCorrection(2, 2, form, (8,)).double().to(device)
        self.starts, self.batches = torch.Generator().manual_seed(1), torch.Generator().manual_seed(2)
        self.solved = 0
        self.cache = TrajectoryCache(self._draw, self._solved, refresh)

    def _draw(self) -> Tensor:
        return torch.randn(12, 2, generator=self.starts, dtype=torch.float64).to(self.device)

    def _solved(self, z0: Tensor) -> NominalTrajectories:
        self.solved += 1
        return nominal_trajectories(driven, z0, GRID)

    def run(self, plan: FittingPlan = PLAN, **how: Any) -> dict[int, float]:
        return fit(Hypersolver("heun2", self.correction), driven, self.cache, plan, self.batches, **how)


@pytest.fixture
def taped(monkeypatch: pytest.MonkeyPatch) -> TapedSteps:
    steps = TapedSteps()
    monkeypatch.setattr(fitting, "GraphedStep", steps)
    monkeypatch.setattr(end_fitting, "GraphedStep", steps)
    return steps


def test_one_recording_serves_all_batches_of_residuals(monkeypatch: pytest.MonkeyPatch) -> None:
    plain, recorded = Fit(), Fit()
    expected = plain.run()
    steps = TapedSteps()
    monkeypatch.setattr(fitting, "GraphedStep", steps)
    found = recorded.run()
    assert recorded.solved == 3
    assert found == pytest.approx(expected, rel=1e-6)
    for own, other in zip(recorded.correction.parameters(), plain.correction.parameters(), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-7)
    step, recorder = steps.made[-1]
    assert step.fallback == ""
    assert (recorder.captures, recorder.replays) == (1, ITERATIONS - 3)


def test_samples_that_are_overwritten_are_the_others() -> None:
    tableau = explicit_methods()["heun2"].tableau
    one, other = (
        residual_samples(tableau, driven, nominal_trajectories(driven, torch.randn(4, 2).double(), GRID))
        for _ in range(2)
    )
    places = [one.residuals.data_ptr(), one.inputs.stages[1].data_ptr()]  # type: ignore[union-attr]
    one.overwrite(other)
    chosen = torch.tensor([3, 1])
    torch.testing.assert_close(one.taken(chosen).residuals, other.residuals[chosen], rtol=0, atol=0)
    for own, wanted in zip(one.inputs.stages, other.inputs.stages, strict=True):
        torch.testing.assert_close(own, wanted, rtol=0, atol=0)
    assert places == [one.residuals.data_ptr(), one.inputs.stages[1].data_ptr()]  # type: ignore[union-attr]


def test_recorded_fits_of_ends_are_the_plain_ones(taped: TapedSteps, monkeypatch: pytest.MonkeyPatch) -> None:
    def fitted() -> nn.Module:
        torch.manual_seed(0)
        network = nn.Linear(2, 2).double()
        starts = torch.randn(40, 2, dtype=torch.float64)
        fit_ends(network, network.parameters(), starts, starts.flip(1) * 2, PLAN, torch.Generator().manual_seed(1))
        return network

    found = fitted()
    ((step, recorder),) = taped.made
    assert (step.fallback, recorder.replays) == ("", ITERATIONS - 3)
    monkeypatch.undo()
    for own, other in zip(found.parameters(), fitted().parameters(), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-5, atol=1e-8)


@pytest.mark.gpu
@pytest.mark.filterwarnings("ignore:The AccumulateGrad node's stream:UserWarning")
@pytest.mark.parametrize("objective", ["residual", "trajectory", "both"])
def test_fits_by_graphs_are_those_by_plain_steps(objective: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = dataclasses.replace(PLAN, objective=objective)
    refresh = REFRESH if objective == "residual" else None
    made: list[GraphedStep] = []

    def kept(*given: Any, **options: Any) -> GraphedStep:
        made.append(GraphedStep(*given, **options))
        return made[-1]

    graphed, plain = Fit(refresh, "cuda"), Fit(refresh, "cuda")
    monkeypatch.setattr(fitting, "GraphedStep", kept)
    found = graphed.run(plan)
    assert made[-1].fallback == ""
    assert made[-1]._replay is not None
    monkeypatch.setattr(fitting, "GraphedStep", never_recorded)
    assert found == pytest.approx(plain.run(plan), rel=1e-5)
    for own, other in zip(graphed.correction.parameters(), plain.correction.parameters(), strict=True):
        torch.testing.assert_close(own, other, rtol=1e-4, atol=1e-6)


class StoppedError(Exception):
    """Raised between two steps."""


class Checkpoint:
    """Counts steps up to one, keeps the parts and the generators there, and goes on from there later."""

    def __init__(self, after: int, generators: list[torch.Generator]) -> None:
        self.after = after
        self.states: dict[str, Any] = {}
        self.generators = [each.get_state() for each in generators]

    def until(self, *generators: torch.Generator) -> Callable[..., Iterator[int]]:
        def steps(count: int, /, **parts: Any) -> Iterator[int]:
            for step in range(count):
                yield step
                if step + 1 == self.after:
                    states = {
                        key: dict(part) if isinstance(part, dict) else part.state_dict() for key, part in parts.items()
                    }
                    self.states = copy.deepcopy(states)
                    self.generators = [each.get_state() for each in generators]
                    raise StoppedError

        return steps

    def since(self, *generators: torch.Generator) -> Callable[..., Iterator[int]]:
        def steps(count: int, /, **parts: Any) -> Iterator[int]:
            for key, part in parts.items():
                part.update(self.states[key]) if isinstance(part, dict) else part.load_state_dict(self.states[key])
            for each, state in zip(generators, self.generators, strict=True):
                each.set_state(state)
            yield from range(self.after, count)

        return steps


@pytest.mark.parametrize("refresh", [None, REFRESH])
@pytest.mark.parametrize("after", [1, 5, 7])
@pytest.mark.parametrize("asked_before", [False, True])
def test_an_interrupted_fit_ends_as_a_whole_one(after: int, refresh: int | None, asked_before: bool) -> None:
    whole, first, second = Fit(refresh), Fit(refresh), Fit(refresh)
    if asked_before:  # as where inputs are scaled to the first batch
        for each in (whole, first, second):
            each.cache.at(0)
    expected = whole.run()
    checkpoint = Checkpoint(after, [])
    with pytest.raises(StoppedError):
        first.run(steps=checkpoint.until(first.starts, first.batches))
    found = second.run(steps=checkpoint.since(second.starts, second.batches))
    assert found == expected
    for own, other in zip(second.correction.parameters(), whole.correction.parameters(), strict=True):
        assert torch.equal(own, other)
    assert second.cache.solves == whole.cache.solves
    # A batch that is there already, or comes after the checkpoint, is solved once.
    assert second.solved <= whole.solved + 1


def test_a_given_batch_is_no_part_of_a_checkpoint() -> None:
    trajectories = nominal_trajectories(driven, torch.randn(3, 2).double(), GRID)
    cache = TrajectoryCache.of(trajectories)
    assert cache.at(100) is trajectories
    state = cache.state_dict()
    assert state["starts"] is None
    again = TrajectoryCache.of(trajectories)
    again.load_state_dict(state)
    assert again.at(7) is trajectories
    assert again.solves == 1
