"""The memory of a CUDA device among the processes of a pool: each is held to a share, so that none takes another's."""

from __future__ import annotations

import gc

import torch

from suite.harness.errors import InputError

_CONTEXT = 2**30  # bytes that a process holds beside its tensors: its context, loaded kernels, libraries' workspaces
_LEAST = 2**30  # bytes below which a share is of no use


def memory_share(total: int, processes: int, *, alone: bool = False) -> float:
    """Return the part of a device's memory that the tensors of one process may take.

    Every process keeps its context while it waits for a next cell, so that these are left out for all of them even when
    one runs alone.

    Args:
        total: Memory of the device. [bytes]
        processes: How many processes there may be.
        alone: Whether the others are idle, which have given their memory back.

    Raises:
        InputError: When so many processes would have less than 1 GiB each.
    """
    for_tensors = total - processes * _CONTEXT
    if for_tensors < processes * _LEAST:
        most = total // (_CONTEXT + _LEAST)
        raise InputError(
            f"--jobs {processes} would leave each process less than 1 GiB of the device's {total / 2**30:.0f} GiB; "
            f"it can be at most {most} on this device"
        )
    return for_tensors / total / (1 if alone else processes)


def check_share(processes: int) -> None:
    """Check that so many processes can share the CUDA device.

    Raises:
        InputError: When each would have less than 1 GiB.
    """
    memory_share(_total(), processes)


def hold_to_share(processes: int, *, alone: bool) -> None:
    """Let this process take its share of the CUDA device and no more: beyond it, torch is out of memory."""
    torch.cuda.set_per_process_memory_fraction(memory_share(_total(), processes, alone=alone))


def give_back() -> bool:
    """Return the memory that this process no longer uses to the device; say whether the device still answers.

    After an error of a kernel the device answers the process to nothing any more, and every further cell would fail.
    """
    if not torch.cuda.is_initialized():
        return True
    gc.collect()  # cycles of a finished cell still hold its tensors
    try:
        torch.cuda.synchronize()
        torch.cuda.empty_cache()
    except RuntimeError:
        return False
    return True


def described_shortage(error: torch.OutOfMemoryError) -> str:
    """Return in a sentence that the device had no more memory for a cell, and how much the cell might have had."""
    # Torch's message goes on for a paragraph about the state of its allocator.
    sentences = str(error).split(". ")
    asked = next((each.strip().rstrip(".") for each in sentences if each.startswith("Tried to allocate")), sentences[0])
    allowed = "the whole device"
    if torch.cuda.is_initialized() and (share := torch.cuda.get_per_process_memory_fraction()) < 1:
        allowed = f"{share * _total() / 2**30:.1f} of {_total() / 2**30:.0f} GiB"
    return f"the device has not the memory that the cell needs, which was allowed {allowed} ({asked})"


def _total() -> int:
    """Return the memory of the CUDA device, in bytes."""
    return int(torch.cuda.get_device_properties(torch.cuda.current_device()).total_memory)
