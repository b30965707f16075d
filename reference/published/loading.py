"""Read the published numbers of each paper from its TOML file, refusing whatever is unclear."""

from __future__ import annotations

import dataclasses
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from reference.published.number import PublishedNumber

PAPERS: tuple[str, ...] = ("chen2018", "massaroli2020", "poli2020")
"""Short names of the papers; each has one TOML file."""

_FOLDER = Path(__file__).parent
_FIELDS = {field.name: field for field in dataclasses.fields(PublishedNumber)}
_MANDATORY = tuple(name for name, field in _FIELDS.items() if field.default is dataclasses.MISSING)
_NUMBERS = ("value", "low", "high")
_LISTS = ("x", "y", "y_low", "y_high")


class PublishedNumberError(ValueError):
    """An entry that cannot be used; the message names the file, the entry and what is wrong."""


def load(paper: str | None = None, folder: Path = _FOLDER) -> dict[str, PublishedNumber]:
    """Return published numbers by id, in the order of the files.

    Args:
        paper: Short name of one paper, one of :data:`PAPERS`; all papers when None.
        folder: Where ``<paper>.toml`` lies.

    Raises:
        PublishedNumberError: When the paper is unknown, a file is missing or not TOML, or an entry is incomplete,
            contradictory or there twice.
    """
    if paper is not None and paper not in PAPERS:
        raise PublishedNumberError(f"no published numbers of {paper!r}; the papers are {', '.join(PAPERS)}")
    numbers: dict[str, PublishedNumber] = {}
    for name in PAPERS if paper is None else (paper,):
        for number in _read(folder / f"{name}.toml"):
            if number.id in numbers:
                raise PublishedNumberError(f"{name}.toml, {number.id}: the id occurs twice")
            numbers[number.id] = number
    return numbers


def _read(path: Path) -> Iterator[PublishedNumber]:
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as error:
        raise PublishedNumberError(f"{path.name}: cannot be read as TOML ({error})") from error
    entries = document.pop("number", None)
    if document or not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
        raise PublishedNumberError(f"{path.name}: the file holds [[number]] entries and nothing else")
    for position, entry in enumerate(entries, start=1):
        place = f"{path.name}, {entry.get('id', f'number {position}, which has no id')}"
        try:
            number = PublishedNumber(**_checked(entry))
        except ValueError as error:
            raise PublishedNumberError(f"{place}: {error}") from error
        if number.paper != path.stem:
            raise PublishedNumberError(f"{place}: the id must start with {path.stem}/")
        yield number


def _checked(entry: dict[str, Any]) -> dict[str, Any]:
    """Return the fields with numbers as floats and lists as tuples."""
    for name in _MANDATORY:
        if name not in entry:
            raise ValueError(f"the field {name!r} is missing; {', '.join(_MANDATORY)} are mandatory")
    fields: dict[str, Any] = {}
    for name, given in entry.items():
        if name not in _FIELDS:
            raise ValueError(f"unknown field {name!r}; the fields are {', '.join(_FIELDS)}")
        if name in _NUMBERS:
            fields[name] = _number(name, given)
        elif name in _LISTS:
            if not isinstance(given, list):
                raise ValueError(f"{name!r} is a list of numbers, not {given!r}")
            fields[name] = tuple(_number(name, item) for item in given)
        elif isinstance(given, str):
            fields[name] = given
        else:
            raise ValueError(f"{name!r} is text, not {given!r}")
    return fields


def _number(name: str, given: object) -> float:
    if isinstance(given, bool) or not isinstance(given, int | float):
        raise ValueError(f"{name!r} takes numbers, not {given!r}")
    return float(given)
