"""The synthetic records, and the site built from them."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from reference import claims as claims_of
from reference import published as published_numbers
from reports.build import write_site
from reports.figures.theme import LIGHT
from suite.harness.records import Records, load
from tests.made_once import make_once
from tests.reports.synthetic import EXPERIMENTS, Writer, fill


@pytest.fixture(scope="session")
def records(shared_folder: Path) -> Records:
    folder = shared_folder / "measured"
    make_once(folder, lambda: fill(Writer(folder)))
    return load(folder)


@pytest.fixture(scope="session")
def site(records: Records, shared_folder: Path) -> Path:
    """The site of the synthetic records; to be read only."""
    published, built = published_numbers.load(), shared_folder / "site"
    make_once(built, lambda: write_site(built, records, EXPERIMENTS, claims_of.load(published), published))
    return built


@pytest.fixture
def light() -> Iterator[None]:
    """Draw with the theme of light pages, which figure functions need around them."""
    with LIGHT.applied():
        yield
