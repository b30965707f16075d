"""On which card an experiment was measured."""

from __future__ import annotations

import pandas as pd

from reports.on_gpu import on_gpu
from tests.reports.synthetic import Pendulum

COLUMNS = ["experiment", "variant", "device", "device_name", "profile", "status"]


def cells(*rows: tuple[str, str, str, str, str]) -> pd.DataFrame:
    return pd.DataFrame([(Pendulum.id, *row) for row in rows], columns=COLUMNS)


def test_records_of_a_cpu_and_failures_on_a_card_are_no_measurement_on_a_gpu() -> None:
    assert on_gpu(Pendulum(), cells()) == "not measured on a GPU yet"
    measured = cells(
        ("euler", "cpu", "a processor", "paper", "finished"), ("euler", "cuda", "an H200", "paper", "failed")
    )
    assert on_gpu(Pendulum(), measured) == "not measured on a GPU yet"
    others = cells(("euler", "cuda", "an H200", "paper", "finished")).assign(experiment="somebody/else")
    assert on_gpu(Pendulum(), others) == "not measured on a GPU yet"


def test_every_card_is_named_with_its_profiles_and_how_much_was_measured_on_it() -> None:
    measured = cells(
        ("euler", "cuda", "an H200", "paper", "finished"),
        ("verlet", "cuda", "an H200", "quick", "finished"),
        ("euler", "cuda", "an H100", "paper", "finished"),
        ("euler", "cuda", "an H100", "paper", "finished"),
    )
    assert on_gpu(Pendulum(), measured) == (
        "measured on an H100 (profile paper, 1 of 2 variants); an H200 (profile quick, paper)"
    )
