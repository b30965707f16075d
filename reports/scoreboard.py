"""Claims with their verdicts as the scoreboard shows them, and how many there are of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from reference.claims import Claim
from reference.published import PublishedNumber
from reference.statistics import STATUSES
from reference.verdicts import DEVICES, Verdict
from reports.data_names import data_name, stand_in_words
from reports.numbers import NumberRow, anchor, number_row
from reports.numerals import estimate, number, with_unit
from suite.declarations import PROFILES

WITHDRAWN = "withdrawn"


@dataclass(frozen=True)
class Outcome:
    """One verdict on a claim, in words.

    Attributes:
        status: The verdict.
        value: The measured value with its interval and unit; empty when nothing was measured.
        how: Number of samples, profile and device, and that it was not judged if it was not.
        stand_in: Which data stood in for which, or nothing.
        reason: Why.
        device: Class of device; empty when nothing was measured.
        code: Commit, code digest and torch version of the records.
    """

    status: str
    value: str
    how: str
    stand_in: str
    reason: str
    device: str
    code: str


@dataclass(frozen=True)
class ClaimRow:
    """A claim with its published numbers and its verdicts, the one of the largest run first."""

    id: str
    anchor: str
    artefact: str
    statement: str
    withdrawn: bool
    ours: bool
    note: str
    rule: str
    published: tuple[NumberRow, ...]
    outcomes: tuple[Outcome, ...]


def claim_rows(
    claims: Iterable[Claim], verdicts: Sequence[Verdict], published: Mapping[str, PublishedNumber]
) -> list[ClaimRow]:
    """Join claims, their verdicts and the published numbers they are about.

    Args:
        claims: The claims, in the order of the page.
        verdicts: Every verdict on them.
        published: Published numbers by id.
    """
    return [
        ClaimRow(
            id=claim.id,
            anchor=f"claim-{anchor(claim.id)}",
            artefact=claim.artefact,
            statement=claim.statement,
            withdrawn=claim.status == WITHDRAWN,
            ours=claim.origin == "ours",
            note=claim.note,
            rule=_rule(claim),
            published=tuple(number_row(published[name]) for name in claim.published),
            outcomes=tuple(_outcome(verdict) for verdict in largest_first(claim, verdicts)),
        )
        for claim in claims
    ]


def largest_first(claim: Claim, verdicts: Iterable[Verdict]) -> list[Verdict]:
    """Return the verdicts on one claim, that of the highest profile first, and CUDA before a CPU."""
    profiles = ("", *PROFILES)
    mine = [verdict for verdict in verdicts if verdict.claim.id == claim.id]
    return sorted(mine, key=lambda each: (profiles.index(each.profile), each.device), reverse=True)


def counts(rows: Iterable[ClaimRow]) -> list[tuple[str, int]]:
    """Return how many claims there are of each verdict, withdrawn ones apart."""
    found = [WITHDRAWN if row.withdrawn else row.outcomes[0].status for row in rows]
    return [(status, found.count(status)) for status in (*STATUSES, WITHDRAWN)]


def _outcome(verdict: Verdict) -> Outcome:
    machine = f", {verdict.machine}" if verdict.machine else ""
    measured = verdict.measured is not None
    how = ""
    if measured:
        judged = "" if verdict.judged else "; shown, not judged"
        data = f"on {data_name(verdict.claim.data)}, " if verdict.claim.data and not verdict.stand_in else ""
        where = f"{verdict.device_name or verdict.device}{machine}"
        how = f"n = {verdict.n}, {data}profile {verdict.profile}, {where}{judged}"
    return Outcome(
        status=verdict.status,
        value=_value(verdict),
        how=how,
        stand_in=stand_in_words(*verdict.stand_in.split(" for ", 1)) if verdict.stand_in else "",
        reason=verdict.reason,
        device=verdict.device,
        code=_code(verdict),
    )


def _value(verdict: Verdict) -> str:
    if verdict.measured is None:
        return ""
    if verdict.low is None or verdict.high is None:
        return with_unit(number(verdict.measured), verdict.unit)
    return estimate(verdict.measured, verdict.low, verdict.high, verdict.unit)


def _code(verdict: Verdict) -> str:
    if not verdict.code:
        return ""
    changes = " with uncommitted changes" if verdict.dirty else ""
    commit = f"commit {_shortened(verdict.commit, 10)}{changes}, " if verdict.commit else ""
    return f"{commit}code {_shortened(verdict.code, 8)}, torch {verdict.torch}"


def _shortened(digests: str, digits: int) -> str:
    """Return the first digits of one or more digests: code that gives the same numbers may have several."""
    return " and ".join(digest[:digits] for digest in digests.split(", "))


def _rule(claim: Claim) -> str:
    scope = {"variants": claim.scope.variants, "each": claim.scope.each, "where": claim.scope.where}
    given = {**claim.arguments, **{name: value for name, value in scope.items() if value}}
    arguments = ", ".join(f"{name} = {_words(value)}" for name, value in given.items())
    seeds = "1 seed" if claim.seeds == 1 else f"{claim.seeds} seeds"
    where = f", on {DEVICES[claim.device]}" if claim.device else ""
    return f"{claim.judge}: {arguments}. Judged from profile {claim.judged_from} and {seeds} on{where}."


def _words(value: object) -> str:
    if isinstance(value, Mapping):
        return " and ".join(f"{name} = {_words(one)}" for name, one in value.items())
    if isinstance(value, list | tuple):
        return " / ".join(str(one) for one in value)
    return str(value)
