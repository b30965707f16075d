"""Experiments of several data sets, of which each variant reads its own."""

from __future__ import annotations

from abc import ABC, abstractmethod


class DataByVariant(ABC):
    """What an experiment is besides when its variants do not all read all of its data sets.

    A machine that lacks one of them runs the other variants.
    """

    @abstractmethod
    def reads(self, variant: str) -> tuple[str, ...]:
        """Return the names of the data sets that one variant reads, which are among the experiment's."""
