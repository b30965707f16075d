"""Files are complete or absent."""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from suite.harness.atomic import remove_leftovers, write_atomically


def test_a_failed_write_leaves_the_old_file_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "file"
    write_atomically(path, b"old")

    def full(descriptor: int) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="no space"):
        write_atomically(path, b"new")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_leftovers_of_dead_processes_are_removed_and_others_kept(tmp_path: Path) -> None:
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    host = socket.gethostname()
    kept = [tmp_path / f".{host}+{os.getpid()}+0.tmp", tmp_path / f".another-host+{dead.pid}+0.tmp", tmp_path / "a.tmp"]
    leftover = tmp_path / "deep" / f".{host}+{dead.pid}+0.tmp"
    leftover.parent.mkdir()
    for path in (*kept, leftover):
        path.write_text("half")
    assert remove_leftovers(tmp_path) == 1
    assert not leftover.exists()
    assert all(path.exists() for path in kept)
