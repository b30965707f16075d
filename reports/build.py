"""Build the site: records, claims and published numbers in; one folder of static pages out."""

from __future__ import annotations

import inspect
import re
import shutil
from collections.abc import Sequence
from importlib.resources import as_file, files
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup, escape

from reference import claims as claims_of
from reference import published as published_numbers
from reference.claims import Claim
from reference.published import CONFIDENCES, PublishedNumber
from reference.selection import profile_settings
from reference.verdicts import verdicts as judged
from reports.artefacts import Artefact, artefacts, by_paper
from reports.downloads import raw_places, write_downloads
from reports.measured import measured, record_sets
from reports.numerals import number
from reports.papers import paper_of
from reports.scoreboard import claim_rows, counts
from reports.settings_table import open_choices, settings_table
from reports.site_folder import replaced
from reports.verdict_file import verdicts_json
from suite.declarations import Experiment
from suite.harness import records as record_files
from suite.harness.records import Records, with_own_axes
from suite.harness.registry import experiments as registered

INTRODUCTION = (
    "depthmark re-implements the experiments of three papers on continuous-depth deep learning, measures them, and "
    "checks its solvers and gradients against other libraries. Of each published claim this site says whether it was "
    "reproduced, partly reproduced, not reproduced or not tested, with the numbers side by side and the raw records."
)


def build(directories: Sequence[Path], out: Path) -> Path:
    """Write the site of all records below some directories and return its first page.

    The same records and the same code give the same bytes.

    Args:
        directories: Where records lie; those that do not exist hold none.
        out: The folder of the site. A site that is there is replaced as a whole when the new one is complete.

    Raises:
        SchemaError: When a record is not complete.
        NotASiteError: When ``out`` holds something else.
    """
    published = published_numbers.load()
    return write_site(
        out, record_files.load(*directories), registered(), claims_of.load(published), published
    )  # fmt: skip


def write_site(
    out: Path,
    records: Records,
    experiments: dict[str, Experiment],
    claims: dict[str, Claim],
    published: dict[str, PublishedNumber],
) -> Path:
    """Write the site of given records, experiments, claims and published numbers; see :func:`build`."""
    verdicts = judged(claims.values(), records.cells, records.rows, published, profile_settings(experiments))
    rows = claim_rows(claims.values(), verdicts, published)
    entries = artefacts(experiments, rows, published, records)
    pages = Pages()
    places: dict[str, str] = {}
    with replaced(out) as site:
        with as_file(files("reports") / "templates" / "style.css") as style:
            shutil.copyfile(style, site / "style.css")
        for entry in entries:
            if entry.page:
                places |= _write_artefact(site, pages, entry, experiments[entry.id], records, claims, published)
        pages.write(
            site / "index.html",
            "index.html.j2",
            root="",
            page_title="Claims",
            papers=[group for group in by_paper(entries) if group.claimed],
            artefacts=entries,
            counts=counts(rows),
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


class Pages:
    """The templates, and what every page shows."""

    def __init__(self) -> None:
        self._environment = Environment(
            loader=PackageLoader("reports"),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            keep_trailing_newline=True,
        )
        self._environment.filters["code_words"] = code_words

    def write(self, path: Path, template: str, **context: Any) -> None:
        """Render a template into a file."""
        path.parent.mkdir(parents=True, exist_ok=True)
        text = self._environment.get_template(template).render(introduction=INTRODUCTION, **context)
        path.write_text(text, encoding="utf-8")


def code_words(docstring: str) -> Markup:
    """Return text of a docstring as HTML, ``names`` between double backticks as code."""
    return Markup(re.sub("``(.+?)``", r"<code>\1</code>", str(escape(docstring))))


def _write_artefact(
    site: Path,
    pages: Pages,
    entry: Artefact,
    experiment: Experiment,
    records: Records,
    claims: dict[str, Claim],
    published: dict[str, PublishedNumber],
) -> dict[str, str]:
    """Write the page of an experiment with all that lies beside it; return where its record files lie in the site."""
    folder = site / entry.id
    folder.mkdir(parents=True)
    cells = records.cells[records.cells["experiment"] == entry.id]
    own = Records(cells, with_own_axes(records.rows[records.rows["experiment"] == entry.id]))
    chosen = record_sets(own, experiment, [claim for claim in claims.values() if claim.artefact == entry.id])
    pages.write(
        folder / "index.html",
        "artefact.html.j2",
        root="../" * (entry.id.count("/") + 1),
        page_title=entry.title,
        id=entry.id,
        title=entry.title,
        description=(inspect.getdoc(experiment) or "").split("\n\n"),
        paper=paper_of(entry.id),
        claims=entry.claims,
        sets=[measured(one, own, experiment, published, folder) for one in chosen],
        numbers=entry.numbers,
        settings=settings_table(experiment),
        paper_cost=experiment.paper_cost,
        silent=list(open_choices(experiment)),
        downloads=write_downloads(own, experiment, folder),
    )
    return {path: f"{entry.id}/{place}" for path, place in raw_places(cells).items()}
