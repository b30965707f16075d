"""Where pooch is not installed, data that is at hand is used, and other data is asked for in one sentence."""

from __future__ import annotations

from pathlib import Path

import pytest

from suite import datasets
from suite.datasets import data_files, download
from suite.harness import missing_pooch


@pytest.fixture(autouse=True)
def without_pooch(monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in = missing_pooch._stand_in()
    for module in (data_files, download):
        monkeypatch.setattr(module, "pooch", stand_in)
    monkeypatch.delenv(datasets.DATA_VARIABLE, raising=False)


@pytest.mark.parametrize("may_download", [False, True])
def test_data_that_is_not_at_hand_is_asked_for(may_download: bool, tmp_path: Path) -> None:
    with pytest.raises(datasets.DataNotFoundError, match=r"pooch is not installed.*--data-dir or DEPTHMARK_DATA"):
        datasets.resolve("mnist", tmp_path, download=may_download, stand_in=False)


def test_a_stand_in_still_takes_its_place() -> None:
    assert datasets.resolve("mnist", download=True, stand_in=True).stand_in_for == "mnist"


def test_data_at_hand_needs_no_pooch(tmp_path: Path) -> None:
    file = data_files.DataFile("a.txt", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    (tmp_path / "a.txt").write_text("abc")
    assert data_files.FileGroup("letters", (file,)).find(tmp_path) == tmp_path
