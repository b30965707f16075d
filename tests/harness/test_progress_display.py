"""Progress as plain lines, and as bars on a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from suite.declarations import Cell
from suite.harness import progress
from suite.harness.observer import Ending, Step
from suite.harness.progress import shown_progress
from tests.harness.tiny_cells import MakeCell


@pytest.fixture
def cell(make_cell: MakeCell) -> Cell:
    return make_cell("tiny/outcomes", "finishes")


def shown(cell: Cell, *, terminal: bool) -> str:
    text = io.StringIO()
    console = Console(file=text, force_terminal=terminal, width=160, color_system=None)
    with shown_progress(2, console) as observer:
        observer.started(cell)
        observer.advanced(cell, Step(3, 10, "epochs", {"test_error": 0.4251}))
        if terminal:
            assert isinstance(observer, progress.ProgressBars)
            observer.progress.refresh()
        observer.ended(cell, Ending("failed", 12.34, "RuntimeError: [bold]no[/bold]"))
    return text.getvalue()


def test_plain_lines_say_what_started_and_ended(cell: Cell) -> None:
    lines = shown(cell, terminal=False).splitlines()
    assert lines == [
        "tiny/outcomes finishes seed 0 (smoke, cpu): started",
        "[1/2] tiny/outcomes finishes seed 0 (smoke, cpu): failed after 12.3 s: RuntimeError: [bold]no[/bold]",
    ]


def test_plain_lines_show_a_step_once_in_a_while(cell: Cell, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "_SECONDS_BETWEEN_LINES", 0.0)
    assert "seed 0 (smoke, cpu): 3/10 epochs test_error 0.4251\n" in shown(cell, terminal=False)


def test_bars_show_the_running_cell_and_all_cells(cell: Cell) -> None:
    text = shown(cell, terminal=True)
    assert "3/10" in text
    assert "epochs" in text
    assert "test_error 0.4251" in text
    assert "0/2" in text
    assert "failed after 12.3 s: RuntimeError: [bold]no[/bold]" in text
