"""The commands of ``python -m suite`` and what they say of bad input."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from suite import datasets
from suite.__main__ import COMMANDS, main
from suite.datasets import FileState
from suite.harness import runner, status


@pytest.fixture
def records(tmp_path: Path) -> Path:
    return tmp_path / "records"


def test_list_describes_every_experiment(packages: tuple[str, ...], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list"], packages=packages) == 0
    assert "tiny/outcomes: Ways to end" in capsys.readouterr().out
    assert main(["list", "--json"], packages=packages) == 0
    listed = {entry["id"]: entry for entry in json.loads(capsys.readouterr().out)}
    assert listed["tiny/outcomes"]["variants"] == ["finishes", "raises", "diverges"]
    assert listed["tiny/outcomes"]["profiles"]["quick"] == {"steps": 5, "rates": [0.5, 0.25]}
    assert listed["tiny/outcomes"]["seeds"] == {"smoke": 1, "quick": 2}


def run(packages: tuple[str, ...], records: Path, *words: str) -> int:
    options = ["--profile", "smoke", "--device", "cpu", "--records", str(records)]
    return main([words[0], *options, *words[1:]], packages=packages)


def test_run_lists_what_failed_and_goes_on_where_it_was(
    packages: tuple[str, ...], records: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(packages, records, "run", "tiny/outcomes") == 1
    output = capsys.readouterr().out
    assert "3 cells: 0 finished before, 3 to run." in output
    assert "Not finished: tiny/outcomes raises seed 0 (smoke, cpu): RuntimeError: as asked" in output
    assert "Not finished: tiny/outcomes diverges seed 0 (smoke, cpu): FloatingPointError" in output
    assert "1 of 3 cells finished" in output
    assert run(packages, records, "run", "tiny/outcomes") == 1
    assert "3 cells: 1 finished before, 2 to run." in capsys.readouterr().out
    assert run(packages, records, "status", "tiny/outcomes") == 0
    assert "2 failed, 1 current" in capsys.readouterr().out


def test_one_variant_runs_alone_and_an_unknown_one_is_named(
    packages: tuple[str, ...], records: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(packages, records, "run", "tiny/outcomes", "--variants", "finishes") == 0
    assert "1 cell: 0 finished before, 1 to run." in capsys.readouterr().out
    assert run(packages, records, "run", "tiny/outcomes", "--variants", "ends") == 2
    message = capsys.readouterr().err
    assert "no chosen experiment has the variant 'ends'; the variants are finishes, raises, diverges" in message


def test_run_is_quiet_when_all_is_done(
    packages: tuple[str, ...], records: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(packages, records, "run", "tiny/drawing") == 0
    assert run(packages, records, "run", "tiny/drawing") == 0
    assert "2 cells: 2 finished before, 0 to run." in capsys.readouterr().out


def test_status_writes_nothing(packages: tuple[str, ...], records: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(packages, records, "status", "tiny/digits") == 0
    assert "2 missing" in capsys.readouterr().out
    assert not records.exists()


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["tiny/absent"], "no experiment is called 'tiny/absent'; the experiments are tiny/deaths"),
        (["absent/*"], "no experiment matches 'absent/*'"),
        (["tiny/outcomes", "--set", "absent=1"], "unknown setting 'absent'"),
        (["tiny/outcomes", "--set", "steps"], "NAME=VALUE is needed, not 'steps'"),
        (["tiny/outcomes", "--set", "steps=many"], "'steps' takes a value of type int"),
        (["tiny/outcomes", "--seeds", "0"], "at least 1"),
        (["tiny/outcomes", "--jobs", "0"], "at least 1"),
        (["tiny/outcomes", "--minutes", "0"], "a number above 0 is needed, not '0'"),
        (["tiny/outcomes", "--minutes", "nan"], "a number above 0 is needed, not 'nan'"),
        (["tiny/outcomes", "--minutes", "soon"], "a number above 0 is needed, not 'soon'"),
        (["tiny/outcomes", "--out", __file__], "which cannot be a folder"),
        (["tiny/outcomes", "--profile", "huge"], "huge"),
        (["tiny/outcomes", "--data-dir", "absent-folder"], "absent-folder is not a folder"),
        (["tiny/slow", "--profile", "paper"], "tiny/slow has no profile 'paper'"),
    ],
)
def test_bad_input_is_one_sentence_and_exit_code_2(
    packages: tuple[str, ...], records: Path, capsys: pytest.CaptureFixture[str], words: list[str], message: str
) -> None:
    with pytest.raises(SystemExit) as stop:
        sys.exit(run(packages, records, "run", *words))
    captured = capsys.readouterr()
    assert stop.value.code == 2
    assert message in captured.err
    assert captured.err.startswith("python -m suite run: ")
    assert captured.err.count("\n") == 1
    assert captured.out == ""
    assert not records.exists()


def test_a_records_folder_that_is_a_file_is_refused(
    packages: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert run(packages, tmp_path / "file", "run", "tiny/outcomes") == 2
    assert "is not a folder" in capsys.readouterr().err


def test_data_check_names_a_damaged_file(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    states = {"intact": FileState("a.gz", tmp_path / "a.gz", "intact")}
    monkeypatch.setattr(datasets, "check", lambda name, data_dir: list(states.values()))
    assert main(["data", "check", "mnist"]) == 0
    states["damaged"] = FileState("b.gz", tmp_path / "b.gz", "damaged")
    assert main(["data", "check", "mnist"]) == 1
    assert f"mnist: damaged: {tmp_path / 'b.gz'}" in capsys.readouterr().out
    assert main(["data", "check", "absent"]) == 2
    assert "unknown data set 'absent'; the data sets are mnist" in capsys.readouterr().err


def test_data_fetch_that_cannot_reach_a_mirror_fails(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def unreachable(name: str) -> list[FileState]:
        raise datasets.DataNotFoundError("no mirror answers")

    monkeypatch.setattr(datasets, "fetch", unreachable)
    assert main(["data", "fetch", "mnist"]) == 1
    assert "mnist: no mirror answers" in capsys.readouterr().out


@pytest.mark.parametrize("command", sorted(COMMANDS))
def test_help_is_made_of_complete_sentences(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stop:
        main([command, "--help"])
    assert stop.value.code == 0
    assert COMMANDS[command].DESCRIPTION.endswith(".")
    assert COMMANDS[command].DESCRIPTION.split()[0] in capsys.readouterr().out


def test_a_replay_spares_what_ran_with_the_older_code(
    packages: tuple[str, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert run(packages, Path("old"), "run", "tiny/outcomes") == 1
    for module in (runner, status):
        monkeypatch.setattr(module, "cell_code", lambda cell, registered: "f" * 64)
    assert run(packages, Path("new"), "run", "tiny/outcomes") == 1
    capsys.readouterr()
    assert run(packages, Path("old"), "status", "tiny/outcomes") == 0
    assert "2 failed, 1 other code" in capsys.readouterr().out

    assert main(["replay", "old", "new"], packages=packages) == 0
    output = capsys.readouterr().out
    assert "tiny/outcomes (smoke, cpu): the same numbers: 3 cells, 9 rows compared" in output
    assert "The same numbers: 1 of 1 experiment." in output
    (file,) = (tmp_path / "reports" / "records").glob("*/replays.jsonl")
    assert f"{file.relative_to(tmp_path)}: 1 line added." in output
    assert run(packages, Path("old"), "status", "tiny/outcomes") == 0
    assert "2 failed, 1 replayed" in capsys.readouterr().out

    record = next(Path("new").rglob("finishes-*.jsonl"))
    record.write_text(record.read_text().replace('"value": 2', '"value": 2.5'))
    assert main(["replay", "old", "new", "--out", "elsewhere/replays.jsonl"], packages=packages) == 1
    output = capsys.readouterr().out
    assert "finishes seed 0 count [1], step = 2: 2 in OLD and 2.5 in NEW" in output
    assert not Path("elsewhere").exists()
    assert run(packages, Path("old"), "run", "tiny/outcomes") == 1
    assert "3 cells: 1 finished before, 2 to run." in capsys.readouterr().out


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["absent", "."], "absent is not a folder"),
        ([".", "."], "holds no record"),
        ([".", ".", "--out", "lines.jsonl"], "it is looked for by the name replays.jsonl"),
    ],
)
def test_bad_input_of_replay_is_one_sentence(
    packages: tuple[str, ...], words: list[str], message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    try:
        code = main(["replay", *words], packages=packages)
    except SystemExit as ended:
        code = int(str(ended.code))
    assert code == 2
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1
