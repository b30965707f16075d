"""How far a solve is from what the device could do: the field's bytes and operations against the device's rates."""

from __future__ import annotations

from dataclasses import dataclass

from reference.crosschecks.contenders import Run, Solve
from suite.declarations import Axis, Meter
from suite.harness.meters.device_limits import DeviceLimits
from suite.harness.meters.traffic import Traffic, traffic


@dataclass(frozen=True)
class Roofline:
    """The limit of a solve, after Williams, Waterman and Patterson (2009), https://doi.org/10.1145/1498765.1498785.

    It is that of the field's work alone, operation by operation as the field is written: a perfect solver adds nothing
    to it. What a library moves beside the field makes its time longer and its limit no higher.

    Attributes:
        limits: What the device can do.
        evaluation: Of one evaluation of the field.
        product: Of one evaluation with its vector-Jacobian product.
    """

    limits: DeviceLimits
    evaluation: Traffic
    product: Traffic

    def work(self, evaluations: int, products: int) -> Traffic:
        """Return what so many evaluations, and so many with their products, move and do."""
        return self.evaluation.times(evaluations) + self.product.times(products)

    def fraction(self, evaluations: int, products: int, seconds: float) -> float:
        """Return the least time of that work over the measured one [s]: 1 at the limit."""
        return self.limits.least_seconds(self.work(evaluations, products)) / seconds

    def record(self, meter: Meter, **axes: Axis) -> None:
        """Record the bytes and operations of an evaluation and of one with its product."""
        for name, of in (("evaluation", self.evaluation), ("product", self.product)):
            meter.record(f"{name}_bytes", of.bytes, "B", **axes)
            meter.record(f"{name}_flops", of.flops, "FLOP", **axes)


def roofline(solve: Solve, limits: DeviceLimits) -> Roofline:
    """Return the limit of solves on the field and the states of one."""
    return Roofline(limits, _moved(solve.evaluate(1)), _moved(solve.multiply(1)))


def record_limits(limits: DeviceLimits, meter: Meter) -> None:
    """Record the measured rates of the device."""
    for size, rate in limits.copy_rates.items():
        meter.record("copy_bandwidth", rate, "B/s", size=size)
    for precision, rate in limits.matrix_rates.items():
        meter.record("matrix_rate", rate, "FLOP/s", precision=precision)


def _moved(run: Run) -> Traffic:
    with traffic() as found:
        run()
    return found
