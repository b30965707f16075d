"""When a run has to end: trainings are asked to stop first, and what has not stopped a little later is ended."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass

_LONGEST_GRACE = 15.0  # seconds; a training step and its checkpoint take less
_SHARE_OF_GRACE = 0.1  # of a short time, so that most of it is for running


class TimeUp(BaseException):  # like KeyboardInterrupt it is no error, and no experiment may swallow it
    """The time of a run is up, and the cell that it stops is to go on in another run; it gets no record."""


@dataclass(frozen=True)
class Deadline:
    """Two moments of the monotonic clock, which all processes of a machine share.

    Attributes:
        asks: From here on no cell starts, and a training stops at its next step. [s]
        ends: Whatever still runs is ended here. [s]
    """

    asks: float
    ends: float

    @classmethod
    def after(cls, seconds: float, begun: float) -> Deadline:
        """Return the deadline of a run that may take some seconds and began at a moment of the monotonic clock."""
        ends = begun + seconds
        return cls(ends - min(_LONGEST_GRACE, _SHARE_OF_GRACE * seconds), ends)

    @property
    def asks_to_stop(self) -> bool:
        """Whether trainings are to stop."""
        return time.monotonic() >= self.asks

    @property
    def has_ended(self) -> bool:
        """Whether nothing may run any more."""
        return time.monotonic() >= self.ends

    @property
    def seconds_left(self) -> float | None:
        """Seconds until everything is ended; None for a run without end, as waiting functions take it."""
        return None if math.isinf(self.ends) else max(0.0, self.ends - time.monotonic())


NEVER = Deadline(math.inf, math.inf)
"""The deadline of a run that may take as long as it likes."""
