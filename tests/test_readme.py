"""What README.md and CONTRIBUTING.md show is run: the Python as it stands, the commands as far as they parse."""

from __future__ import annotations

import re
import runpy
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
BLOCKS = [
    (language, text)
    for document in ("README.md", "CONTRIBUTING.md")
    for language, text in re.findall(r"^```(\w+)\n(.*?)^```$", (ROOT / document).read_text(), re.MULTILINE | re.DOTALL)
]
COMMANDS = [shlex.split(line) for language, text in BLOCKS if language == "sh" for line in text.splitlines()]
MODULES = ("suite", "reference", "reports")


def _output(*arguments: str) -> str:
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{shlex.join(arguments)}\n{done.stdout}{done.stderr}"
    return done.stdout


def _options(command: list[str]) -> list[str]:
    return [word for word in command if word.startswith("--")]


def _of_module(module: str) -> list[list[str]]:
    """Return what follows ``python -m module`` in every command of that kind."""
    found = [command for command in COMMANDS if Path(command[0]).name == "python" and command[2] == module]
    return [command[3:] for command in found]


@pytest.mark.parametrize("code", [text for language, text in BLOCKS if language == "python"])
def test_python_runs_as_it_stands(code: str) -> None:
    assert "torch.Size([5, 3])" in _output(sys.executable, "-W", "error", "-c", code)


@pytest.mark.parametrize(
    ("module", "subcommand"), sorted({(module, arguments[0]) for module in MODULES for arguments in _of_module(module)})
)
def test_subcommands_take_the_options_shown(
    module: str, subcommand: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    # As python -m does, but in this process, which has imported already what takes seconds to import.
    monkeypatch.setattr(sys, "argv", [module, subcommand, "--help"])
    with pytest.raises(SystemExit) as ended:
        runpy.run_path(str(ROOT / module / "__main__.py"), run_name="__main__")
    assert not ended.value.code
    usage = capsys.readouterr().out
    shown = [option for arguments in _of_module(module) if arguments[0] == subcommand for option in _options(arguments)]
    assert [option for option in shown if option not in usage] == []


def test_make_knows_the_targets_shown() -> None:
    targets = {target for command in COMMANDS if command[0] == "make" for target in command[1:]}
    assert {"reproduce", "test"} <= targets
    _output("make", "--dry-run", *sorted(targets))


@pytest.mark.parametrize("command", [command for command in COMMANDS if command[0] == "asv"], ids=shlex.join)
def test_airspeed_velocity_takes_the_options_shown(command: list[str]) -> None:
    usage = _output(sys.executable, "-m", "asv", command[1], "--help")
    assert [option for option in _options(command) if option not in usage] == []


def test_pytest_takes_the_options_shown() -> None:
    usage = _output(sys.executable, "-m", "pytest", "--help")
    assert [
        option for command in COMMANDS if command[0] == "pytest" for option in _options(command) if option not in usage
    ] == []


def test_paths_named_in_the_documents_exist() -> None:
    for document in ("README.md", "CONTRIBUTING.md"):
        named = re.findall(r"`((?:suite|reference|reports|tests|\.ci)/[\w/.-]*)`", (ROOT / document).read_text())
        made = ("reports/site/",)
        missing = [path for path in named if not path.startswith(made) and not (ROOT / path).exists()]
        assert not missing, f"{document} names {missing}"
