"""The limits of a device: how rates are measured, and the least time that they allow."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from suite.harness.meters import device_limits
from suite.harness.meters.call_time import CallTime
from suite.harness.meters.device_limits import DeviceLimits, measure_limits
from suite.harness.meters.traffic import Traffic, traffic

CPU = torch.device("cpu")
GIVEN = DeviceLimits({100: 50.0, 1000: 80.0, 10_000: 10.0}, {"float32": 40.0, "tf32": 400.0}, "float32")


@pytest.mark.parametrize(("size", "rate"), [(1, 80.0), (101, 80.0), (1000, 80.0), (1001, 10.0), (99_999, 10.0)])
def test_bandwidth_is_that_of_the_fastest_copy_of_tensors_at_least_as_large(size: int, rate: float) -> None:
    assert GIVEN.bandwidth(size) == rate


def test_the_least_time_is_the_longer_of_moving_and_multiplying() -> None:
    assert GIVEN.least_seconds(Traffic(800.0, 120.0, 1000)) == 10.0
    assert GIVEN.least_seconds(Traffic(80.0, 120.0, 1000)) == 3.0
    assert GIVEN.least_seconds(Traffic(80.0, 120.0, 2000)) == 8.0


def test_rates_are_bytes_and_operations_over_the_shortest_time(monkeypatch: pytest.MonkeyPatch) -> None:
    moved: list[Traffic] = []

    def two_seconds(run: Callable[[], object], **_: Any) -> tuple[CallTime]:
        with traffic() as found:
            run()
        moved.append(found)
        return (CallTime(2.0, float("nan")),)

    monkeypatch.setattr(device_limits, "best_call_times", two_seconds)
    limits = measure_limits(CPU)
    *copies, product = moved
    assert list(limits.copy_rates) == [found.largest for found in copies]
    assert list(limits.copy_rates.values()) == [found.bytes / 2 for found in copies]
    assert limits.matrix_rates == {"float32": product.flops / 2}
    assert limits.precision == "float32"


def test_tf32_is_allowed_inside_alone() -> None:
    before = device_limits._rounds_to_tf32()
    for allow in (True, False):
        with device_limits._tf32(allow):
            assert device_limits._rounds_to_tf32() is allow
        assert device_limits._rounds_to_tf32() is before
    # A mixture of the older and the newer flag would raise.
    assert torch.backends.cuda.matmul.allow_tf32 is before


@pytest.mark.gpu
def test_a_gpu_copies_at_more_than_100_gigabytes_a_second_and_multiplies_at_more_than_a_teraflop() -> None:
    limits = measure_limits(torch.device("cuda"))
    assert 1e11 < limits.bandwidth(2**30) < 2e13
    assert 1e12 < limits.matrix_rates["float32"] < 1e15
