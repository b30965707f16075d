"""Commands whose output is not read to its end."""

from __future__ import annotations

import os
import runpy
import sys
from pathlib import Path

import pytest

from suite.harness.commands.closed_output import EXIT_UNREAD, quietly

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("words", [("suite", "list"), ("reference", "--help"), ("reports", "--help")])
def test_a_command_that_nobody_reads_ends_without_a_word(
    words: tuple[str, str], monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    module, word = words
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w") as unread:
        monkeypatch.setattr(sys, "stdout", unread)
        monkeypatch.setattr(sys, "argv", [module, word])
        with pytest.raises(SystemExit) as ended:
            runpy.run_path(str(ROOT / module / "__main__.py"), run_name="__main__")
    assert ended.value.code == EXIT_UNREAD
    assert capfd.readouterr() == ("", "")


def test_another_pipe_that_breaks_is_an_error() -> None:
    def command() -> int:
        raise BrokenPipeError

    with pytest.raises(BrokenPipeError):
        quietly(command)


def test_the_status_of_a_command_is_kept() -> None:
    assert quietly(lambda: 2) == 2
