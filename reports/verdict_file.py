"""Verdicts as JSON, for programs, with the places of their records in the site."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path

from reference.listing import fields
from reference.verdicts import Verdict


def verdicts_json(verdicts: Iterable[Verdict], places: Mapping[str, str]) -> str:
    """Return verdicts as strict JSON: what ``python -m reference verdicts --json`` prints, but for the paths.

    Args:
        verdicts: The verdicts.
        places: Where in the site each record file lies, by its path; a path that is not there becomes its file name.
    """

    def placed(paths: Iterable[str]) -> list[str]:
        return [places.get(path, Path(path).name) for path in paths]

    entries = [
        {**fields(verdict), "records": placed(verdict.records), "unfinished": placed(verdict.unfinished)}
        for verdict in verdicts
    ]
    return json.dumps(entries, indent=2, allow_nan=False, ensure_ascii=False) + "\n"
