"""Shares of a device's memory: they and the processes' contexts fit in, and a shortage is told in a sentence."""

from __future__ import annotations

import pytest
import torch

from suite.harness.device_memory import (
    described_shortage,
    give_back,
    hold_to_share,
    memory_share,
)
from suite.harness.errors import InputError

GIB = 2**30


@pytest.mark.parametrize("total", [8 * GIB, 141 * GIB])
@pytest.mark.parametrize("processes", [1, 2, 4])
def test_all_shares_and_a_context_of_each_process_are_the_device(total: int, processes: int) -> None:
    share = memory_share(total, processes)
    assert processes * (share * total + GIB) == pytest.approx(total)
    assert 0 < share < 1 / processes
    assert memory_share(total, processes, alone=True) == pytest.approx(processes * share)


def test_more_processes_than_there_is_memory_for_are_refused() -> None:
    assert memory_share(8 * GIB, 4) == pytest.approx(1 / 8)
    with pytest.raises(InputError, match="--jobs 5 would leave each process less than 1 GiB of the device's 8 GiB; it"):
        memory_share(8 * GIB, 5)
    with pytest.raises(InputError, match="at most 4 on this device"):
        memory_share(8 * GIB, 100)


def test_a_shortage_says_what_was_asked_for_and_not_how_the_allocator_is_doing() -> None:
    error = torch.OutOfMemoryError(
        "CUDA out of memory. Tried to allocate 20.00 MiB. GPU 0 has a total capacity of 8.00 GiB. 4 MiB are free."
    )
    told = described_shortage(error)
    assert told.startswith("the device has not the memory that the cell needs, which was allowed ")
    assert told.endswith(" (Tried to allocate 20.00 MiB)")
    assert described_shortage(torch.OutOfMemoryError("no memory")).endswith("(no memory)")


def test_without_a_device_there_is_nothing_to_give_back() -> None:
    if torch.cuda.is_initialized():
        pytest.skip("another test has used the device")
    assert give_back()


@pytest.mark.gpu
def test_a_process_gets_its_share_and_not_more() -> None:
    before = torch.cuda.get_per_process_memory_fraction()
    total = torch.cuda.get_device_properties(0).total_memory
    try:
        hold_to_share(4, alone=False)
        assert torch.cuda.get_per_process_memory_fraction() == pytest.approx(memory_share(total, 4))
        with pytest.raises(torch.OutOfMemoryError) as shortage:
            torch.empty(int(0.3 * total), dtype=torch.uint8, device="cuda")
        assert f"of {total / GIB:.0f} GiB (Tried to allocate" in described_shortage(shortage.value)
        assert give_back()
        torch.empty(int(0.1 * total), dtype=torch.uint8, device="cuda")
    finally:
        torch.cuda.set_per_process_memory_fraction(before)
        give_back()
