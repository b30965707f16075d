"""What was measured of an experiment on one class of device: figures, tables, failures and provenance."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pandas as pd

from reference.claims import Claim
from reference.published import PublishedNumber
from reference.selection import RecordSet, at_profile_settings, profile_settings, select
from reports.code_note import code_note
from reports.data_names import data_name
from reports.figures.drawing import Evidence
from reports.figures.rendering import DrawnFigure, render
from reports.headers import header
from reports.numerals import number
from reports.provenance import Fact, provenance, stand_in
from reports.tables import Table, by_axes, by_variant, without_table
from suite.declarations import Experiment
from suite.harness.records import Records, with_own_axes


@dataclass(frozen=True)
class Failure:
    """A cell that did not finish, and why."""

    name: str
    status: str
    error: str
    traceback: str


@dataclass(frozen=True)
class Measured:
    """One set of records as a page shows it."""

    anchor: str
    name: str
    description: str
    code_note: str
    stand_in: str
    figures: tuple[DrawnFigure, ...]
    tables: tuple[Table, ...]
    axis_tables: tuple[Table, ...]
    without_table: tuple[str, ...]
    failures: tuple[Failure, ...]
    provenance: tuple[Fact, ...]


def record_sets(records: Records, experiment: Experiment, claims: Sequence[Claim]) -> Iterator[RecordSet]:
    """Yield the set of records that stands for an experiment on each class of device, CUDA first.

    The choice is that of the verdicts: the newest complete set of the highest profile, at the settings of that profile,
    here of all variants and with as many seeds as the most demanding claim needs.
    """
    cells = at_profile_settings(records.cells, profile_settings({experiment.id: experiment}))
    seeds = max((claim.seeds for claim in claims), default=1)
    for device in sorted(cells["device"].unique(), reverse=True):
        chosen = select(cells, experiment.variants, seeds, device)
        if chosen is not None:
            yield chosen


def measured(
    chosen: RecordSet,
    records: Records,
    experiment: Experiment,
    published: Mapping[str, PublishedNumber],
    present: str,
    page: Path,
) -> Measured:
    """Draw the figures of a set of records beside its page, and put its numbers into tables.

    Args:
        chosen: The set.
        records: All records of the experiment.
        experiment: The experiment.
        published: Published numbers by id.
        present: Digest of the present code of the experiment; records of other code are shown with a note.
        page: Folder of the page.
    """
    finished = chosen.cells[chosen.cells["status"] == "finished"]
    rows = with_own_axes(records.rows[records.rows["path"].isin(finished["path"])])
    evidence = Evidence(experiment.id, experiment.variants, experiment.headline, rows, published)
    anchor = f"{chosen.device}-{chosen.profile}"
    return Measured(
        anchor=anchor,
        name=f"profile {chosen.profile} on {_distinct(chosen.cells['device_name'])}",
        description=_description(chosen, finished),
        code_note=code_note(chosen.cells, present, records.replays),
        stand_in=stand_in(finished),
        figures=tuple(render(evidence, page, f"figures/{anchor}")),
        tables=tuple(by_variant(rows, experiment.variants, experiment.headline)),
        axis_tables=tuple(by_axes(rows, experiment.variants)),
        without_table=tuple(without_table(rows)),
        failures=tuple(_failure(path) for path in chosen.unfinished["path"]),
        provenance=tuple(provenance(chosen.cells)),
    )


def _description(chosen: RecordSet, finished: pd.DataFrame) -> str:
    seeds = finished["seed"].nunique()
    data = {data_name(version.split()[0]) for text in chosen.cells["data"] if text for version in text.split(", ")}
    place = _distinct(chosen.cells["machine"])
    higher = f" Profile {chosen.higher} has records too, but of too few seeds." if chosen.higher else ""
    return (
        f"{number(len(finished))} of {number(len(chosen.cells))} cells finished: "
        f"{finished['variant'].nunique()} variants, {seeds} seed{'' if seeds == 1 else 's'}"
        f"{f', on {_listed(data)}' if data else ''}"
        f"{f', kept in the repository as {place}' if place else ''}. "
        f"These are the newest records of one code at the highest profile.{higher}"
    )


def _failure(path: str) -> Failure:
    found = header(path)
    cell, error = found["cell"], found["error"]
    return Failure(
        name=f"{cell['variant']}, seed {cell['seed']}",
        status=found["status"],
        error=f"{error['type']}: {error['message']}",
        traceback=error["traceback"],
    )


def _listed(names: set[str]) -> str:
    return " and ".join(sorted(names))


def _distinct(column: pd.Series[str]) -> str:
    return ", ".join(sorted({str(value) for value in column if value}))
