"""From records, claims and published numbers to verdicts: pure functions on data frames."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass

import pandas as pd

from reference.claims import Claim
from reference.published import PublishedNumber
from reference.selection import RecordSet, at_profile_settings, profile_settings, select
from reference.statistics import Judgement, Status, judge
from reference.statistics.samples import where
from suite.declarations import PROFILES, Experiment
from suite.harness.records import with_own_axes
from suite.harness.varying_rows import is_varying

DEVICES = {"cpu": "a CPU", "cuda": "a CUDA device"}
"""Each class of device in words."""


@dataclass(frozen=True)
class Verdict:
    """What the records say of one claim, on one class of device.

    Attributes:
        claim: The claim.
        status: The decision.
        reason: Why, in words.
        measured: The number the decision rests on. Where a claim is not tested it is there all the same, to be shown
            beside the printed number and marked as not judged; None where it could not be computed.
        low: Lower end of its 95 % interval (90 % for an equivalence); None where there is none.
        high: Upper end of it.
        n: How many seeds or points it rests on.
        unit: Unit of the three.
        profile: Profile of the records; empty when there are none.
        device: Class of device; empty when there are no records.
        device_name: The device by its maker's name.
        machine: Folder under ``reports/records/`` that the records come from; empty for local ones.
        code: Digest of the code that was measured.
        commit: Its commit, or commits; empty outside git.
        dirty: Whether the tree differed from its commit.
        torch: Version of torch.
        stand_in: Data that stood in for other data, in words; empty when none did.
        seeds: The seeds that were used.
        records: Paths of the records that were used.
        unfinished: Paths of the records of the set that failed or diverged.
    """

    claim: Claim
    status: Status
    reason: str
    measured: float | None = None
    low: float | None = None
    high: float | None = None
    n: int = 0
    unit: str = ""
    profile: str = ""
    device: str = ""
    device_name: str = ""
    machine: str = ""
    code: str = ""
    commit: str = ""
    dirty: bool = False
    torch: str = ""
    stand_in: str = ""
    seeds: tuple[int, ...] = ()
    records: tuple[str, ...] = ()
    unfinished: tuple[str, ...] = ()

    @property
    def judged(self) -> bool:
        """Whether there is a decision."""
        return self.status != "not tested"

    @property
    def words(self) -> str:
        """The decision as a scoreboard shows it, with the reason where nothing was decided."""
        return self.status if self.judged else f"{self.status} ({self.reason})"


def verdicts(
    claims: Iterable[Claim],
    cells: pd.DataFrame,
    rows: pd.DataFrame,
    published: Mapping[str, PublishedNumber],
    experiments: Mapping[str, Experiment] | None = None,
) -> list[Verdict]:
    """Return the verdict on every claim, one for each class of device that has records of it.

    A claim without any record has one verdict, not tested. One that is only true of a class of device has its verdict
    there; other devices' records show that it is not tested while there are none of its own.

    Args:
        claims: The claims.
        cells: One row for each record, as ``suite.harness.records`` loads them.
        rows: One row for each measurement.
        published: The published numbers by id.
        experiments: Experiments by id, which declare the settings of each profile (records that ran at others are left
            out) and what of theirs varies like times. Of others, no record is left out, and times alone vary.
    """
    known = experiments or {}
    cells = at_profile_settings(cells, profile_settings(known))
    of_artefact = {name: with_own_axes(group) for name, group in rows.groupby("experiment")}
    none = rows.iloc[:0]
    return [
        verdict
        for claim in claims
        for verdict in _of_claim(
            claim, cells, of_artefact.get(claim.artefact, none), published, known.get(claim.artefact)
        )
    ]


def _of_claim(
    claim: Claim,
    cells: pd.DataFrame,
    rows: pd.DataFrame,
    published: Mapping[str, PublishedNumber],
    experiment: Experiment | None,
) -> Iterator[Verdict]:
    cells = cells[(cells["experiment"] == claim.artefact) & cells["variant"].isin(claim.variants)]
    if cells.empty:
        yield Verdict(claim, "not tested", f"no records of {claim.artefact}")
        return
    times = _rests_on_times(claim, rows, experiment)
    devices = sorted(cells["device"].unique())
    for device in [claim.device] if claim.device in devices else devices:
        records = select(cells, claim.variants, claim.seeds, device, times=times)
        if records is not None:
            others = cells[(cells["device"] == device) & ~cells["path"].isin(records.cells["path"])]
            yield _verdict(claim, records, others, rows, published)


def _rests_on_times(claim: Claim, rows: pd.DataFrame, experiment: Experiment | None) -> bool:
    about = rows[rows["metric"].isin(claim.metrics) & rows["variant"].isin(claim.variants)]
    with suppress(ValueError):  # of an axis that no row has: the rule says so
        about = where(about, claim.scope.where)
    axes = [axis for axis, _ in experiment.varying.levels if axis in about] if experiment is not None else []
    kinds = about[["variant", "metric", "unit", *axes]].drop_duplicates()
    return any(is_varying(experiment, kind["variant"], dict(kind)) for _, kind in kinds.iterrows())


def _verdict(
    claim: Claim,
    records: RecordSet,
    others: pd.DataFrame,
    rows: pd.DataFrame,
    published: Mapping[str, PublishedNumber],
) -> Verdict:
    used = records.used
    numbers = [published[number] for number in claim.published]
    judgement = judge(claim.judge, rows[rows["path"].isin(used["path"])], numbers, claim.arguments, claim.scope)
    obstacles = list(_obstacles(claim, records, published))
    if obstacles and not _stand_in(records.cells):
        obstacles = [*_stand_ins_aside(claim, others), *obstacles]
    status: Status = "not tested" if obstacles else judgement.status
    reason = "; ".join(obstacles) if obstacles else _with_remarks(judgement, records)
    cells = records.cells
    return Verdict(
        claim=claim,
        status=status,
        reason=reason,
        measured=_finite(judgement.measured),
        low=_finite(judgement.low),
        high=_finite(judgement.high),
        n=judgement.n,
        unit=judgement.unit,
        profile=records.profile,
        device=records.device,
        device_name=_distinct(cells["device_name"]),
        machine=_distinct(cells["machine"]),
        code=_distinct(cells["code"]),
        commit=_distinct(cells["commit"]),
        dirty=bool(cells["dirty"].any()),
        torch=_distinct(cells["torch"]),
        stand_in=_stand_in(cells),
        seeds=records.seeds,
        records=tuple(used["path"]),
        unfinished=tuple(records.unfinished["path"]),
    )


def _obstacles(claim: Claim, records: RecordSet, published: Mapping[str, PublishedNumber]) -> Iterator[str]:
    """Yield every reason for which these records may not decide the claim."""
    if _replaces_data(claim, records.cells):
        yield f"stand-in data: {_stand_in(records.cells)}"
    if claim.device not in ("", records.device):
        yield f"needs {DEVICES[claim.device]}, measured on {DEVICES[records.device]}"
    if PROFILES.index(claim.judged_from) > _rank(records.profile):
        yield f"needs profile {claim.judged_from}, measured at {records.profile}"
    if len(records.seeds) < claim.seeds:
        missing = [name for name in claim.variants if not (records.cells["variant"] == name).any()]
        lacking = f", no record of {', '.join(missing)}" if missing else ""
        yield f"too few seeds: {len(records.seeds)} of {claim.seeds}{lacking}{_failures(records, '; ')}"
    for number in claim.published:
        if not published[number].judgeable:
            yield f"the published number {number} is {published[number].confidence} and never judged against"


def _stand_ins_aside(claim: Claim, others: pd.DataFrame) -> Iterator[str]:
    """Say which records beside those of the claim cannot decide it either: whoever made them looks for them here."""
    for profile in PROFILES:
        cells = others[others["profile"] == profile]
        if _replaces_data(claim, cells):
            yield f"stand-in data in the {profile} records: {_stand_in(cells)}"


def _replaces_data(claim: Claim, cells: pd.DataFrame) -> bool:
    return bool(claim.data) and claim.data in ", ".join(cells["stand_in_for"].unique()).split(", ")


def _with_remarks(judgement: Judgement, records: RecordSet) -> str:
    higher = f"; profile {records.higher} has too few seeds" if records.higher else ""
    return f"{judgement.reason}{_failures(records, '; left out: ')}{higher}"


def _failures(records: RecordSet, opening: str) -> str:
    cells = records.unfinished
    words = [
        f"{variant} seed {seed} {status}" + (f" ({error})" if error else "")
        for variant, seed, status, error in zip(
            cells["variant"], cells["seed"], cells["status"], cells["error"], strict=True
        )
    ]
    return f"{opening}{', '.join(words)}" if words else ""


def _stand_in(cells: pd.DataFrame) -> str:
    standing = cells[cells["stand_in_for"] != ""]
    if standing.empty:
        return ""
    first = standing.iloc[0]
    names = ", ".join(part.rpartition(" ")[0] or part for part in str(first["data"]).split(", "))
    return f"{names} for {first['stand_in_for']}"


def _rank(profile: str) -> int:
    return [str(known) for known in PROFILES].index(profile)


def _distinct(column: pd.Series[str]) -> str:
    return ", ".join(sorted({str(value) for value in column}))


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
