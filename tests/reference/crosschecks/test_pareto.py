"""Pareto fronts: the mathematics of dominance, the costs of every contender, and what the smoke run records."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path

import pytest
import torch
from torch import Tensor, nn

from reference.crosschecks.pareto import FLOWS, IMAGES, Pareto
from reference.crosschecks.pareto_case import Efforts, ParetoCase, Work
from reference.crosschecks.pareto_contenders import Contender, untrained
from reference.crosschecks.pareto_flows import _direct
from reference.crosschecks.pareto_front import least_cost, least_error, on_front, samples_to_pay
from reference.crosschecks.pareto_images import _direct as _direct_images
from reference.crosschecks.pareto_settings import ParetoSettings
from reference.libraries.torchdiffeq import Torchdiffeq
from suite.harness.meters import macs
from suite.models.hypersolvers import FittingPlan, NominalTrajectories
from suite.solvers import CountedField
from tests.smoke_rows import Rows, rows_by_variant

EXPERIMENT = Pareto()


class Rotation(nn.Module):
    """``z' = A z`` with ``A = [[0, -1], [1, 0]]``, which turns by an angle of 1 in the unit interval."""

    def __init__(self) -> None:
        super().__init__()
        self.matrix = nn.Linear(2, 2, bias=False, dtype=torch.float64)
        with torch.no_grad():
            self.matrix.weight.copy_(torch.tensor([[0.0, -1.0], [1.0, 0.0]]))
        self.requires_grad_(requires_grad=False)

    def forward(self, t: Tensor, z: Tensor) -> Tensor:
        del t
        turned: Tensor = self.matrix(z)
        return turned


def case() -> ParetoCase:
    angle = torch.tensor(1.0, dtype=torch.float64)
    turn = torch.stack([torch.stack([angle.cos(), -angle.sin()]), torch.stack([angle.sin(), angle.cos()])])
    starts = torch.tensor([[1.0, 0.0], [0.0, 3.0]], dtype=torch.float64)
    return ParetoCase(
        name="rotation",
        field=CountedField(Rotation()),
        evaluation_macs=4.0,
        starts=starts,
        ends=starts @ turn.t(),
        pool=NominalTrajectories((0.0, 1.0), torch.stack([starts, starts @ turn.t()])),
        pool_work=Work(1.0, 1.0),
        correction=lambda *_: nn.Identity(),
        direct=lambda _: nn.Identity(),
        plan=FittingPlan(),
        efforts=Efforts((1, 2, 4), (1e-3,), (1,), (1,)),
    )


def test_the_front_is_what_nothing_dominates() -> None:
    costs, errors = [1, 2, 2, 3, 4, 1], [8, 4, 5, 4, 1, 8 * (1 + 1e-9)]
    # The third has a better neighbour of its cost, the fourth one of its error; equal points are both on the front.
    assert on_front(costs, errors) == [True, True, False, False, True, True]


def test_the_front_of_random_points_falls_and_the_rest_lies_above_it() -> None:
    generator = torch.Generator().manual_seed(0)
    costs, errors = torch.rand(2, 60, generator=generator, dtype=torch.float64).tolist()
    best = on_front(costs, errors)
    front = sorted((cost, error) for cost, error, is_best in zip(costs, errors, best, strict=True) if is_best)
    assert [error for _, error in front] == sorted((error for _, error in front), reverse=True)
    for cost, error in zip(costs, errors, strict=True):
        reached = [least for spent, least in front if spent <= cost]
        assert reached
        assert min(reached) <= error


def test_rivals_have_no_larger_cost_or_no_larger_error() -> None:
    costs, errors = [1.0, 2.0, 4.0], [0.5, 0.1, 0.2]
    assert least_error(costs, errors, 4.0) == 0.1
    assert least_error(costs, errors, 1.9) == 0.5
    assert least_error(costs, errors, 0.9) is None
    assert least_cost(costs, errors, 0.3) == 2.0
    assert least_cost(costs, errors, 0.05) is None


def test_training_pays_after_what_it_cost_over_what_a_sample_saves() -> None:
    assert samples_to_pay(1000.0, 2.0, 7.0) == 200.0
    assert samples_to_pay(1000.0, 7.0, 7.0) is None


