"""What the tests of the theorems compute, against difference quotients and closed forms."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace
from typing import cast

import pytest
import torch
from torch import Tensor

from suite.declarations import Meter
from suite.experiments.massaroli2020.theorems import Theorems
from suite.experiments.massaroli2020.theorems_costate import Costate, gauss
from suite.experiments.massaroli2020.theorems_gradients import by_adjoint
from suite.experiments.massaroli2020.theorems_problem import Problem, draw_problem, relative_error
from suite.experiments.massaroli2020.theorems_settings import TheoremsSettings
from tests.smoke_rows import Rows, rows_by_variant

SETTINGS = TheoremsSettings(samples=3, hidden=3, harmonics=1, gain=1.0)


class FakeMeter:
    """Generators and devices for a problem; nothing is recorded."""

    device = torch.device("cpu")
    initialisation = staticmethod(nullcontext)

    def generator(self, stream: str) -> torch.Generator:
        return torch.Generator().manual_seed(len(stream))


def problem(harmonics: int) -> Problem:
    return draw_problem(SETTINGS, cast(Meter, FakeMeter()), harmonics)


def loss(of: Problem) -> float:
    with torch.no_grad():
        return float(of.solve(of.field(), 1e-10, method="dopri8")[1])


def quotients(of: Problem, tensor: Tensor, indices: list[int], step: float = 1e-4) -> list[float]:
    found = []
    flat = tensor.detach().view(-1)
    for index in indices:
        values = []
        for offset in (step, -step):
            flat[index] += offset
            values.append(loss(of))
            flat[index] -= offset
        found.append((values[0] - values[1]) / (2 * step))
    return found


def test_printed_costate_gives_the_gradient_of_difference_quotients() -> None:
    """Proposition 1, of constant parameters and initial states."""
    given = problem(harmonics=0)
    end, _ = given.solve(given.field(), 1e-11, method="dopri8")
    by_parameters, by_state = Costate(given, given.path).gradient(end, 1e-11, "dopri8")
    for tensor, found in ((given.path.coefficients, by_parameters), (given.z0, by_state)):
        expected = quotients(given, tensor, [0, 5])
        assert found.reshape(-1)[[0, 5]].tolist() == pytest.approx(expected, rel=1e-6, abs=1e-6)


def test_functional_gradient_integrates_to_the_spectral_one() -> None:
    """Corollary 1: difference quotients of coefficients are integrals of the density times a function of the basis."""
    given = problem(harmonics=1)
    end, _ = given.solve(given.field(), 1e-11, method="dopri8")
    depths, weights = gauss(0.0, 1.0, 64)
    density, by_state = Costate(given, given.path).density(end, depths, 1e-11)
    spectral = (weights[:, None] * given.path.basis(depths)).T @ density
    indices = [0, 40]
    expected = quotients(given, given.path.coefficients, indices)
    assert spectral.reshape(-1)[indices].tolist() == pytest.approx(expected, rel=1e-6, abs=1e-6)
    assert by_state.reshape(-1)[[1]].tolist() == pytest.approx(quotients(given, given.z0, [1]), rel=1e-6)


def test_running_loss_and_its_sum_over_samples_are_those_of_the_docstring() -> None:
    given = problem(harmonics=0)
    s, z = torch.tensor(0.25, dtype=torch.float64), given.z0.detach()
    circle = torch.tensor([math.cos(math.pi / 2), math.sin(math.pi / 2)], dtype=torch.float64)
    torch.testing.assert_close(given.running(s, z, z), ((z - circle) ** 2).sum())
    total = loss(given)
    parts = sum(loss(given.of(slice(index, index + 1))) for index in range(3))
    assert total == pytest.approx(parts, rel=1e-10)


def test_constant_parameters_are_the_same_whatever_the_harmonics() -> None:
    torch.testing.assert_close(problem(0).path.coefficients[0], problem(2).path.coefficients[0])


def test_relative_error_is_over_all_tensors_together() -> None:
    one = (torch.tensor([3.0]), torch.tensor([[0.0, 4.0]]))
    other = (torch.tensor([3.0]), torch.tensor([[0.0, 3.0]]))
    assert relative_error(one, other) == pytest.approx(1 / math.sqrt(18))
    assert relative_error([-one[0]], [one[0]]) == 2


def test_adjoint_of_the_problem_is_that_of_difference_quotients() -> None:
    given = problem(harmonics=1)
    found = by_adjoint(given, 1e-8, "dopri8")[0].reshape(-1)[[2, 30]]
    assert found.tolist() == pytest.approx(quotients(given, given.path.coefficients, [2, 30]), rel=1e-5)


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    """The measurements of each variant's smoke cell."""
    return rows_by_variant(smoke_records, "massaroli2020/theorems")


