"""Verdicts as a table for a terminal and as strict JSON."""

from __future__ import annotations

import dataclasses
import json
from collections import Counter
from collections.abc import Mapping, Sequence

from rich.markup import escape
from rich.table import Table

from reference.published import PublishedNumber
from reference.statistics import STATUSES
from reference.statistics.judgement import number, quantity
from reference.verdicts import Verdict

STYLES = {"reproduced": "green", "partly": "yellow", "not reproduced": "red", "not tested": "dim"}


def as_json(verdicts: Sequence[Verdict]) -> str:
    """Return verdicts as a JSON list of flat objects; what has no value is null."""
    return json.dumps([fields(verdict) for verdict in verdicts], indent=2, allow_nan=False)


def fields(verdict: Verdict) -> dict[str, object]:
    """Return the fields of a verdict and those of its claim that say what was judged, as JSON types."""
    claim = verdict.claim
    own = {field.name: getattr(verdict, field.name) for field in dataclasses.fields(verdict) if field.name != "claim"}
    return {
        "claim": claim.id,
        "artefact": claim.artefact,
        "statement": claim.statement,
        "origin": claim.origin,
        "withdrawn": claim.status == "withdrawn",
        "judged_from": claim.judged_from,
        "judged_on": claim.device,
        "judge": claim.judge,
        "published": list(claim.published),
        **{name: list(value) if isinstance(value, tuple) else value for name, value in own.items()},
    }


def table(verdicts: Sequence[Verdict], published: Mapping[str, PublishedNumber]) -> Table:
    """Return verdicts as a table, artefact by artefact; a number that was not judged stands in brackets."""
    counts = Counter(verdict.status for verdict in verdicts)
    caption = ", ".join(f"{counts[status]} {status}" for status in STATUSES if counts[status])
    result = Table(title="Verdicts", caption=f"{caption}. A number in brackets was not judged.")
    result.add_column("claim", no_wrap=True)
    for heading in ("published", "measured", "verdict"):
        result.add_column(heading)
    artefact = ""
    for verdict in verdicts:
        claim = verdict.claim
        if claim.artefact != artefact:
            artefact = claim.artefact
            result.add_section()
            result.add_row(f"[bold]{escape(artefact)}[/]")
        where = " ".join(filter(None, (verdict.profile, verdict.device, verdict.machine)))
        result.add_row(
            escape(claim.id.removeprefix(f"{artefact}/")) + ("\n(withdrawn)" if claim.status == "withdrawn" else ""),
            escape("\n".join(str(published[name]) for name in claim.published)),
            escape("\n".join(filter(None, (measured_words(verdict), where)))),
            f"[{STYLES[verdict.status]}]{verdict.status}[/]\n{escape(verdict.reason)}",
        )
    return result


def measured_words(verdict: Verdict) -> str:
    """Return the measured number with its interval, n and any stand-in data; in brackets when it was not judged."""
    if verdict.measured is None:
        return ""
    words = quantity(verdict.measured, verdict.unit)
    if verdict.low is not None and verdict.high is not None:
        words = f"{words} [{number(verdict.low)}, {number(verdict.high)}]"
    words = f"{words}, n = {verdict.n}"
    if verdict.stand_in:
        words = f"{words}, on {verdict.stand_in}"
    return words if verdict.judged else f"({words})"
