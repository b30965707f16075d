"""The runbook for a card that is lent for minutes at a time, done on a CPU: run, archives, import, and so on."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from suite.__main__ import main
from suite.harness.deadline import Deadline
from suite.harness.machine_name import machine_name
from suite.harness.provenance import cpu_name
from suite.harness.schema import parse
from tests.harness.tiny_cells import PACKAGES_FOLDER, DeadlineAtFile

ROOT = Path(__file__).parents[2]
TINY = ("tiny_experiments",)
MACHINE = machine_name(cpu_name(), cuda=False)


def numbers(folder: Path) -> list[dict[str, Any]]:
    (path,) = folder.rglob("trains-*.jsonl")
    header, rows = parse(path)
    assert header["status"] == "finished", header["error"]
    return [row for row in rows if row["unit"] != "s"]


def learn(folder: Path, *words: str) -> int:
    """Train the tiny model that touches ``ledger`` after step 3 of its second loop, in another working folder."""
    folder.mkdir(exist_ok=True)
    os.chdir(folder)
    options = ["--profile", "smoke", "--device", "cpu", "--variants", "trains", "--set", f"ledger={folder.parent}/now"]
    return main(["run", "tiny/learning", *options, *words], packages=TINY)


def test_a_training_goes_on_from_call_to_call(
    packages: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert learn(tmp_path / "whole") == 0
    expected = numbers(tmp_path / "whole")
    (tmp_path / "now").unlink()
    capsys.readouterr()

    # On the card, the time is up in the middle of the second loop.
    with monkeypatch.context() as short:
        ends = DeadlineAtFile(asks=1, ends=0, file=str(tmp_path / "now"))
        short.setattr(Deadline, "after", lambda seconds, begun: ends)
        assert learn(tmp_path / "card", "--minutes", "9", "--out", "../out") == 0
    output = capsys.readouterr().out
    name = "tiny/learning trains seed 0 (smoke, cpu)"
    assert "Estimated: nothing is known of 1 cell that is to run." in output
    assert f"{name}: stopped after" in output
    assert f"Resumable: {name} from step 3 of its loop 'loop 1'" in output
    assert "0 of 1 cell finished" in output
    assert "Packed: ../out/depthmark-1.zip" in output
    assert not list((tmp_path / "card").rglob("*.jsonl"))

    # At home, nothing but the archive is known of it.
    home = tmp_path / "home"
    home.mkdir()
    os.chdir(home)
    assert main(["import", "../out"]) == 0
    assert "Files written: 1; already there: 0." in capsys.readouterr().out
    assert len(list((home / "records" / "checkpoints").glob("*.pt"))) == 1

    # The next call goes on from the checkpoint and packs the record; after its import nothing is left to do.
    assert learn(home, "--minutes", "9", "--out", "../out") == 0
    output = capsys.readouterr().out
    assert f"Finished: {name} in " in output
    assert "1 of 1 cell finished" in output
    assert numbers(home / "records") == expected
    card = tmp_path / "card"
    os.chdir(card)
    assert main(["import", "../out"]) == 0
    assert numbers(card / "reports" / "records" / MACHINE) == expected
    assert not list((card / "records" / "checkpoints").iterdir())
    capsys.readouterr()
    assert learn(card, "--minutes", "9") == 0
    assert "1 cell: 1 finished before, 0 to run." in capsys.readouterr().out


def test_failed_cells_fail_the_run_and_are_packed(
    packages: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    words = ["run", "tiny/outcomes", "--profile", "smoke", "--device", "cpu", "--minutes", "9", "--jobs", "2"]
    assert main([*words, "--out", "out"], packages=TINY) == 1
    output = capsys.readouterr().out
    assert "Not finished: tiny/outcomes raises seed 0 (smoke, cpu): RuntimeError: as asked" in output
    assert "Finished: tiny/outcomes finishes" in output
    assert "In out: 3 files packed." in output
    assert main(["import", "out", "--machine", "here", "--records", "elsewhere"]) == 0
    assert len(list((tmp_path / "reports" / "records" / "here" / "tiny" / "outcomes").iterdir())) == 3


def test_ctrl_c_leaves_archives(tmp_path: Path) -> None:
    ledger, out = tmp_path / "ledger", tmp_path / "out"
    script = "import sys; from suite.__main__ import main; sys.exit(main(packages=('tiny_experiments',)))"
    words = ["run", "tiny/slow", "--profile", "smoke", "--device", "cpu", "--set", f"ledger={ledger}"]
    process = subprocess.Popen(
        [sys.executable, "-c", script, *words, "--set", "seconds=0.5", "--out", str(out)],
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": f"{ROOT}{os.pathsep}{PACKAGES_FOLDER}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    deadline = time.monotonic() + 120
    while not ledger.exists() or len(ledger.read_text().split()) < 2:
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.02)
    process.send_signal(signal.SIGINT)
    output, _ = process.communicate(timeout=120)
    assert process.returncode == 130, output
    assert f"In {out}: 1 file packed." in output
    assert (out / "depthmark-1.zip").is_file()


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """Return an exported tree of the present sources with a stamp, and the commit that this names."""
    if shutil.which("git") is None:
        pytest.skip("git is not installed")
    folder = tmp_path_factory.mktemp("exported")
    checkout, tree = folder / "checkout", folder / "tree"
    shutil.copytree(ROOT / "suite", checkout / "suite", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copytree(ROOT / "reference", checkout / "reference", ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "constraints.txt", ".gitignore"):
        shutil.copy(ROOT / name, checkout / name)

    def git(*words: str) -> bytes:
        identity = ["-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false"]
        return subprocess.run(["git", *identity, *words], cwd=checkout, check=True, capture_output=True).stdout

    git("init")
    git("add", ".")
    git("commit", "-m", "all")
    done = suite(checkout, "stamp")
    assert done.returncode == 0, done.stderr
    assert git("status", "--porcelain") == b""
    tree.mkdir()
    (folder / "tree.tar").write_bytes(git("archive", "HEAD"))
    shutil.unpack_archive(folder / "tree.tar", tree, filter="data")
    shutil.copy(checkout / ".depthmark-stamp.json", tree)
    return tree, git("rev-parse", "HEAD").decode().strip()


def suite(tree: Path, *words: str, before: Path | None = None) -> subprocess.CompletedProcess[str]:
    path = "." if before is None else f"{before}{os.pathsep}."
    return subprocess.run(
        [sys.executable, "-m", "suite", *words],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        check=False,
    )


def test_an_exported_tree_runs_without_git_or_pooch_and_names_its_commit(
    exported: tuple[Path, str], tmp_path: Path
) -> None:
    tree, commit = exported
    assert not (tree / ".git").exists()
    (tmp_path / "sitecustomize.py").write_text("import sys\nsys.modules.update(pooch=None, asv=None)\n")
    options = ["--profile", "smoke", "--device", "cpu", "--minutes", "9", "--out", str(tmp_path / "out")]
    words = ["massaroli2020/reflection", "--variants", "vanilla", *options]
    done = suite(tree, "run", *words, before=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "1 of 1 cell finished" in done.stdout
    (path,) = (tree / "records").rglob("vanilla-*.jsonl")
    header = json.loads(path.read_text().splitlines()[0])
    assert header["code"]["commit"] == commit
    assert header["code"]["dirty"] is False
    assert (tmp_path / "out" / "depthmark-1.zip").is_file()