def values(rows: Rows, metric: str, **axes: object) -> list[float]:
    wanted = SimpleNamespace(**axes)
    return [
        row["value"]
        for row in rows
        if row["metric"] == metric and all(row.get(axis) == value for axis, value in vars(wanted).items())
    ]


def test_every_statement_holds_to_the_tolerance_of_the_smoke_run(smoke_rows: Mapping[str, Rows]) -> None:
    assert set(smoke_rows) == set(Theorems.variants)
    for variant in ("generalised-adjoint", "spectral-gradient"):
        for way in ("autograd", "adjoint", "costate"):
            assert max(values(smoke_rows[variant], "gradient_error", way=way, tolerance=1e-5)) < 1e-3
    for variant, metric, threshold in (
        ("generalised-adjoint", "batch_error", 1e-5),
        ("functional-gradient", "bump_error", 1e-3),
        ("stacked-gradient", "own_piece_error", 1e-4),
        ("stacked-gradient", "gradient_error", 1e-5),
        ("depth-gradient", "gradient_error", 1e-5),
        ("proposition-2", "closed_form_error", 1e-5),
        ("universality", "carried_error", 1e-15),
        ("higher-orders", "companion_error", 1e-4),
        ("higher-orders", "oscillator_error", 1e-4),
    ):
        found = values(smoke_rows[variant], metric)
        assert found, (variant, metric)
        assert max(found) < threshold, (variant, metric)


def test_omitted_terms_and_signs_are_seen(smoke_rows: Mapping[str, Rows]) -> None:
    explicit = smoke_rows["explicit-theta"]
    assert (
        values(explicit, "gradient_error", term="with")[0]
        < 1e-4
        < values(explicit, "gradient_error", term="without")[0]
    )
    assert values(smoke_rows["stacked-gradient"], "minus_sign_error") == pytest.approx([2.0, 2.0], abs=1e-4)


def test_flows_of_one_dimension_keep_the_order_and_data_control_turns_it(smoke_rows: Mapping[str, Rows]) -> None:
    rows = smoke_rows["no-crossing"]
    for field in ("vanilla", "depth-concatenated", "galerkin", "stacked"):
        assert values(rows, "crossings", field=field) == [0]
        assert values(rows, "smallest_slope", field=field)[0] > 0
    # Each path of proposition 2 at theta = 3 ends at -x (1 - 2 exp(-3)).
    assert values(rows, "crossings", field="data-controlled") == [10]
    slope = -1 + 2 * math.exp(-3)
    assert values(rows, "smallest_slope", field="data-controlled") == pytest.approx([slope], abs=1e-5)


def test_adjoint_keeps_the_same_and_autograd_more_with_every_step(smoke_rows: Mapping[str, Rows]) -> None:
    rows = smoke_rows["memory"]
    assert len(set(values(rows, "saved_bytes", way="adjoint"))) == 1
    one, two, four = values(rows, "saved_bytes", way="autograd")
    assert four - two == pytest.approx(2 * (two - one))
