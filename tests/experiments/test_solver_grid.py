"""Testing one network with many solvers, against hand-made steps."""

from __future__ import annotations

import warnings
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional

from suite.experiments.solver_choice import SolverChoice
from suite.experiments.solver_grid import error_and_loss, measure_solver_grid
from suite.experiments.unconverged import unconverged_solves
from suite.models import ODEBlock


class Turn(nn.Module):
    """A rotation of the plane: ``dy/dt = a (-y2, y1)``."""

    def forward(self, t: Tensor | float, y: Tensor) -> Tensor:
        return 1.5 * torch.stack((-y[:, 1], y[:, 0]), dim=1)


class Rows:
    """A meter that keeps rows and does nothing else."""

    def __init__(self) -> None:
        self.rows: list[dict[str, Any]] = []

    def record(self, metric: str, value: float, unit: str, **axes: Any) -> None:
        self.rows.append({"metric": metric, "value": value, "unit": unit, **axes})


def points(count: int = 200) -> tuple[Tensor, Tensor]:
    """Points on the circle and, as their classes, the half plane in which a rotation by 1.5 puts them."""
    angles = 2 * torch.pi * torch.rand(count, generator=torch.Generator().manual_seed(0), dtype=torch.float64)
    turned = torch.stack((torch.cos(angles + 1.5), torch.sin(angles + 1.5)), dim=1)
    return torch.stack((torch.cos(angles), torch.sin(angles)), dim=1), turned.argmax(dim=1)


def test_error_of_a_solver_is_that_of_its_own_steps() -> None:
    y, labels = points()
    block = ODEBlock(Turn(), rtol=1e-8, atol=1e-8, gradient="direct")
    meter: Any = Rows()
    coarse, fine = SolverChoice("euler", 1e-3, steps=1), SolverChoice("dopri5", 1e-8)
    measure_solver_grid(block, block, y, labels, solvers=(coarse, fine), batch_size=64, meter=meter)
    errors = {row["test_solver"]: row["value"] for row in meter.rows if row["metric"] == "grid_error"}
    changes = {row["test_solver"]: row["value"] for row in meter.rows if row["metric"] == "grid_change"}
    step = y + Turn()(0, y)
    assert errors["euler"] == pytest.approx(100 * float((step.argmax(dim=1) != labels).double().mean()))
    assert errors["euler"] > 5
    assert errors["dopri5"] == changes["dopri5"] == 0
    assert changes["euler"] == pytest.approx(errors["euler"])
    losses = {row["test_solver"]: row["value"] for row in meter.rows if row["metric"] == "grid_loss"}
    assert losses["euler"] == pytest.approx(float(functional.cross_entropy(step, labels)))
    evaluations = {row["test_solver"]: row["value"] for row in meter.rows if row["metric"] == "grid_nfe"}
    assert evaluations["euler"] == 1
    assert block.method == "dopri5"


def test_error_and_loss_do_not_depend_on_the_batches() -> None:
    y, labels = points()
    model = nn.Linear(2, 2).double()
    whole, parts = error_and_loss(model, y, labels, 200), error_and_loss(model, y, labels, 7)
    assert whole == pytest.approx(parts, rel=1e-12)
    assert whole[1] == pytest.approx(float(functional.cross_entropy(model(y), labels).detach()))


@pytest.mark.parametrize(
    ("solver", "options", "axes"),
    [
        (SolverChoice("euler", 1e-3, steps=1), None, {"test_solver": "euler", "test_steps": 1}),
        (SolverChoice("rk4", 1e-3, steps=4), {"step_size": 0.25}, {"test_solver": "rk4", "test_steps": 4}),
        (
            SolverChoice("implicit_adams", 1e-3, steps=2, max_iters=9),
            {"step_size": 0.5, "max_iters": 9},
            {"test_solver": "implicit_adams", "test_steps": 2},
        ),
        (SolverChoice("dopri5", 1e-2), None, {"test_solver": "dopri5", "test_tolerance": 1e-2}),
    ],
)
def test_a_choice_has_the_options_and_axes_of_its_method(
    solver: SolverChoice, options: dict[str, float] | None, axes: dict[str, object]
) -> None:
    assert solver.options == options
    assert solver.axes == axes


def test_unconverged_solves_are_counted_and_other_warnings_come_out() -> None:
    stiff = SolverChoice("implicit_adams", 1e-6, steps=4, max_iters=2)
    block = ODEBlock(Turn(), method=stiff.method, rtol=1e-6, atol=1e-6, gradient="direct", options=stiff.options)

    def count() -> int:
        with unconverged_solves() as found:
            block(points(3)[0])
            block(points(3)[0])
            warnings.warn("something else", UserWarning, stacklevel=1)
        return found.solves

    with pytest.warns(UserWarning, match="something else"):
        solves = count()
    assert solves == 2
