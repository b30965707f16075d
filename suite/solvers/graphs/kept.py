"""Recordings kept from solve to solve, as long as their vector field lives."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Callable, Hashable
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from suite.solvers.by_field import ByField
from suite.solvers.graphs.field_identity import Identity, field_identity
from suite.solvers.vector_field import VectorField

_MOST_GRAPHS = 16  # of one field; the one replayed longest ago makes room
_MOST_SEEN = 1024  # kinds of solves remembered of one field
_MOST_CHANGES = 8  # of a field, after which its solves are no longer recorded

RecordingT = TypeVar("RecordingT")

FALLBACKS: Counter[str] = Counter()
"""How many solves that might have been replayed were not in this process, by reason."""


class NotRecordedError(Exception):
    """A solve cannot be replayed; the message says why."""


class NoEndError(NotRecordedError):
    """A replayed solve has come to no end: the host takes its steps to find out why."""


@dataclass(eq=False)
class KeptRecordings(Generic[RecordingT]):
    """The recordings of one vector field.

    Attributes:
        identity: What they have taken from the field.
    """

    identity: Identity = ()
    _recordings: OrderedDict[Hashable, RecordingT] = field(default_factory=OrderedDict)
    _seen: set[Hashable] = field(default_factory=set)
    _refused: dict[Hashable, str] = field(default_factory=dict)
    _changes: int = 0

    def get(
        self, vector_field: object, key: Hashable, record: Callable[[], RecordingT], *, at_once: bool
    ) -> RecordingT:
        """Return the recording of a key, making it where need be.

        Args:
            vector_field: The field.
            key: What the recording depends on beside the field.
            record: Makes it; the recording must not keep the field alive.
            at_once: Whether to make it at the first solve with this key; otherwise at the second, so that a solve that
                is not repeated costs no capture.

        Raises:
            NotRecordedError: When it is the first solve, or the recording cannot be made.
        """
        if key in self._recordings:
            self._recordings.move_to_end(key)
            return self._recordings[key]
        if key in self._refused:
            raise NotRecordedError(self._refused[key])
        if key not in self._seen and not at_once:
            if len(self._seen) == _MOST_SEEN:
                self._seen.clear()
            self._seen.add(key)
            raise NotRecordedError("it is the first solve of its kind")
        try:
            recording = record()
        except NotRecordedError as reason:
            self._refused[key] = str(reason)
            raise
        except RuntimeError as error:
            self._refused[key] = f"it cannot be captured ({str(error).strip().splitlines()[0]})"
            raise NotRecordedError(self._refused[key]) from error
        if field_identity(vector_field) != self.identity:
            self._refused[key] = "the vector field changes its own attributes when it is evaluated"
            raise NotRecordedError(self._refused[key])
        self._recordings[key] = recording
        if len(self._recordings) > _MOST_GRAPHS:
            self._recordings.popitem(last=False)
        return recording

    def follow(self, identity: Identity) -> None:
        """Forget all recordings where the field is not what they were made of.

        Raises:
            NotRecordedError: When that has happened too often.
        """
        if identity == self.identity:
            return
        if self.identity:
            self._changes += 1
        self.identity = identity
        self._recordings.clear()
        self._refused.clear()
        if self._changes > _MOST_CHANGES:
            raise NotRecordedError("the vector field changes its attributes from solve to solve")


_kept: ByField[KeptRecordings[Any]] = ByField(KeptRecordings)


def kept_for(vector_field: VectorField) -> KeptRecordings[Any]:
    """Return the recordings of a vector field as it is now.

    Raises:
        NotRecordedError: When the field cannot be followed, or has changed too often.
    """
    try:
        kept = _kept.of(vector_field)
    except TypeError:
        raise NotRecordedError(f"the vector field, a {type(vector_field).__name__}, takes no weak reference") from None
    kept.follow(field_identity(vector_field))
    return kept
