"""What airspeed-velocity measures of the solver cases, our solver and torchdiffeq side by side.

``version`` is raised by hand when a case changes its meaning: results of another version are no longer compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from suite.harness.interleaved import best_times

from . import cases, counts, units


class _Case:
    params: ClassVar[tuple[Sequence[str], ...]] = (
        cases.WORK,
        cases.LIBRARIES,
        cases.METHODS,
        cases.DEVICES,
        cases.SIZES,
    )
    param_names = ("work", "library", "method", "device", "size")
    version = "2"

    def setup(self, work: str, library: str, method: str, device: str, size: str) -> None:
        self.case = cases.Case(work, library, method, device, cases.BATCHES[device][size])
        self.prepared = cases.prepare(self.case)


class Time(_Case):
    """Wall time of one call until the device is idle, launches included."""

    def time_call(self, *_: object) -> None:
        """Time one call."""
        self.prepared.run()


class DeviceTime(_Case):
    """Time of one call on a CUDA device alone, between events: the host's work after the last launch does not count."""

    params = (*_Case.params[:3], ("cuda",), cases.SIZES)

    @units.measured_in("seconds")
    def track_device_time(self, *_: object) -> float:
        """Return the shortest time between two events around a call."""
        return self.prepared.device_seconds()


class Ratio:
    """Our wall time over torchdiffeq's, from calls in turn: the one time that a noisy machine tells well."""

    params = (cases.WORK, cases.METHODS, cases.DEVICES, cases.SIZES)
    param_names = ("work", "method", "device", "size")
    version = "2"

    def setup(self, work: str, method: str, device: str, size: str) -> None:
        """Prepare both cases."""
        batch = cases.BATCHES[device][size]
        self.runs = [
            cases.prepare(cases.Case(work, library, method, device, batch)).run for library in ("suite", "torchdiffeq")
        ]

    @units.measured_in("ratio of minima")
    def track_ratio_to_torchdiffeq(self, *_: object) -> float:
        """Return the ratio of the two smallest times."""
        ours, theirs = best_times(*self.runs)
        return ours / theirs


class Counts(_Case):
    """Evaluations and host synchronisations."""

    params = (*_Case.params[:4], cases.SIZES[:1])

    @units.measured_in("evaluations")
    def track_nfe(self, *_: object) -> int:
        """Return the evaluations of the vector field in one call."""
        return counts.evaluations(self.case)

    @units.measured_in("synchronisations per step")
    def track_host_syncs(self, *_: object) -> float:
        """Return how often the host waits, per step."""
        return counts.host_syncs_per_step(self.case)


class Operations(_Case):
    """Tensor operations of a solve."""

    params = (("forward",), *_Case.params[1:4], cases.SIZES[:1])

    @units.measured_in("operations per step")
    def track_operations(self, *_: object) -> float:
        """Return the operations per step that are neither views nor the field's own."""
        return counts.operations_per_step(self.case)


class Accuracy(_Case):
    """Error of the final state (forward) and of the gradient (adjoint) against the exact ones."""

    params = (("forward", "adjoint"), *_Case.params[1:4], cases.SIZES[:1])

    @units.measured_in("relative error")
    def track_error(self, *_: object) -> float:
        """Return the relative error."""
        return cases.error(self.case)


class Memory(_Case):
    """Memory of a training step that differentiates through the solver's operations."""

    params = (("training",), *_Case.params[1:])

    @units.measured_in("bytes")
    def track_saved_bytes(self, *_: object) -> float:
        """Return the most bytes that autograd keeps at once."""
        return counts.saved_bytes(self.case)

    @units.measured_in("bytes")
    def track_peak_memory(self, *_: object) -> float:
        """Return the peak of the device's allocator; not-a-number on a CPU, which has none."""
        return counts.peak_memory(self.case)
