"""What is timed beside the libraries, with clocks that are given: on a GPU the field's work is a graph as well."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor

from reference.crosschecks import speed_times
from reference.crosschecks.contenders import WARM_UP, Solve
from reference.crosschecks.perceptron_field import PerceptronField
from reference.crosschecks.speed_times import FIELD, FIELD_GRAPH, fastest, times_of_repeats
from suite.harness.meters.call_time import CallTime


class Rows:
    """A meter that keeps rows of a device that need not be there."""

    def __init__(self, device: str) -> None:
        self.device = torch.device(device)
        self.rows: dict[tuple[str, Any, Any], float] = {}

    def record(self, metric: str, value: float, unit: str, **axes: Any) -> None:
        assert (unit, axes["batch"]) == ("s", 3)
        self.rows[metric, axes["library"], axes["repeat"]] = value


@pytest.fixture
def solve() -> Solve:
    field = PerceptronField((2, 8, 2), torch.Generator().manual_seed(0))
    return Solve(field, torch.ones(3, 2), torch.tensor([0.0, 1.0]), {"method": "rk4"})


@pytest.fixture
def warm_ups(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Give the n-th function 10 to the power n seconds, twice that in the first repeat, and half on the device."""
    found: list[int] = []

    def times(*runs: Callable[[], object], device: torch.device, warm_up: int, **_: Any) -> list[CallTime]:
        for run in runs:
            run()
        found.append(warm_up)
        late = 2.0 if len(found) == 1 else 1.0
        on_device = 0.5 if device.type == "cuda" else float("nan")
        return [CallTime(late * 10**index, late * on_device * 10**index) for index in range(len(runs))]

    monkeypatch.setattr(speed_times, "best_call_times", times)
    return found


def test_on_a_cpu_the_field_is_its_evaluations_and_its_products(solve: Solve, warm_ups: list[int]) -> None:
    meter: Any = Rows("cpu")
    times = times_of_repeats({"suite": lambda: None}, solve, (5, 2), 2, 0.0, meter, {"batch": 3})
    best = {name: fastest(each) for name, each in times.items()}
    assert {name: each.wall for name, each in best.items()} == {
        "suite": 1.0, "evaluations": 10.0, "products": 100.0, FIELD: 110.0
    }  # fmt: skip
    assert meter.rows == {
        ("seconds", "suite", 0): 2.0, ("seconds", FIELD, 0): 220.0,
        ("seconds", "suite", 1): 1.0, ("seconds", FIELD, 1): 110.0,
    }  # fmt: skip
    assert warm_ups == [WARM_UP["cpu"], 0]


def test_on_a_gpu_the_same_work_is_replayed_and_every_time_has_one_between_events(
    solve: Solve, warm_ups: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    captures: list[Tensor] = []

    def captured(predict: Callable[[Tensor], Tensor], start: Tensor) -> Callable[[], Tensor]:
        captures.append(predict(start))
        return lambda: predict(start)

    monkeypatch.setattr(speed_times, "captured", captured)
    meter: Any = Rows("cuda")
    times = times_of_repeats({"suite": lambda: None}, solve, (0, 2), 2, 0.0, meter, {"batch": 3})
    best = {name: fastest(each) for name, each in times.items()}
    assert all(each is solve.y0 for each in captures)
    assert len(captures) == 2
    # No evaluation without a product is needed.
    assert (best[FIELD], best[FIELD_GRAPH]) == (CallTime(100.0, 50.0), CallTime(10_000.0, 5000.0))
    assert {library for _, library, _ in meter.rows} == {"suite", FIELD, FIELD_GRAPH}
    for (metric, library, repeat), value in meter.rows.items():
        assert value == (2 if repeat == 0 else 1) * (
            getattr(best[library], "wall" if metric == "seconds" else "device")
        )
    assert len(meter.rows) == 2 * 3 * 2
    assert warm_ups == [3, 0]
