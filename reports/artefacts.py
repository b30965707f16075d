"""Every artefact the site knows of: registered experiments, and those that only claims or published numbers name."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import groupby

from reference.published import PublishedNumber
from reports.numbers import NumberRow, anchor, number_row
from reports.numerals import number
from reports.on_gpu import NOT_YET, on_gpu
from reports.papers import Paper, order, paper_of
from reports.scoreboard import ClaimRow
from suite.declarations import Experiment
from suite.harness.records import Records

NOT_IMPLEMENTED = "not measured yet: not implemented"
NOT_RUN = "not measured yet: no record"


@dataclass(frozen=True)
class Artefact:
    """One artefact with what is claimed and published of it.

    Attributes:
        id: ``paper/artefact``.
        anchor: Its place on the page of published numbers.
        title: What it is in one line; its id where nothing is registered.
        page: Its page relative to the root of the site; empty when it is not implemented.
        measured: Whether there are records of it.
        state: How much was measured, in words.
        gpu: On which graphics card, in words, or that it was on none; empty when it is not implemented.
        claims: Claims about it.
        numbers: Numbers published of it.
    """

    id: str
    anchor: str
    title: str
    page: str
    measured: bool
    state: str
    gpu: str
    claims: tuple[ClaimRow, ...]
    numbers: tuple[NumberRow, ...]


@dataclass(frozen=True)
class PaperGroup:
    """A paper with its artefacts."""

    paper: Paper
    artefacts: tuple[Artefact, ...]

    @property
    def claimed(self) -> tuple[Artefact, ...]:
        """The artefacts that have claims."""
        return tuple(artefact for artefact in self.artefacts if artefact.claims)

    @property
    def count(self) -> str:
        """How many numbers are published of its artefacts."""
        return number(sum(len(artefact.numbers) for artefact in self.artefacts))


def artefacts(
    experiments: Mapping[str, Experiment],
    claims: Iterable[ClaimRow],
    published: Mapping[str, PublishedNumber],
    records: Records,
) -> list[Artefact]:
    """Return every artefact that is registered, claimed or published, paper by paper."""
    claims = list(claims)
    ids = {*experiments, *(claim.artefact for claim in claims), *(one.artefact for one in published.values())}
    return [
        Artefact(
            id=name,
            anchor=anchor(name),
            title=experiments[name].title if name in experiments else name,
            page=f"{name}/index.html" if name in experiments else "",
            measured=bool((records.cells["experiment"] == name).any()),
            state=_state(name, records) if name in experiments else NOT_IMPLEMENTED,
            gpu=on_gpu(experiments[name], records.cells) if name in experiments else "",
            claims=tuple(claim for claim in claims if claim.artefact == name),
            numbers=tuple(number_row(one) for one in published.values() if one.artefact == name),
        )
        for name in sorted(ids, key=order)
    ]


def without_gpu(entries: Iterable[Artefact]) -> str:
    """Say how many of the implemented artefacts were not measured on a GPU yet; nothing when all were."""
    implemented = [entry.gpu for entry in entries if entry.page]
    missing = implemented.count(NOT_YET)
    if missing == len(implemented):
        return f"The experiments were {NOT_YET}."
    return f"{number(missing)} of {number(len(implemented))} experiments were {NOT_YET}." if missing else ""


def by_paper(entries: Iterable[Artefact]) -> Iterator[PaperGroup]:
    """Yield papers with their artefacts, of artefacts that are ordered by paper."""
    for paper, group in groupby(entries, key=lambda entry: paper_of(entry.id)):
        yield PaperGroup(paper, tuple(group))


def _state(experiment: str, records: Records) -> str:
    cells = records.cells[records.cells["experiment"] == experiment]
    if cells.empty:
        return NOT_RUN
    unfinished = int((cells["status"] != "finished").sum())
    failures = f", {number(unfinished)} not finished" if unfinished else ""
    return f"{number(len(cells))} cells{failures}; profiles {', '.join(sorted(cells['profile'].unique()))}"
