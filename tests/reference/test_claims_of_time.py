"""What is claimed of wall time or device memory is measured with nothing beside it on the device."""

from __future__ import annotations

import json
from collections import defaultdict
from pathlib import Path

import pytest

from reference import published
from reference.claims import load
from suite.harness.registry import experiments

RECORDS = Path(__file__).parents[2] / "reports" / "records" / "cpu-2core"
DERIVED = {"poli2020/wall-clock": {"speed_up", "time_ratio"}, "crosscheck/memory": {"device_peak_bytes"}}
"""Metrics that are made of times or of the device's memory and have no unit that says so."""


@pytest.fixture(scope="module")
def timed() -> dict[str, set[str]]:
    """The metrics of each experiment that are times, by the units of the records that are kept."""
    found: dict[str, set[str]] = defaultdict(set)
    seen = set()
    for path in sorted(RECORDS.rglob("*-s0-*.jsonl")):
        with path.open() as lines:
            cell = json.loads(next(lines))["cell"]
            if (kind := (cell["experiment"], cell["variant"])) in seen:
                continue
            seen.add(kind)
            rows = map(json.loads, lines)
            found[cell["experiment"]] |= {row["metric"] for row in rows if row["unit"] in ("s", "ms", "us")}
    return found


def test_variants_with_claims_of_time_or_device_memory_run_alone(timed: dict[str, set[str]]) -> None:
    known = experiments()
    tested, beside_others = set(), {}
    for claim in load(published.load()).values():
        experiment = known[claim.artefact]
        where = claim.arguments.get("where", {})
        by_seconds = isinstance(where, dict) and where.get("cost") == "seconds"
        measured = timed[claim.artefact] | DERIVED.get(claim.artefact, set())
        if by_seconds or measured & set(claim.metrics):
            tested.add(claim.artefact)
            if variants := set(claim.variants) - set(experiment.alone):
                beside_others[claim.id] = variants
    assert beside_others == {}
    assert {"chen2018/table1", "chen2018/theorem1", "crosscheck/speed", "poli2020/wall-clock"} <= tested


def test_an_experiment_that_times_nothing_claimed_runs_beside_others() -> None:
    known = experiments()
    assert known["massaroli2020/fig1"].alone == ()
    assert "ode-net-vode" not in known["chen2018/table1"].alone
