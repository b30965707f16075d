"""Where a set of records comes from: the code, the versions, the machine and the data, as their headers say."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import pandas as pd

from reports.data_names import stand_in_words
from reports.headers import headers
from reports.numerals import seconds
from reports.settings_table import written_setting

Fact = tuple[str, str]
"""A name, and every value of it that occurs."""

_VERSIONS = (
    ("Python", "python"),
    ("torch", "torch"),
    ("CUDA", "cuda"),
    ("driver", "driver"),
    ("device", "device_name"),
    ("CPU", "cpu"),
    ("threads", "threads"),
    ("platform", "platform"),
    ("TF32", "tf32"),
    ("digest of the dependencies", "dependencies"),
)


def stand_in(cells: pd.DataFrame) -> str:
    """Say in words which data stood in for which in some records; nothing where none did."""
    versions = [version for header in headers(cells) for version in header["cell"]["data"]]
    return _all(stand_in_words(one["name"], one["stand_in_for"]) for one in versions if one["stand_in_for"])


def provenance(cells: pd.DataFrame) -> list[Fact]:
    """Return names and texts of what the headers of some cells say, each text naming every value that occurs."""
    found = headers(cells)
    environments = [one["environment"] for one in found]
    durations = cells["seconds"].astype(float)
    facts = [
        ("commit", _all(_commit(one["code"]) for one in found)),
        ("code digest", _all(one["code"]["digest"] for one in found)),
        *((name, _all(_words(one.get(field)) for one in environments)) for name, field in _VERSIONS),
        ("data", _all(text for one in found for text in _data(one["cell"]["data"])) or "none"),
        ("seeds", _all(sorted(int(seed) for seed in cells["seed"]))),
        ("revision of the experiment", _all(cells["revision"])),
        ("first and last start", f"{cells['start'].min()} to {cells['start'].max()}"),
        ("duration", f"{seconds(float(durations.sum()))} in {len(cells)} cells; the longest took "
                     f"{seconds(float(durations.max()))}"),
    ]  # fmt: skip
    return [(name, text) for name, text in facts if text]


def _all(values: Iterable[Any]) -> str:
    return ", ".join(dict.fromkeys(str(value) for value in values if value not in (None, "")))


def _commit(code: Mapping[str, Any]) -> str:
    commit = str(code.get("commit") or "not in a repository")
    return f"{commit} with uncommitted changes" if code.get("dirty") else commit


def _words(value: Any) -> str:
    return "" if value is None else written_setting(value) if not isinstance(value, int) else str(value).lower()


def _data(versions: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for version in versions:
        replaced = f" (standing in for {version['stand_in_for']})" if version["stand_in_for"] else ""
        yield f"{version['name']} {version['digest']}{replaced}"
