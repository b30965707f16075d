"""The errors that a user of the harness can mend; each message is one sentence that names what was wrong."""

from __future__ import annotations


class InputError(Exception):
    """What the user asked for cannot be done as asked; raised before any work starts."""


class RegistryError(InputError):
    """A registered experiment or library is declared wrongly or cannot be imported."""


class PlanError(InputError):
    """The request names an experiment, profile or setting that does not exist."""


class SchemaError(Exception):
    """A record file does not follow the schema; the message names the file and the line."""


class StoreError(Exception):
    """A trained model is missing from the model store."""


class DamagedModelError(StoreError):
    """The bytes of a stored model are not the ones that its name promises."""


class NeededModelError(Exception):
    """A cell needs a trained model that it may not have: undeclared, or its own cell failed."""


class WorkerDiedError(Exception):
    """A worker process ended in the middle of a cell."""
