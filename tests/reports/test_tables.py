from __future__ import annotations

import pandas as pd
import pytest

from reference.statistics import error_rate_interval, mean_interval
from reports.estimates import interval_of
from reports.tables import MOST_POINTS, NOTHING, by_axes, by_variant, without_table
from suite.harness.records import Records, with_own_axes


def table1(records: Records) -> pd.DataFrame:
    rows, cells = records.rows, records.cells
    changed = cells.loc[cells["key"].isin(cells.loc[cells["variant"] == "mlp", "key"].iloc[:0]), "path"]
    return rows[(rows["experiment"] == "chen2018/table1") & (rows["profile"] == "quick") & ~rows["path"].isin(changed)]


def test_headline_comes_first_and_last_and_best_epoch_stay_apart(records: Records) -> None:
    rows = table1(records)
    (table,) = by_variant(rows[rows["variant"] == "ode-net"], ("resnet", "ode-net"), "test_error_last")
    assert table.columns[:3] == ("variant", "seeds", "test error last [%]")
    assert "test error best [%]" in table.columns
    assert "nfe forward, last epoch [evaluations]" in table.columns
    (row,) = table.rows
    assert row[:2] == ("ode-net", "3")
    assert row[table.columns.index("nfe forward, last epoch [evaluations]")].startswith("23.0 [")


def test_error_rate_counts_the_test_set_and_other_metrics_do_not(records: Records) -> None:
    rows = table1(records)
    mine = rows[rows["variant"] == "ode-net"]
    errors = mine[mine["metric"] == "test_error_last"]
    sizes = mine.loc[mine["metric"] == "test_size", "value"]
    found = interval_of(errors, sizes)
    truth = error_rate_interval([0.02, 0.0215, 0.023], 360)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((100 * truth.low, 100 * truth.high))
    steps = mine[(mine["metric"] == "step_seconds") & (mine["depth"] == 6)]
    assert interval_of(steps, sizes) == mean_interval([0.06, 0.06, 0.06])


def test_axes_become_rows_and_variants_columns(records: Records) -> None:
    rows = records.rows[records.rows["experiment"] == "crosscheck/gradients"]
    tables = {table.title: table for table in by_axes(rows, ("direct", "adjoint"))}
    errors = tables["gradient error"]
    assert errors.columns == ("problem", "method", "tolerance", "wrt", "reference", "direct", "adjoint") or set(
        errors.columns[:5]
    ) == {"problem", "method", "tolerance", "wrt", "reference"}
    assert errors.columns[5:] == ("direct", "adjoint")
    assert len(errors.rows) == 2 * 4 * 3


def test_a_table_has_each_point_once_however_alike_their_coordinates_are_written() -> None:
    rows = pd.DataFrame(
        {
            "path": "a", "experiment": "x/y", "variant": ["one", "other", "one", "one"], "seed": 0, "profile": "quick",
            "device": "cpu", "key": "k", "code": "c", "stand_in_for": "", "metric": "error", "unit": "1",
            "value": [1.0, 2.0, 3.0, 4.0],
            "t": [0.1, 0.1, 0.1 + 1e-9, float("nan")], "part": [float("nan")] * 3 + ["all"],
        }
    )  # fmt: skip
    (table,) = by_axes(rows, ("one", "other"))
    assert table.columns == ("t", "part", "one", "other")
    assert table.rows == (
        ("0.1", NOTHING, "1", "2"),
        ("0.1", NOTHING, "3", NOTHING),
        (NOTHING, "all", "4", NOTHING),
    )
    assert without_table(rows) == []


def test_a_picture_is_named_with_its_points_in_place_of_a_table() -> None:
    count = MOST_POINTS + 1
    rows = pd.DataFrame(
        {
            "path": "a", "experiment": "x/y", "variant": "one", "seed": 0, "profile": "quick", "device": "cpu",
            "key": "k", "code": "c", "stand_in_for": "", "metric": "true_density", "value": 1.0, "unit": "1",
            "t": [float(place) for place in range(count)], "foreign": float("nan"),
        }
    )  # fmt: skip
    assert by_axes(rows, ("one",)) == []
    assert without_table(rows) == [f"true density ({count} points)"]
    assert "foreign" not in with_own_axes(rows)
    assert "t" in with_own_axes(rows)
