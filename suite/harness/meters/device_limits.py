"""How fast a device copies and multiplies, measured, and the least time that a given amount of work takes there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import torch

from suite.harness.interleaved import best_call_times
from suite.harness.meters.traffic import Traffic

COPIED: Mapping[str, tuple[int, ...]] = {
    "cpu": (2**16, 2**20, 2**24, 2**26),
    "cuda": (2**20, 2**24, 2**26, 2**28, 2**30),
}
"""Bytes of the tensors that are copied: from what a cache holds to what it does not."""
ROWS: Mapping[str, int] = {"cpu": 512, "cuda": 8192}
"""Rows and columns of the matrices that are multiplied: enough to fill the device."""

_MOVED = 2**26  # least bytes copied in one timed call, so that a launch is a small part of it
_SECONDS = 0.1  # least time of all calls together, so that not all of them fall into a disturbance
_FIRST_WITH_TF32 = (8, 0)


@dataclass(frozen=True)
class DeviceLimits:
    """What a device can do at most, in single precision.

    Attributes:
        copy_rates: Bytes read and written each second [B/s] by the bytes of the tensor that was copied.
        matrix_rates: Floating-point operations each second [1/s] of a product of square matrices, by the precision:
            ``float32``, and ``tf32`` where the device has it.
        precision: The one of them that products of single-precision tensors have by the flags in force.
    """

    copy_rates: Mapping[int, float]
    matrix_rates: Mapping[str, float]
    precision: str

    def bandwidth(self, size: int) -> float:
        """Return the fastest copy [B/s] of tensors of at least so many bytes: smaller ones fit into faster memory."""
        held = min(size, max(self.copy_rates))
        return max(rate for copied, rate in self.copy_rates.items() if copied >= held)

    def least_seconds(self, work: Traffic) -> float:
        """Return the time [s] that the work takes at least: the longer of moving its bytes and doing its products."""
        return max(work.bytes / self.bandwidth(work.largest), work.flops / self.matrix_rates[self.precision])


def measure_limits(device: torch.device) -> DeviceLimits:
    """Measure how fast a device copies and multiplies now, with the threads that torch has: the fastest of a few calls.

    Args:
        device: A CPU or a CUDA device, which should have nothing else to do.
    """
    copy_rates = {size: _copy_rate(size, device) for size in COPIED[device.type]}
    if device.type != "cuda":
        return DeviceLimits(copy_rates, {"float32": _matrix_rate(device)}, "float32")
    precision = "tf32" if _rounds_to_tf32() else "float32"
    with _tf32(False):
        matrix_rates = {"float32": _matrix_rate(device)}
    if torch.cuda.get_device_capability(device) >= _FIRST_WITH_TF32:
        with _tf32(True):
            matrix_rates["tf32"] = _matrix_rate(device)
    return DeviceLimits(copy_rates, matrix_rates, precision if precision in matrix_rates else "float32")


def _copy_rate(size: int, device: torch.device) -> float:
    source = torch.ones(size // 4, dtype=torch.float32, device=device)
    target = torch.empty_like(source)
    copies = max(_MOVED // size, 1)

    def copy() -> None:
        for _ in range(copies):
            target.copy_(source)

    return 2 * size * copies / _shortest(copy, device)


def _matrix_rate(device: torch.device) -> float:
    rows = ROWS[device.type]
    generator = torch.Generator(device).manual_seed(0)
    # Numbers of all magnitudes: products of zeros or ones take less power, and so a higher clock.
    left, right = (torch.randn(rows, rows, generator=generator, device=device) for _ in range(2))
    product = torch.empty_like(left)
    return 2 * rows**3 / _shortest(lambda: torch.mm(left, right, out=product), device)


def _shortest(run: Callable[[], object], device: torch.device) -> float:
    """Return the shortest time [s] of some calls: by events on CUDA, where launches are not the limit."""
    (best,) = best_call_times(run, device=device, seconds=_SECONDS, rounds=3, warm_up=1)
    return best.device if device.type == "cuda" else best.wall


def _flag() -> tuple[str, object, object]:
    """Return the name of torch's flag of matrix products, with the values that forbid and that allow TF32."""
    if hasattr(torch.backends.cuda.matmul, "fp32_precision"):
        # From torch 2.9 on; reading the older flag raises once somebody has set this one.
        return "fp32_precision", "ieee", "tf32"
    return "allow_tf32", False, True


def _rounds_to_tf32() -> bool:
    name, _, allowed = _flag()
    return bool(getattr(torch.backends.cuda.matmul, name) == allowed)


@contextmanager
def _tf32(allow: bool) -> Iterator[None]:
    name, *values = _flag()
    before = getattr(torch.backends.cuda.matmul, name)
    setattr(torch.backends.cuda.matmul, name, values[allow])
    try:
        yield
    finally:
        setattr(torch.backends.cuda.matmul, name, before)
