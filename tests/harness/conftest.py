"""The tiny experiments of these tests, found in a plain folder on the module path."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from suite.declarations import Cell
from suite.harness.plan import plan
from suite.harness.runner import run_cell
from suite.harness.schema import parse
from tests.harness.tiny_cells import PACKAGES_FOLDER, MakeCell, RunTiny


@pytest.fixture(scope="session", autouse=True)
def packages() -> Iterator[tuple[str, ...]]:
    sys.path.insert(0, str(PACKAGES_FOLDER))
    yield ("tiny_experiments",)
    sys.path.remove(str(PACKAGES_FOLDER))


@pytest.fixture
def make_cell(packages: tuple[str, ...]) -> MakeCell:
    def make(experiment: str, variant: str, seed: int = 0, **overrides: str) -> Cell:
        planned = plan([experiment], "smoke", "cpu", seed + 1, None, overrides, packages=packages)
        return next(
            cell for cell in planned if (cell.experiment, cell.variant, cell.seed) == (experiment, variant, seed)
        )

    return make


@pytest.fixture
def run_tiny(packages: tuple[str, ...], make_cell: MakeCell, tmp_path: Path) -> RunTiny:
    def run(experiment: str, variant: str, seed: int = 0) -> tuple[dict[str, Any], list[dict[str, Any]]]:
        return parse(run_cell(make_cell(experiment, variant, seed), tmp_path / "records", packages=packages))

    return run


@pytest.fixture
def header() -> Mapping[str, Any]:
    """Return a valid header."""
    return {
        "schema": 1,
        "cell": {
            "key": "0123456789abcdef",
            "experiment": "tiny/outcomes",
            "variant": "finishes",
            "seed": 0,
            "profile": "smoke",
            "device": "cpu",
            "revision": 1,
            "settings": {"steps": 3},
            "data": [{"name": "digits", "digest": "ab" * 32, "stand_in_for": "mnist"}],
        },
        "code": {"digest": "cd" * 32, "commit": None, "dirty": None},
        "environment": {
            "python": "3.11.0",
            "torch": "2.13.0",
            "cuda": None,
            "driver": None,
            "device_name": "a processor",
            "cpu": "a processor",
            "threads": 1,
            "platform": "an operating system",
            "dependencies": "installed sha256:00",
            "tf32": False,
        },
        "start": "2025-01-02T03:04:05.000000+00:00",
        "seconds": 1.5,
        "status": "finished",
        "error": None,
    }
