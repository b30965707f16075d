"""Hypersolvers as recordings: the same bits as the host's steps, with the correction as it is at every replay."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn

from suite.solvers import solve
from suite.solvers.errors import InvalidProblemError
from suite.solvers.graphs import choice
from suite.solvers.hyper import Hypersolver, InputForm
from tests.solvers.hypersolvers import HYPER_HEUN, nothing, small, start
from tests.solvers.tape_recorder import TapeRecorder

T = torch.linspace(0, 2, 5, dtype=torch.float64)


class Field(nn.Module):
    """A driven rotation."""

    def forward(self, t: Tensor, y: Tensor) -> Tensor:
        return y.roll(1, -1) - y.roll(-1, -1) * y + torch.sin(3 * t)


@pytest.fixture(autouse=True)
def recorder(monkeypatch: pytest.MonkeyPatch) -> TapeRecorder:
    found = TapeRecorder(list)
    monkeypatch.setattr(choice, "recorder_for", lambda device: found)
    return found


def states(field: nn.Module, method: Hypersolver, graph: str) -> Tensor:
    with torch.no_grad():
        found = solve(field, start(), T, method=method, options={"step_size": 0.25}, graph=graph).states  # type: ignore[arg-type]
    assert isinstance(found, Tensor)
    return found


@pytest.mark.parametrize(
    ("base", "form"),
    [
        ("euler", InputForm(("state", "k1", "step"))),
        ("heun2", HYPER_HEUN),
        ("midpoint", InputForm(("state", "stages", "time"))),
    ],
)
def test_a_replayed_hypersolver_gives_the_same_bits(base: str, form: InputForm, recorder: TapeRecorder) -> None:
    field, stages = Field(), Hypersolver(base, nothing).tableau.stages
    method = Hypersolver(base, small(3, stages, form))
    expected = states(field, method, "never")
    assert torch.equal(states(field, method, "always"), expected)
    assert recorder.captures == 1
    correction = method.correction
    assert isinstance(correction, nn.Module)
    with torch.no_grad():
        for parameter in correction.parameters():
            parameter.mul_(2)
    changed = states(field, method, "always")
    assert recorder.captures == 1  # values of parameters are no part of a recording
    assert torch.equal(changed, states(field, method, "never"))
    assert not torch.equal(changed, expected)


def test_what_it_is_conditioned_on_is_read_at_every_replay(recorder: TapeRecorder) -> None:
    field, form = Field(), InputForm(("state", "x"))
    x = torch.randn(4, 2, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    torch.manual_seed(0)
    network = nn.Linear(form.width(3, 1, 2), 3).double()
    method = Hypersolver("euler", lambda inputs: network(form.join(inputs)), x=x)
    for _ in range(2):
        assert torch.equal(states(field, method, "always"), states(field, method, "never"))
        x.neg_()
    assert recorder.captures == 1
    other = method.given(x.clone())
    assert torch.equal(states(field, other, "always"), states(field, other, "never"))
    assert recorder.captures == 2


def test_where_autograd_records_or_changes_are_not_seen_the_host_takes_the_steps(recorder: TapeRecorder) -> None:
    field, method = Field(), Hypersolver("heun2", small(3, 2, HYPER_HEUN))
    found = solve(field, start(), T, method=method, graph="auto")
    assert found.statistics.graph_fallback == "autograd records the steps"
    with pytest.raises(InvalidProblemError, match="autograd records the steps"):
        solve(field, start(), T, method=method, graph="always")
    with torch.no_grad():
        found = solve(field, start(), T, method=Hypersolver("heun2", nothing), graph="auto")
    assert found.statistics.graph_fallback == "the method has a function, and what changes in one is not seen"
    assert recorder.captures == 0
