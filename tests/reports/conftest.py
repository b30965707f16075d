"""The synthetic records, and the site built from them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from reference import claims as claims_of
from reference import published as published_numbers
from reports.build import write_site
from reports.figures.theme import LIGHT
from suite.harness.records import Records, load
from tests.reports.synthetic import EXPERIMENTS, Writer, fill


@pytest.fixture(scope="session")
def records(tmp_path_factory: pytest.TempPathFactory) -> Records:
    writer = Writer(tmp_path_factory.mktemp("measured"))
    fill(writer)
    return load(writer.folder)


@pytest.fixture(scope="session")
def build_into(records: Records) -> Callable[[Path], Path]:
    published = published_numbers.load()
    claims = claims_of.load(published)

    def into(out: Path) -> Path:
        write_site(out, records, EXPERIMENTS, claims, published)
        return out

    return into


@pytest.fixture(scope="session")
def site(build_into: Callable[[Path], Path], tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_into(tmp_path_factory.mktemp("built") / "site")


@pytest.fixture
def light() -> Iterator[None]:
    """Draw with the theme of light pages, which figure functions need around them."""
    with LIGHT.applied():
        yield
