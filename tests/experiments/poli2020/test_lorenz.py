"""Long roll-outs on attractors: the measures against plain loops, what is counted, and what the smoke run measures."""

from __future__ import annotations

import math
from collections.abc import Mapping
from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import cast

import pytest
import torch
from torch import Tensor

from suite.declarations import Axis, Meter, Reading
from suite.experiments.poli2020.lorenz import LorenzRollouts
from suite.experiments.poli2020.lorenz_measures import record_step_time
from suite.experiments.poli2020.lorenz_methods import BASES, classical, stages
from suite.experiments.poli2020.lorenz_rollouts import roll_out
from suite.experiments.poli2020.lorenz_settings import LorenzSettings
from suite.experiments.poli2020.lorenz_systems import _SPACING, System
from suite.models.attractors import Lorenz
from suite.solvers import NonFiniteError, solve
from tests.smoke_rows import Rows, rows_by_variant

EXPERIMENT = LorenzRollouts()


@pytest.fixture(scope="module")
def smoke_rows(smoke_records: Path) -> Mapping[str, Rows]:
    """The measurements of each variant's smoke cell."""
    return rows_by_variant(smoke_records, "poli2020/lorenz")


def by_system(rows: Rows, metric: str) -> dict[str, float]:
    return {row["system"]: row["value"] for row in rows if row["metric"] == metric}


def test_every_variant_measures_both_systems(smoke_rows: Mapping[str, Rows]) -> None:
    assert set(smoke_rows) == set(EXPERIMENT.variants)
    for rows in smoke_rows.values():
        for metric in ("valid_time", "error", "attractor_distance", "equal_operations_error", "step_seconds"):
            assert set(by_system(rows, metric)) == {"lorenz", "van-der-pol"}
        assert set(by_system(rows, "lost_share").values()) == {0.0}
    assert {row["rival"] for row in smoke_rows["euler"] if "rival" in row} == {"hyper-heun", "hyper-euler"}
    assert {row["rival"] for row in smoke_rows["hyper-heun"] if "rival" in row} == {"hyper-heun"}


def test_operations_of_a_step_are_counted_by_hand(smoke_rows: Mapping[str, Rows]) -> None:
    for variant, rows in smoke_rows.items():
        count = stages(variant)
        for system, (dimensions, products) in {"lorenz": (3, 4), "van-der-pol": (2, 2)}.items():
            own = (dimensions * (1 + count) * 8 + 8 * 8 + 8 * dimensions) if variant.startswith("hyper") else 0
            assert by_system(rows, "operations_of_step")[system] == count * products + own


def test_classical_methods_get_at_most_the_operations_of_the_hypersolver(smoke_rows: Mapping[str, Rows]) -> None:
    for variant, rows in smoke_rows.items():
        shares = [row["value"] for row in rows if row["metric"] == "operations_share"]
        assert all(0 < share <= 1 + 1e-9 for share in shares)
        if variant.startswith("hyper"):
            assert shares == pytest.approx([1.0, 1.0])


def test_smaller_steps_come_closer_at_the_order_of_the_method(smoke_rows: Mapping[str, Rows]) -> None:
    errors = {variant: by_system(smoke_rows[variant], "equal_operations_error") for variant in ("euler", "rk4")}
    for system in ("lorenz", "van-der-pol"):
        assert errors["rk4"][system] < errors["euler"][system] / 100


def test_roll_out_is_the_plain_loop() -> None:
    field, z0 = Lorenz(), 15 + torch.randn(3, 3, dtype=torch.float64, generator=torch.Generator().manual_seed(1))
    found = roll_out(field, z0, 0.1, 3, 0.025, classical("euler"))
    z, zero = z0, torch.tensor(0.0)
    for step in range(1, 13):
        z = z + 0.025 * field(zero, z)
        if step % 4 == 0:
            torch.testing.assert_close(found[step // 4], z, rtol=1e-12, atol=1e-12)
    assert torch.equal(found[0], z0)


def test_trajectories_that_leave_are_set_aside_and_the_others_go_on() -> None:
    """``z' = z^2`` from 2 is infinite at 1/2; from -1 it decays; the stepping of both stays independent."""

    def field(t: Tensor, z: Tensor) -> Tensor:
        return z**2

    z0 = torch.tensor([[2.0], [-1.0], [2.5], [-2.0]], dtype=torch.float64)
    found = roll_out(field, z0, 0.5, 4, 0.1, classical("rk4_classic"))
    assert found[-1].isnan().squeeze(1).tolist() == [True, False, True, False]
    expected = [-1 / (1 + 2.0), -2 / (1 + 4.0)]
    assert found[-1, [1, 3], 0].tolist() == pytest.approx(expected, rel=1e-3)


class Notes:
    """A meter of times."""

    def __init__(self) -> None:
        self.rows: dict[str, float] = {}

    def wall_time(self) -> AbstractContextManager[Reading]:
        return nullcontext(Reading(0.5))

    def record(self, metric: str, value: float, unit: str, **axes: Axis) -> None:
        assert (unit, axes) == ("s", {"system": "lorenz", "rate": 1})
        self.rows[metric] = value


def test_a_step_is_timed_whose_own_length_throws_trajectories_out() -> None:
    far = torch.full((3, 3), 15.0, dtype=torch.float64)
    system = System("lorenz", Lorenz(), (1,), (1,), 1.0, 15.0, torch.device("cpu"))
    with pytest.raises(NonFiniteError):
        solve(system.field, far, torch.tensor([0.0, 40.0]), method="heun2", options={"step_size": 2.0})
    notes = Notes()
    record_step_time(system, far, 1, 2.0, classical("heun2"), 2, cast(Meter, notes))
    assert notes.rows == {"step_seconds": 0.5 / 20, "rk4_step_seconds": 0.5 / 20}


def test_outputs_are_whole_steps_of_every_method_at_every_rate() -> None:
    for settings in map(LorenzSettings.of, EXPERIMENT.profiles.values()):
        for system, rates in (("lorenz", settings.lorenz_rates), ("van-der-pol", settings.oscillator_rates)):
            assert settings.matched_rate in rates
            for rate in rates:
                for variant in BASES:
                    count = _SPACING[system] * rate / stages(variant)
                    assert math.isclose(count, round(count))
        assert set(settings.statistics_rates) <= set(settings.lorenz_rates)
