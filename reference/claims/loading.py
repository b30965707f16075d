"""Reading claims from TOML, with every mistake named before anything is judged."""

from __future__ import annotations

import tomllib
import typing
from collections.abc import Collection, Iterable, Iterator, Mapping
from importlib.resources import files
from importlib.resources.abc import Traversable

from reference.claims.claim import Claim, Origin, Standing
from reference.statistics import Scope, check_arguments
from suite.declarations import PROFILES, DeviceClass

REQUIRED: Mapping[str, type] = {
    "id": str,
    "artefact": str,
    "statement": str,
    "published": list,
    "judged_from": str,
    "seeds": int,
    "judge": str,
    "arguments": dict,
}
OPTIONAL: Mapping[str, type | tuple[type, ...]] = {
    "margin": (int, float),
    "status": str,
    "data": str,
    "device": str,
    "origin": str,
    "note": str,
}
SCOPE: Mapping[str, type] = {"where": dict, "each": list, "variants": list}
"""Arguments that say which rows a rule is applied to, whatever the rule."""


class ClaimError(ValueError):
    """A claim is not well formed; the message names the file, the claim and the mistake."""


def load(published: Collection[str], folder: Traversable | None = None) -> dict[str, Claim]:
    """Read ``<paper>/<artefact>.toml`` of every artefact and return the claims by id, in the order of the files.

    Args:
        published: Ids of the published numbers that claims may name.
        folder: Where the folders of the papers are; this package when it is None.

    Raises:
        ClaimError: When a file is not TOML, a field is missing, unknown or of the wrong type, a profile, judge,
            argument or published number is unknown, a claim is about another artefact than its file, or an id is used
            twice.
    """
    claims: dict[str, Claim] = {}
    for artefact, file in _files(files("reference.claims") if folder is None else folder):
        where = f"{artefact}.toml"
        for entry in _entries(file, where):
            name = f"{where}: claim {entry.get('id', '(without id)')!r}"
            try:
                claim = _claim(entry, published)
            except ValueError as error:
                raise ClaimError(f"{name}: {error}") from None
            if claim.artefact != artefact:
                raise ClaimError(f"{name}: its artefact is {claim.artefact!r}, whose claims are in another file")
            if claim.id in claims:
                raise ClaimError(f"{name}: this id is used twice")
            claims[claim.id] = claim
    return claims


def _files(folder: Traversable) -> Iterator[tuple[str, Traversable]]:
    """Yield the artefact and the file of each ``<paper>/<artefact>.toml``, in alphabetical order."""
    for paper in _by_name(item for item in folder.iterdir() if item.is_dir()):
        for file in _by_name(item for item in paper.iterdir() if item.name.endswith(".toml")):
            yield f"{paper.name}/{file.name.removesuffix('.toml')}", file


def _by_name(items: Iterable[Traversable]) -> list[Traversable]:
    return sorted(items, key=lambda item: item.name)


def _entries(file: Traversable, where: str) -> list[dict[str, object]]:
    try:
        content = tomllib.loads(file.read_text(encoding="utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ClaimError(f"{where}: not TOML: {error}") from None
    entries = content.get("claim")
    if set(content) != {"claim"} or not isinstance(entries, list):
        raise ClaimError(f"{where}: holds [[claim]] tables and nothing else, not {', '.join(content) or 'nothing'}")
    return entries


def _claim(entry: Mapping[str, typing.Any], published: Collection[str]) -> Claim:
    _check_fields(entry)
    if unknown := [number for number in entry["published"] if number not in published]:
        raise ValueError(f"unknown published number {unknown[0]!r}")
    arguments = dict(entry["arguments"])
    for name, kind in SCOPE.items():
        if name in arguments and not isinstance(arguments[name], kind):
            raise ValueError(f"argument {name!r} is a {kind.__name__}, not {arguments[name]!r}")
    if ("variant" in arguments) == ("variants" in arguments):
        raise ValueError("either the argument 'variant' or 'variants' is needed, not both")
    scope = Scope(
        where=arguments.pop("where", {}),
        each=tuple(arguments.pop("each", ())),
        variants=tuple(arguments.pop("variants", ())),
    )
    margin = entry.get("margin")
    if "margin" in arguments:
        raise ValueError("the margin is a field of the claim, not an argument")
    if margin is not None:
        arguments["margin"] = margin
    every = {"variant": scope.variants[0]} if scope.variants else {}
    check_arguments(entry["judge"], {**arguments, **every})
    return Claim(
        id=entry["id"],
        artefact=entry["artefact"],
        statement=entry["statement"],
        published=tuple(entry["published"]),
        judged_from=entry["judged_from"],
        seeds=entry["seeds"],
        margin=margin,
        judge=entry["judge"],
        arguments=arguments,
        scope=scope,
        **{name: entry[name] for name in ("status", "data", "device", "origin", "note") if name in entry},
    )


def _check_fields(entry: Mapping[str, object]) -> None:
    if missing := [name for name in REQUIRED if name not in entry]:
        raise ValueError(f"the field {missing[0]!r} is missing")
    for name, value in entry.items():
        if name not in REQUIRED and name not in OPTIONAL:
            raise ValueError(f"unknown field {name!r}; the fields are {', '.join([*REQUIRED, *OPTIONAL])}")
        kind = REQUIRED.get(name) or OPTIONAL[name]
        if not isinstance(value, kind) or isinstance(value, bool):
            raise ValueError(f"the field {name!r} cannot be {value!r}")
    _one_of("profile", entry["judged_from"], PROFILES)
    _one_of("status", entry.get("status", ""), typing.get_args(Standing))
    _one_of("device", entry.get("device", "cpu"), typing.get_args(DeviceClass))
    _one_of("origin", entry.get("origin", "paper"), typing.get_args(Origin))
    if typing.cast(int, entry["seeds"]) < 1:
        raise ValueError(f"a claim needs at least one seed, not {entry['seeds']}")
    if not str(entry["id"]).startswith(f"{entry['artefact']}/"):
        raise ValueError(f"the id starts with the artefact, {entry['artefact']!r}")


def _one_of(field: str, value: object, known: Collection[str]) -> None:
    if value not in known:
        raise ValueError(f"unknown {field} {value!r}; it is one of {', '.join(repr(name) for name in known)}")
