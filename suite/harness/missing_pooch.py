"""A stand-in for pooch where it is not installed, so that only what needs pooch has to do without it.

The data sets import pooch at their top, and their sources count for the code digest of every record that was measured
with them: an import that moved into a function would make those records ones of other code.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from types import ModuleType
from typing import NoReturn

_ASKED_FOR = ("os_cache", "retrieve", "HTTPDownloader")


def _refuse(*_: object, **__: object) -> NoReturn:
    from suite.datasets.data_files import DATA_VARIABLE, DataNotFoundError

    raise DataNotFoundError(
        "pooch is not installed, so data is neither looked for in its cache nor downloaded; name a folder that holds "
        f"the files with --data-dir or {DATA_VARIABLE}"
    )


def _stand_in() -> ModuleType:
    module = ModuleType("pooch", __doc__)
    for name in _ASKED_FOR:
        setattr(module, name, _refuse)
    return module


POOCH_IS_INSTALLED = find_spec("pooch") is not None
"""Whether data can be downloaded here."""

if not POOCH_IS_INSTALLED:
    sys.modules["pooch"] = _stand_in()
