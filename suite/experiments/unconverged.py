"""Counting solves whose implicit equations were not solved to the tolerance."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

_WORDS = "functional iteration did not converge"


@dataclass
class Count:
    """How many solves; filled in when its ``with`` block ends."""

    solves: int = 0


@contextmanager
def unconverged_solves() -> Iterator[Count]:
    """Count solves in which an implicit equation missed the tolerance, in place of the warning that each gives.

    A fixed step that is too long for the field is a property of the network that it is measured with, not a mistake of
    whoever runs it. Other warnings come out when the block ends.
    """
    count = Count()
    with warnings.catch_warnings(record=True) as caught:
        warnings.filterwarnings("always", message=_WORDS, category=UserWarning)
        yield count
    for warning in caught:
        if str(warning.message).startswith(_WORDS):
            count.solves += 1
        else:
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
