"""After a crash or Ctrl-C the same command goes on: nothing finished is run again, nothing is lost."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from suite.harness.records import load
from tests.harness.tiny_cells import PACKAGES_FOLDER

ROOT = Path(__file__).parents[2]
SCRIPT = "import sys; from suite.__main__ import main; sys.exit(main(packages=('tiny_experiments',)))"
ALL = ["a", "b", "c", "d", "e", "f"]


class Run:
    """A run of the slow experiment in a process group of its own."""

    def __init__(self, tmp_path: Path, jobs: int) -> None:
        self.records, self.ledger = tmp_path / "records", tmp_path / "ledger"
        self.arguments = ["run", "tiny/slow", "--profile", "smoke", "--device", "cpu", "--jobs", str(jobs)]
        self.arguments += ["--records", str(self.records), "--set", f"ledger={self.ledger}", "--set", "seconds=0.3"]

    def start(self) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", SCRIPT, *self.arguments],
            cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(PACKAGES_FOLDER)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def finished(self) -> list[str]:
        cells = load(self.records).cells
        return sorted(cells.loc[cells["status"] == "finished", "variant"])

    def started(self) -> Counter[str]:
        return Counter(self.ledger.read_text().split()) if self.ledger.exists() else Counter()

    def wait_for(self, process: subprocess.Popen[str], finished: int) -> None:
        deadline = time.monotonic() + 60
        while len(self.finished()) < finished:
            assert process.poll() is None, process.communicate()[0]
            assert time.monotonic() < deadline
            time.sleep(0.02)


@pytest.mark.parametrize("jobs", [1, 2])
def test_after_kill_9_nothing_finished_runs_again_and_nothing_is_lost(tmp_path: Path, jobs: int) -> None:
    run = Run(tmp_path, jobs)
    first = run.start()
    run.wait_for(first, 2)
    first.kill()
    first.communicate()
    time.sleep(0.5)  # longer than a cell: a worker that outlived its parent would write another record now
    kept, started = run.finished(), run.started()
    assert 2 <= len(kept) < 6
    leftover = run.records / "tiny" / "slow" / f".{socket.gethostname()}+{first.pid}+0.tmp"
    leftover.write_text("half a record")

    second = run.start()
    output, _ = second.communicate(timeout=60)
    assert second.returncode == 0, output
    assert f"6 cells: {len(kept)} finished before, {6 - len(kept)} to run." in output
    assert run.finished() == ALL
    for variant in kept:
        assert run.started()[variant] == started[variant] == 1
    assert not leftover.exists()
    assert not list(run.records.rglob(".*"))


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_says_how_to_go_on_and_stops_the_workers(tmp_path: Path, jobs: int) -> None:
    run = Run(tmp_path, jobs)
    process = run.start()
    run.wait_for(process, 1)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does: to the workers too
    output, _ = process.communicate(timeout=20)
    assert process.returncode == 130, output
    kept = run.finished()
    assert f"Interrupted: {len(kept)} of 6 cells are finished and kept." in output
    assert "python -m suite run tiny/slow" in output
    assert "Traceback" not in output
    started = run.started()
    time.sleep(1)  # longer than a cell: a worker that went on would start or finish one now
    assert (run.finished(), run.started()) == (kept, started)
