"""The page of one experiment, with its figures and downloads beside it."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reference.claims import Claim
from reference.published import PublishedNumber
from reports.artefacts import Artefact
from reports.downloads import raw_places, write_downloads
from reports.measured import measured, record_sets
from reports.pages import Pages
from reports.papers import paper_of
from reports.settings_table import open_choices, settings_table
from suite.declarations import Experiment
from suite.harness.records import Records


@dataclass(frozen=True)
class ArtefactPage:
    """All that the page of an experiment is made from, so that another process can make it.

    Attributes:
        entry: What is claimed and published of it.
        experiment: The experiment.
        records: Its records.
        claims: Claims about it.
        published: Published numbers by id.
        present: Digests of its present code by profile and class of device.
    """

    entry: Artefact
    experiment: Experiment
    records: Records
    claims: Sequence[Claim]
    published: Mapping[str, PublishedNumber]
    present: Mapping[tuple[str, str], str]

    def write(self, site: Path) -> dict[str, str]:
        """Write the page with all that lies beside it; return where its record files lie in the site."""
        entry, experiment, records = self.entry, self.experiment, self.records
        folder = site / entry.id
        folder.mkdir(parents=True)
        Pages().write(
            folder / "index.html",
            "artefact.html.j2",
            root="../" * (entry.id.count("/") + 1),
            page_title=entry.title,
            id=entry.id,
            title=entry.title,
            description=(inspect.getdoc(experiment) or "").split("\n\n"),
            paper=paper_of(entry.id),
            gpu=entry.gpu,
            claims=entry.claims,
            sets=[
                measured(
                    chosen,
                    records,
                    experiment,
                    self.published,
                    self.present.get((chosen.profile, chosen.device), ""),
                    folder,
                )
                for chosen in record_sets(records, experiment, self.claims)
            ],
            numbers=entry.numbers,
            settings=settings_table(experiment),
            paper_cost=experiment.paper_cost,
            silent=list(open_choices(experiment)),
            downloads=write_downloads(records, experiment, folder),
        )
        return {path: f"{entry.id}/{place}" for path, place in raw_places(records.cells).items()}