def contender(method: str, effort: float, library: str = "suite") -> tuple[ParetoCase, Contender]:
    problem = case()
    found = untrained(problem, [Torchdiffeq()], ParetoSettings())
    (chosen,) = [each for each in found if (each.method, each.effort, each.library) == (method, effort, library)]
    return problem, chosen


@pytest.mark.parametrize(
    ("method", "library", "each"),
    [("euler", "suite", 1), ("heun2", "suite", 2), ("rk4", "torchdiffeq", 4), ("taylor2", "suite", 2)],
)
def test_evaluations_are_all_calls_of_the_field(method: str, library: str, each: int) -> None:
    """Taylor's product calls the field once more in every step, whatever a solver counts."""
    problem, chosen = contender(method, 4, library)
    chosen.end()
    assert problem.field.nfe == 4 * each


@pytest.mark.parametrize(("method", "order"), [("euler", 1), ("taylor2", 2), ("heun3", 3), ("rk4_classic", 4)])
def test_the_error_of_a_turn_is_that_of_the_truncated_exponential(method: str, order: int) -> None:
    """A method of order p multiplies by the polynomial ``sum (i h)^k / k!``, up to p, on a rotation seen as complex."""
    problem, chosen = contender(method, 2)
    step = sum(0.5j**power / math.factorial(power) for power in range(order + 1))
    wanted = abs(step**2 - complex(math.cos(1), math.sin(1)))
    errors = problem.errors(chosen.end())
    # The starts have sizes 1 and 3: errors are over their mean.
    torch.testing.assert_close(errors, torch.tensor([wanted / 2, 3 * wanted / 2], dtype=torch.float64))


@pytest.mark.parametrize("budget", [200.0, 5_000.0])
def test_a_direct_network_costs_no_more_than_its_budget_and_hardly_less(budget: float) -> None:
    more = 400 * budget
    cases = (
        (_direct(budget), torch.zeros(1, 2, dtype=torch.float64), budget),
        (_direct_images(more, 3, 25), torch.zeros(1, 3, 5, 5), more),
    )
    for network, state, allowed in cases:
        with torch.no_grad(), macs() as operations:
            assert network(state).shape == state.shape
        assert 0.7 * allowed < operations.value <= allowed


def test_a_variant_reads_the_data_of_its_own_field_alone() -> None:
    assert EXPERIMENT.reads("rings") == ()
    assert EXPERIMENT.reads("mnist") == ("mnist",)


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    """The measurements of each variant's smoke cell."""
    return rows_by_variant(smoke_records, "crosscheck/pareto")


def of(rows: Rows, metric: str, **axes: object) -> list[float]:
    found = (row for row in rows if row["metric"] == metric)
    return [row["value"] for row in found if all(row.get(name) == value for name, value in axes.items())]


def test_every_field_has_all_contenders_and_a_front_of_each_cost(smoke_rows: Mapping[str, Rows]) -> None:
    assert set(smoke_rows) == set(EXPERIMENT.variants) == {*FLOWS, *IMAGES}
    for rows in smoke_rows.values():
        kinds = {row["kind"] for row in rows if row["metric"] == "error"}
        assert kinds == {"classical", "adaptive", "taylor", "scalar-fitted", "distilled", "hyper"}
        for cost in ("nfe", "macs", "seconds"):
            assert any(of(rows, "on_front", cost=cost))
        assert not of(rows, "on_front", cost="nfe", method="distilled")
        assert set(of(rows, "installed", library="torchdiffeq")) == {1.0}


def test_hypersolvers_cost_their_base_and_g(smoke_rows: Mapping[str, Rows]) -> None:
    for variant, rows in smoke_rows.items():
        for name, base, stages in (("hyper-euler", "euler", 1), ("hyper-heun", "heun2", 2)):
            assert of(rows, "nfe", method=name, effort=2) == [2 * stages]
            one, two = (of(rows, "macs", method=name, effort=effort)[0] for effort in (1, 2))
            assert two == pytest.approx(2 * one, rel=1e-3)
            assert one > of(rows, "macs", method=base, library="suite", effort=1)[0]
        (trained,) = of(rows, "training_macs", method="hyper-heun", effort=1)
        # The stages of every step of the pool are evaluated, beside the trajectories.
        assert trained > 0, variant
