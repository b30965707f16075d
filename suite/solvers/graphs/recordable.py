"""What a recording has to know of a solve whose steps the host does not follow."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Hashable

from torch import Tensor

from suite.solvers.graphs.resident import ResidentBuffers
from suite.solvers.graphs.resident_solve import Resident, ResidentOutcome


class Recordable(ABC):
    """A solve with step-size control that is to be replayed."""

    @property
    @abstractmethod
    def key(self) -> Hashable:
        """What a recording fixes beside the vector field, but for the times."""

    @property
    @abstractmethod
    def times(self) -> tuple[float, ...]:
        """All times at which something happens."""

    @property
    @abstractmethod
    def start(self) -> Tensor:
        """The state at the start."""

    def given(self) -> tuple[Tensor, ...]:
        """Return what the steps read beside the state, in the order in which the algorithm stores it."""
        return ()

    @abstractmethod
    def buffers(self) -> ResidentBuffers:
        """Return new buffers."""

    @abstractmethod
    def on(self, buffers: ResidentBuffers) -> Resident:
        """Return the algorithm on some buffers."""

    @abstractmethod
    def prepare(self, buffers: ResidentBuffers) -> None:
        """Put the state at the start and the times into buffers."""

    @abstractmethod
    def settle(self, outcome: ResidentOutcome) -> None:
        """Count what the solve has cost."""
