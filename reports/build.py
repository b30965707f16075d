"""Build the site: records, claims and published numbers in; one folder of static pages out."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import get_args

from joblib import Parallel, cpu_count, delayed

from reference import claims as claims_of
from reference import published as published_numbers
from reference.claims import Claim
from reference.published import CONFIDENCES, PublishedNumber
from reference.verdicts import verdicts as judged
from reports.artefact_page import ArtefactPage
from reports.artefacts import Artefact, artefacts, by_paper, without_gpu
from reports.numerals import number
from reports.pages import Pages
from reports.scoreboard import claim_rows, counts
from reports.site_folder import replaced
from reports.verdict_file import verdicts_json
from suite.declarations import DeviceClass, Experiment
from suite.harness import records as record_files
from suite.harness.code_digest import experiment_code
from suite.harness.records import Records, with_own_axes
from suite.harness.registry import experiments as registered

MOST_JOBS = 8
"""Processes at most unless told otherwise: each holds some 600 MB."""

Progress = Callable[[int, int, str], None]
"""Told how many pages are written, of how many, and which was the last."""


def build(directories: Sequence[Path], out: Path, jobs: int | None = None, progress: Progress | None = None) -> Path:
    """Write the site of all records below some directories and return its first page.

    The same records and the same code give the same bytes.

    Args:
        directories: Where records lie; those that do not exist hold none.
        out: The folder of the site. A site that is there is replaced as a whole when the new one is complete.
        jobs: Pages made at a time, each in a process of its own; by default one for each core, up to eight.
        progress: Whom to tell of each page.

    Raises:
        SchemaError: When a record is not complete.
        NotASiteError: When ``out`` holds something else.
    """
    published = published_numbers.load()
    records, claims = record_files.load(*directories), claims_of.load(published)
    jobs = min(cpu_count(), MOST_JOBS) if jobs is None else jobs
    return write_site(out, records, registered(), claims, published, jobs=jobs, progress=progress)


def write_site(
    out: Path,
    records: Records,
    experiments: dict[str, Experiment],
    claims: dict[str, Claim],
    published: dict[str, PublishedNumber],
    *,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Path:
    """Write the site of given records, experiments, claims and published numbers; see :func:`build`."""
    verdicts = judged(claims.values(), records.cells, records.rows, published, experiments)
    rows = claim_rows(claims.values(), verdicts, published)
    entries = artefacts(experiments, rows, published, records)
    pages = Pages()
    places: dict[str, str] = {}
    with replaced(out) as site:
        with as_file(files("reports") / "templates" / "style.css") as style:
            shutil.copyfile(style, site / "style.css")
        tasks = list(_artefact_pages(entries, experiments, records, claims, published))
        written = Parallel(n_jobs=jobs, return_as="generator_unordered")(delayed(_write)(task, site) for task in tasks)
        for done, (artefact, found) in enumerate(written, start=1):
            places |= found
            if progress is not None:
                progress(done, len(tasks), artefact)
        pages.write(
            site / "index.html",
            "index.html.j2",
            root="",
            page_title="Claims",
            papers=[group for group in by_paper(entries) if group.claimed],
            artefacts=entries,
            counts=counts(rows),
            without_gpu=without_gpu(entries),
            claim_count=number(len(rows)),
        )
        pages.write(
            site / "published.html",
            "published.html.j2",
            root="",
            page_title="Published numbers",
            papers=list(by_paper(entry for entry in entries if entry.numbers)),
            confidences=list(CONFIDENCES.items()),
        )
        (site / "verdicts.json").write_text(verdicts_json(verdicts, places), encoding="utf-8")
    return out / "index.html"


def _artefact_pages(
    entries: Sequence[Artefact],
    experiments: dict[str, Experiment],
    records: Records,
    claims: dict[str, Claim],
    published: dict[str, PublishedNumber],
) -> Iterator[ArtefactPage]:
    """Yield what each page is made from, the longest first, so that no process is left with it at the end."""
    sizes = records.rows["experiment"].value_counts()
    for entry in sorted((one for one in entries if one.page), key=lambda one: -int(sizes.get(one.id, 0))):
        own = Records(
            records.cells[records.cells["experiment"] == entry.id],
            with_own_axes(records.rows[records.rows["experiment"] == entry.id]),
            records.replays,
        )
        about = [claim for claim in claims.values() if claim.artefact == entry.id]
        present = _present_codes(experiments[entry.id], own, experiments)
        yield ArtefactPage(entry, experiments[entry.id], own, about, published, present)


def _present_codes(
    experiment: Experiment, records: Records, experiments: dict[str, Experiment]
) -> dict[tuple[str, str], str]:
    """Return the digests of an experiment's present code, by the profiles and classes of device it has records of."""
    ran = set(zip(records.cells["profile"], records.cells["device"], strict=True))
    return {
        (profile, device): experiment_code(experiment, profile, device, experiments)
        for profile in experiment.profiles
        for device in get_args(DeviceClass)
        if (profile, device) in ran
    }


def _write(page: ArtefactPage, site: Path) -> tuple[str, dict[str, str]]:
    return page.entry.id, page.write(site)
